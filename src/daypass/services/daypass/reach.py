"""ListAssumableRoles: which roles some principals can assume in one step, each step with its proof on both sides. Assumes none.

The reach over several steps is the caller's to follow (cli/can_become.py), step by step, so that no request lasts for long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from daypass import policy
from daypass.services.daypass.access import read_context, shown_context
from daypass.services.daypass.principals import Standing, Supposing, get_caller, standing_of, target_facts
from daypass.services.daypass.server import on_account
from daypass.services.sts.credentials import role_tags
from daypass.store.records import Role
from daypass.values.arn import root_arn
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Values
from daypass.way.context import Context
from daypass.way.operation import Output, operation

_EVERYONE = ("AWS", "*")
_AT_ONCE = 100  # roles gathered under the lock at a time


class _Target(NamedTuple):
    """A role that may be assumed."""

    role: Role
    trust: policy.Policy
    asks: Mapping[str, Ask]  # by action
    facts: Mapping[str, Values]


class _From(NamedTuple):
    """A principal and what it brings to each account's resources."""

    given: str
    standing: Standing
    layers: Mapping[str, policy.Layers]


@operation("daypass", asks=on_account("ListAssumableRoles"))
def list_assumable_roles(
    ctx: Context,
    *,
    principals: Sequence[str],
    reached: Sequence[str] | None = None,
    context: Sequence[Mapping[str, Any]] | None = None,
) -> Output:
    """The roles that each of `principals` can assume, or could under conditions of the request; not those in `reached`, nor itself.

    Raises Refusal (ValidationError) for a principal that is not there.
    """
    supposed = read_context(context)
    callers = [(text, get_caller(ctx, text)) for text in principals]
    passed_over = frozenset(reached or ())
    store = ctx.store

    def work() -> dict[str, Any]:
        with ctx.node.store.reading():
            roles = [role for role in list(store.roles) if role.arn not in passed_over]
        targets: list[_Target] = []
        for first in range(0, len(roles), _AT_ONCE):
            with ctx.node.store.reading():
                targets += [_target(ctx, role) for role in roles[first : first + _AT_ONCE]]
        by_name = _by_name_trusted(targets)
        supposing = Supposing(supposed)
        steps = [step for text, caller in callers for step in _steps(ctx, text, caller, by_name, supposed, supposing)]
        return {"Steps": steps, "Roles": len(store.roles)}

    return ctx.elsewhere(work)


def _target(ctx: Context, role: Role) -> _Target:
    trust = ctx.store.trust_of(role)
    tags = role_tags(role)
    asks = {
        action: Ask(action, role.arn, role.account, tags, "must", trust) for action in ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity")
    }
    return _Target(role, trust, asks, target_facts(ctx, asks["sts:AssumeRole"]))


def _by_name_trusted(targets: Iterable[_Target]) -> Mapping[tuple[str, str], Sequence[_Target]]:
    """The targets by each principal that their trust policies name, as written and by the unique id that it is bound to.

    INVARIANT: a caller can be meant only under one of the names that `_names` gives for it, since NotPrincipal never allows.
    """
    found: dict[tuple[str, str], list[_Target]] = {}
    for target in targets:
        for name in target.trust.principals() | {("AWS", id) for id in target.trust.bound.values()}:
            found.setdefault(name, []).append(target)
    return found


def _names(caller: Caller) -> Sequence[tuple[str, str]]:
    if caller.kind == "web-identity":
        return [("Federated", caller.provider_arn)]
    own = (caller.account, root_arn(caller.account), caller.arn, caller.principal_arn, caller.principal_id)
    return [_EVERYONE, *(("AWS", name) for name in dict.fromkeys(own) if name)]


def _steps(
    ctx: Context,
    text: str,
    caller: Caller,
    by_name: Mapping[tuple[str, str], Sequence[_Target]],
    supposed: Mapping[str, Values],
    supposing: Supposing,
) -> Iterator[dict[str, Any]]:
    if caller.kind == "root":
        return  # "Roles may not be assumed by root accounts." (assume_role.py)
    targets = {target.role.id: target for name in _names(caller) for target in by_name.get(name, ())}
    targets.pop(caller.principal_id, None)
    action = "sts:AssumeRoleWithWebIdentity" if caller.kind == "web-identity" else "sts:AssumeRole"
    one_each = {target.role.account: target.asks[action] for target in targets.values()}  # what guards a resource is its account's
    with ctx.node.store.reading():
        layers_of = {account: ctx.store.layers_of(caller, ask) for account, ask in one_each.items()}
        one = _From(text, standing_of(ctx, caller), layers_of)
    suppose = supposing.of(caller)
    for target in targets.values():
        ask, layers = target.asks[action], one.layers[target.role.account]
        facts = {**target.facts, **one.standing.facts, **supposed}
        answer = suppose.ask(ask, caller, facts, layers)
        if answer.verdict != "denied":
            yield _shown(one, target, ask, facts, answer, layers)


def _shown(
    one: _From, target: _Target, ask: Ask, facts: Mapping[str, Values], answer: policy.Supposition, layers: policy.Layers
) -> dict[str, Any]:
    caller = one.standing.caller
    held = {key: value for key, value in {**facts, **answer.assumed}.items() if value is not None}
    said = {one.layer: one for one in policy.explain(ask, caller, held, layers).layers}
    trust, own = said["trust"].matched, said["identity"].matched if said["identity"].needed else ()
    return {
        "From": one.given,
        "FromArn": caller.principal_arn or caller.arn,
        "RoleArn": target.role.arn,
        "Account": target.role.account,
        "Verdict": answer.verdict,
        "Assumed": shown_context(answer.assumed),
        "TrustStatement": trust[0].statement if trust else "",
        "OwnPolicy": own[0].policy if own else "",
        "OwnStatement": own[0].statement if own else "",
    }
