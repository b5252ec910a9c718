"""Which policies let an entity call a service at all: ListPoliciesGrantingServiceAccess. Weighs no conditions and no resources.

Source: IAM User Guide, "Refining permissions in AWS using last accessed information".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from daypass.policy import PolicyError
from daypass.policy.document import Statement, read_document
from daypass.services.iam import entities
from daypass.services.iam.asks import on_arn
from daypass.services.iam.listing import PAGE, cut
from daypass.store.records import Group, ManagedPolicy, Role, User
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

_TYPES = {User: "USER", Group: "GROUP", Role: "ROLE"}


class Held(NamedTuple):
    """A policy that an entity has: attached, or inline of `holder`."""

    name: str
    text: str
    arn: str  # "" for an inline policy
    holder: User | Group | Role


@operation("iam", asks=on_arn("iam:ListPoliciesGrantingServiceAccess"))
def list_policies_granting_service_access(
    ctx: Context, *, arn: str, service_namespaces: Sequence[str], marker: str | None = None
) -> Output:
    """For each service, the policies of a user (and of the user's groups), group or role that allow any action of it."""
    entity = entities.get_by_arn(ctx, arn)
    if isinstance(entity, ManagedPolicy):
        raise Refusal("InvalidInput", f"ARN {arn} is not that of a user, group or role.")
    held = [(item, allowing(item.text)) for item in policies_of(ctx, entity)]
    page, following = cut(
        ctx,
        "PoliciesGrantingServiceAccess",
        dict.fromkeys(service_namespaces),
        key=str,
        marker=marker,
        max_items=PAGE,
        of=entity.id,
    )
    listed = [{"ServiceNamespace": one, "Policies": [_show(item) for item, grant in held if grants(grant, one)]} for one in page]
    return {"PoliciesGrantingServiceAccess": listed} | following


def policies_of(ctx: Context, entity: User | Group | Role) -> Iterator[Held]:
    """The identity policies that count for an entity; not its boundary, which grants nothing."""
    holders: list[User | Group | Role] = [entity]
    if isinstance(entity, User):
        holders.extend(group for group_id in entity.groups if (group := ctx.store.groups.find(group_id)))
    for holder in holders:
        for name, text in sorted(holder.inline.items()):
            yield Held(name, text, "", holder)
        for arn in holder.policies:
            if (policy := entities.find_policy(ctx, arn)) is not None:
                yield Held(policy.name, policy.document, arn, holder)


def allowing(text: str) -> tuple[Statement, ...]:
    """The statements of a policy that allow something; none of one that cannot be read, since that allows nothing."""
    try:
        return tuple(statement for statement in read_document(text, "identity").statements if statement.effect == "Allow")
    except PolicyError:
        return ()


def grants(statements: Iterable[Statement], namespace: str) -> bool:
    """Whether any of these statements allows an action of a service, under whatever conditions."""
    service = fold(namespace)
    return any(_speaks_for(statement, service) for statement in statements)


def _speaks_for(statement: Statement, namespace: str) -> bool:
    if statement.not_action:
        return not any(pattern in ("*", f"{namespace}:*") for pattern in map(fold, statement.actions))
    return any(pattern == "*" or pattern.partition(":")[0] == namespace for pattern in map(fold, statement.actions))


def services_of(texts: Iterable[str], namespaces: Iterable[str]) -> list[str]:
    """Those of `namespaces` of which any of the policies allows something, sorted."""
    statements = [statement for text in texts for statement in allowing(text)]
    return sorted(one for one in namespaces if grants(statements, one))


def _show(held: Held) -> dict[str, Any]:
    if held.arn:
        return {"PolicyName": held.name, "PolicyType": "MANAGED", "PolicyArn": held.arn}
    owner = {"EntityType": _TYPES[type(held.holder)], "EntityName": held.holder.name}
    return {"PolicyName": held.name, "PolicyType": "INLINE"} | owner
