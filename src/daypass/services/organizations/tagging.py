"""Tags on what an organization holds: accounts, units, the root, policies, the resource policy.

Source: AWS Organizations User Guide, "Tagging AWS Organizations resources"; keys are unique ignoring ASCII case here (as for IAM),
since `aws:ResourceTag/KEY` is looked up ignoring case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.organizations import refusals
from daypass.services.organizations.asks import By, managed
from daypass.services.organizations.places import find_place, find_policy, get_organization
from daypass.services.organizations.show import Members, page
from daypass.store.records import Organization, Tags
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

Given = Sequence[Mapping[str, str]]  # Key and Value, as the wire reads them


def read_tags(given: Given, existing: Tags = ()) -> Tags:
    """`existing` with the `given` tags put over it. Raises InvalidInputException, ConstraintViolationException."""
    keys = [fold(tag["Key"]) for tag in given]
    if len(set(keys)) != len(keys):
        raise refusals.invalid("DUPLICATE_TAG_KEY", "Tag keys must be unique.")
    if any(key.startswith("aws:") for key in keys):
        raise refusals.invalid("INVALID_SYSTEM_TAGS_PARAMETER", "Tag keys that start with aws: are reserved.")
    tags = {fold(key): (key, value) for key, value in existing} | {fold(tag["Key"]): (tag["Key"], tag["Value"]) for tag in given}
    if len(tags) > refusals.TAGS:
        raise refusals.violation("MAX_TAG_LIMIT_EXCEEDED", f"A resource has at most {refusals.TAGS} tags.")
    return tuple(tags.values())


def _tags_of(ctx: Context, organization: Organization, id: str) -> Tags:
    if (tagged := find_place(ctx.store, organization, id) or find_policy(ctx.store, organization, id)) is not None:
        return tagged.tags
    if (resource := organization.resource_policy) is not None and resource.id == id:
        return resource.tags
    raise Refusal("TargetNotFoundException", "You specified a target that doesn't exist.")


def _put_tags(ctx: Context, organization: Organization, id: str, tags: Tags) -> None:
    tagged = find_place(ctx.store, organization, id) or find_policy(ctx.store, organization, id)
    if tagged is not None:
        ctx.changes.put(replace(tagged, tags=tags))
    elif organization.resource_policy is not None:
        ctx.changes.put(replace(organization, resource_policy=replace(organization.resource_policy, tags=tags)))


@operation("organizations", asks=managed("organizations:TagResource", "resource_id", by=By.DELEGATE), writes=True)
def tag_resource(ctx: Context, *, resource_id: str, tags: Given) -> None:
    """Put tags on a resource."""
    organization = get_organization(ctx)
    _put_tags(ctx, organization, resource_id, read_tags(tags, _tags_of(ctx, organization, resource_id)))


@operation("organizations", asks=managed("organizations:UntagResource", "resource_id", by=By.DELEGATE), writes=True)
def untag_resource(ctx: Context, *, resource_id: str, tag_keys: Sequence[str]) -> None:
    """Take tags from a resource."""
    organization = get_organization(ctx)
    gone = {fold(key) for key in tag_keys}
    _put_tags(ctx, organization, resource_id, tuple(tag for tag in _tags_of(ctx, organization, resource_id) if fold(tag[0]) not in gone))


@operation("organizations", asks=managed("organizations:ListTagsForResource", "resource_id", by=By.READER))
def list_tags_for_resource(ctx: Context, *, resource_id: str, next_token: str | None = None) -> Output:
    """The tags of a resource, all in one page."""
    organization = get_organization(ctx)
    tags = _tags_of(ctx, organization, resource_id)
    return page(ctx, "Tags", tags, _show, next_token, refusals.TAGS, of=resource_id, key=itemgetter(0))


def _show(tag: tuple[str, str]) -> Members:
    return {"Key": tag[0], "Value": tag[1]}
