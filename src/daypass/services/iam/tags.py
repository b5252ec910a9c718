"""Tags: the rules that every tagged kind shares, and the operations that put, take away and list them.

One rule for all kinds: keys are unique ignoring ASCII case. AWS has it for users and roles only, but `aws:ResourceTag/KEY` is looked
up ignoring case for every kind, so that two spellings of one key would leave a condition's outcome to chance.
Source: IAM User Guide, "Tags for AWS Identity and Access Management resources".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import on_instance_profile, on_policy, on_provider, on_role, on_user, with_tag_keys, with_tags
from daypass.services.iam.listing import PAGE, listing
from daypass.store.holdings import SamlProvider, ServerCertificate
from daypass.store.people import MfaDevice
from daypass.store.records import InstanceProfile, ManagedPolicy, OidcProvider, Role, Tags, User
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

Given = Sequence[Mapping[str, str]]  # Key and Value, as the wire reads them
AnyTagged = User | Role | ManagedPolicy | InstanceProfile | OidcProvider | SamlProvider | ServerCertificate | MfaDevice
Tagged = TypeVar("Tagged", User, Role, ManagedPolicy, InstanceProfile, OidcProvider, SamlProvider, ServerCertificate, MfaDevice)

RESERVED_PREFIX = "aws:"


def read_tags(given: Given, existing: Tags = ()) -> Tags:
    """`existing` with the `given` tags put over it. Raises InvalidInput for a reserved or repeated key, LimitExceeded beyond 50."""
    keys = [fold(tag["Key"]) for tag in given]
    if len(set(keys)) != len(keys):
        raise Refusal("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith(RESERVED_PREFIX) for key in keys):
        raise Refusal("InvalidInput", "Tag keys that start with aws: are reserved for system use.")
    tags = {fold(key): (key, value) for key, value in existing} | {fold(tag["Key"]): (tag["Key"], tag["Value"]) for tag in given}
    quotas.within("TagsPerResource", quotas.TAGS, len(tags))
    return tuple(tags.values())


def put_tags(ctx: Context, record: Tagged, given: Given) -> None:
    """Put tags on a record that is there."""
    ctx.changes.put(replace(record, tags=read_tags(given, record.tags)))


def take_tags(ctx: Context, record: Tagged, keys: Sequence[str]) -> None:
    """Take tags from a record; a key that is not there is no error."""
    gone = {fold(key) for key in keys}
    ctx.changes.put(replace(record, tags=tuple(tag for tag in record.tags if fold(tag[0]) not in gone)))


def list_tags(ctx: Context, record: AnyTagged, marker: str | None, max_items: int) -> Output:
    """One page of a record's tags."""
    places = list(enumerate(record.tags))  # a key of 128 letters may be too long for a marker, its place is not
    return listing(ctx, "Tags", places, _show, key=lambda item: f"{item[0]:04}", marker=marker, max_items=max_items, of=record.id)


def _show(placed: tuple[int, tuple[str, str]]) -> dict[str, Any]:
    _, (key, value) = placed
    return {"Key": key, "Value": value}


@operation("iam", asks=on_user("iam:TagUser", with_tags), writes=True)
def tag_user(ctx: Context, *, user_name: str, tags: Given) -> None:
    """Put tags on a user."""
    put_tags(ctx, entities.get_user(ctx, user_name), tags)


@operation("iam", asks=on_user("iam:UntagUser", with_tag_keys), writes=True)
def untag_user(ctx: Context, *, user_name: str, tag_keys: Sequence[str]) -> None:
    """Take tags from a user; a key that is not there is no error."""
    take_tags(ctx, entities.get_user(ctx, user_name), tag_keys)


