"""What the operations of Organizations ask before they run, and of whose resources: that is where it is settled who may call what.

An organization and all that is in it belong to the management account. So its callers need what their own policies allow; a member's
are in another account than what they ask for, and need the organization's resource policy as well, which speaks for the few operations
that can be delegated only. Registered delegated administrators are added to it for those that only read.
Source: AWS Organizations API Reference ("You can only call this operation from …"); User Guide, "Delegated administrator", "Resource-based
delegation policies"; Service Authorization Reference, "AWS Organizations".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from daypass import policy
from daypass.services.organizations.places import find_handshake, find_place, find_policy
from daypass.services.organizations.show import account_arn
from daypass.store.guards import FULL_ACCESS_ARNS, FULL_ACCESS_IDS
from daypass.store.records import Account, Organization, Tags
from daypass.values.arn import organizations_arn
from daypass.values.decision import Ask, Combine, Values
from daypass.values.folding import fold

if TYPE_CHECKING:
    from daypass.store import Snapshot
    from daypass.way.context import Context
    from daypass.way.operation import Asks

Parameters = Mapping[str, Any]


class By(Enum):
    """Who besides the management account may be let in."""

    MANAGEMENT = "nobody"
    DELEGATE = "members that the resource policy names"
    READER = "those, and registered delegated administrators"


DELEGABLE: set[str] = {
    "organizations:DescribeEffectivePolicy",
    "organizations:DescribeHandshake",
    "organizations:DescribeOrganization",
    "organizations:ListHandshakesForAccount",
}
"""What a resource policy may speak of: these, which every member may call of itself, and those below that `managed` adds."""
_READING: set[str] = set()
_PREFIXES = {"ou": "ou", "r": "root", "p": "policy", "h": "handshake", "rp": "resourcepolicy"}


def managed(action: str, *members: str, by: By = By.MANAGEMENT) -> Asks:
    """Ask for `action` on the things of the organization whose ids these parameters hold, or on "*"."""
    if by is not By.MANAGEMENT:
        DELEGABLE.add(action)
    if by is By.READER:
        _READING.add(action)

    def asks(ctx: Context, params: Parameters) -> Iterator[Ask]:
        organization = ctx.store.tree.organization_of(ctx.account)
        if organization is None:
            yield Ask(action, "*", ctx.account)  # there is nothing to guard; the operation says so
            return
        speaks = None
        if ctx.account != organization.account and by is not By.MANAGEMENT:
            speaks = _delegation(organization)
        combine: Combine = "none" if ctx.account == organization.account else "must"
        ids = [id for name in members if (id := _id(params.get(name)))]
        for one, arn, context in _what(ctx, organization, action, ids, params):
            yield Ask(one, arn, organization.account, context, combine=combine, policy=speaks)

    return asks


def _id(value: Any) -> str:
    """The id in a parameter: itself, or that of the account that a party of a handshake is."""
    if isinstance(value, Mapping):
        return str(value["Id"]) if value["Type"] == "ACCOUNT" else ""
    return value or ""


def own(action: str, member: str = "") -> Asks:
    """Ask for `action` where the caller's account acts for itself; on the handshake that `member` names, or on "*"."""

    def asks(ctx: Context, params: Parameters) -> Iterator[Ask]:
        handshake = find_handshake(ctx, params[member]) if member else None
        yield Ask(action, handshake.arn if handshake else "*", ctx.account)

    return asks


def _what(
    ctx: Context, organization: Organization, action: str, ids: list[str], params: Parameters
) -> Iterator[tuple[str, str, Mapping[str, Values]]]:
    """Each action, the ARN that it is asked for and its condition keys; tags that are given need TagResource as well."""
    context = dict(_given(ctx, organization, params))
    for id in ids or [""]:
        arn, tags = named(ctx.store, organization, id) if id else ("*", ())
        yield action, arn, context | {f"aws:resourcetag/{fold(key)}": value for key, value in tags}
    if params.get("tags") and action != "organizations:TagResource":
        yield "organizations:TagResource", "*", context


def _given(ctx: Context, organization: Organization, params: Parameters) -> Iterator[tuple[str, Values]]:
    tags = params.get("tags") or ()
    for tag in tags:
        yield f"aws:requesttag/{fold(tag['Key'])}", tag["Value"]
    if keys := tuple(tag["Key"] for tag in tags) or tuple(params.get("tag_keys") or ()):
        yield "aws:tagkeys", keys
    if kind := _policy_type(ctx.store, organization, params):
        yield "organizations:policytype", kind
    if service := params.get("service_principal"):
        yield "organizations:serviceprincipal", service


def _policy_type(store: Snapshot, organization: Organization, params: Parameters) -> str | None:
    given = params.get("policy_type") or params.get("type") or params.get("filter")
    if isinstance(given, str):
        return given
    id = params.get("policy_id") or params.get("resource_id") or ""
    if (found := find_policy(store, organization, id)) is not None:
        return found.kind
    return next((kind for kind, own in FULL_ACCESS_IDS.items() if own == id), None)


def named(store: Snapshot, organization: Organization, id: str) -> tuple[str, Tags]:
    """The ARN and the tags of what `id` is in this organization; for what is not there, the ARN that it would have."""
    place = find_place(store, organization, id)
    if isinstance(place, Account):
        return account_arn(organization, id), place.tags
    if place is not None:
        return (place.root_arn if isinstance(place, Organization) else place.arn), place.tags
    if (found := find_policy(store, organization, id)) is not None:
        return found.arn, found.tags
    for kind, full in FULL_ACCESS_IDS.items():
        if id == full:
            return FULL_ACCESS_ARNS[kind], ()
    resource = organization.resource_policy
    prefix = _PREFIXES.get(id.partition("-")[0], "account")
    kind_of = "/invite" if prefix == "handshake" else ""
    arn = organizations_arn(organization.account, f"{prefix}/{organization.id}{kind_of}/{id}")
    return arn, resource.tags if resource and resource.id == id else ()


def _delegation(organization: Organization) -> policy.Policy | None:
    """What the organization says of members: its resource policy, and that its delegated administrators may read."""
    own = organization.resource_policy
    delegates = tuple(sorted({one.account for one in organization.delegates}))
    if own is None and not delegates:
        return None
    return _compiled(own.text if own else "", tuple(sorted(own.trusted.items())) if own else (), delegates, tuple(sorted(_READING)))


@lru_cache(256)
def _compiled(text: str, trusted: tuple[tuple[str, str], ...], delegates: tuple[str, ...], reading: tuple[str, ...]) -> policy.Policy:
    try:
        return policy.read_policy(_joined(text, delegates, reading), "resource", name="resource policy", principals=dict(trusted))
    except (policy.PolicyError, ValueError, KeyError, TypeError):
        return policy.unreadable("resource", "resource policy")  # attack row C43: what cannot be read denies


def _joined(text: str, delegates: Iterable[str], reading: Iterable[str]) -> str:
    document = json.loads(text) if text else {"Version": "2012-10-17", "Statement": []}  # was read strictly when it was stored
    listed = document["Statement"]
    statements = list(listed) if isinstance(listed, list) else [listed]
    if principals := list(delegates):
        statements.append({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": list(reading), "Resource": "*"})
    return json.dumps(document | {"Statement": statements})