@operation("iam", asks=on_user("iam:ListUserTags"))
def list_user_tags(ctx: Context, *, user_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The tags of a user."""
    return list_tags(ctx, entities.get_user(ctx, user_name), marker, max_items)


@operation("iam", asks=on_role("iam:TagRole", with_tags), writes=True)
def tag_role(ctx: Context, *, role_name: str, tags: Given) -> None:
    """Put tags on a role."""
    put_tags(ctx, entities.get_role_to_describe(ctx, role_name), tags)


@operation("iam", asks=on_role("iam:UntagRole", with_tag_keys), writes=True)
def untag_role(ctx: Context, *, role_name: str, tag_keys: Sequence[str]) -> None:
    """Take tags from a role."""
    take_tags(ctx, entities.get_role_to_describe(ctx, role_name), tag_keys)


@operation("iam", asks=on_role("iam:ListRoleTags"))
def list_role_tags(ctx: Context, *, role_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The tags of a role."""
    return list_tags(ctx, entities.get_role(ctx, role_name), marker, max_items)


@operation("iam", asks=on_policy("iam:TagPolicy", with_tags), writes=True)
def tag_policy(ctx: Context, *, policy_arn: str, tags: Given) -> None:
    """Put tags on a customer-managed policy."""
    put_tags(ctx, entities.get_own_policy(ctx, policy_arn, "iam:TagPolicy"), tags)


@operation("iam", asks=on_policy("iam:UntagPolicy", with_tag_keys), writes=True)
def untag_policy(ctx: Context, *, policy_arn: str, tag_keys: Sequence[str]) -> None:
    """Take tags from a customer-managed policy."""
    take_tags(ctx, entities.get_own_policy(ctx, policy_arn, "iam:UntagPolicy"), tag_keys)


@operation("iam", asks=on_policy("iam:ListPolicyTags"))
def list_policy_tags(ctx: Context, *, policy_arn: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The tags of a managed policy."""
    return list_tags(ctx, entities.get_policy(ctx, policy_arn), marker, max_items)


@operation("iam", asks=on_instance_profile("iam:TagInstanceProfile", with_tags), writes=True)
def tag_instance_profile(ctx: Context, *, instance_profile_name: str, tags: Given) -> None:
    """Put tags on an instance profile."""
    put_tags(ctx, entities.get_instance_profile(ctx, instance_profile_name), tags)


@operation("iam", asks=on_instance_profile("iam:UntagInstanceProfile", with_tag_keys), writes=True)
def untag_instance_profile(ctx: Context, *, instance_profile_name: str, tag_keys: Sequence[str]) -> None:
    """Take tags from an instance profile."""
    take_tags(ctx, entities.get_instance_profile(ctx, instance_profile_name), tag_keys)


@operation("iam", asks=on_instance_profile("iam:ListInstanceProfileTags"))
def list_instance_profile_tags(ctx: Context, *, instance_profile_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The tags of an instance profile."""
    return list_tags(ctx, entities.get_instance_profile(ctx, instance_profile_name), marker, max_items)


@operation("iam", asks=on_provider("iam:TagOpenIDConnectProvider", with_tags), writes=True)
def tag_open_id_connect_provider(ctx: Context, *, open_id_connect_provider_arn: str, tags: Given) -> None:
    """Put tags on an OIDC provider."""
    put_tags(ctx, entities.get_provider(ctx, open_id_connect_provider_arn), tags)


@operation("iam", asks=on_provider("iam:UntagOpenIDConnectProvider", with_tag_keys), writes=True)
def untag_open_id_connect_provider(ctx: Context, *, open_id_connect_provider_arn: str, tag_keys: Sequence[str]) -> None:
    """Take tags from an OIDC provider."""
    take_tags(ctx, entities.get_provider(ctx, open_id_connect_provider_arn), tag_keys)


@operation("iam", asks=on_provider("iam:ListOpenIDConnectProviderTags"))
def list_open_id_connect_provider_tags(
    ctx: Context, *, open_id_connect_provider_arn: str, marker: str | None = None, max_items: int = PAGE
) -> Output:
    """The tags of an OIDC provider."""
    return list_tags(ctx, entities.get_provider(ctx, open_id_connect_provider_arn), marker, max_items)
