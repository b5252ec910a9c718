"""ListAssumableRoles: which roles some principals can assume in one step, each step with its proof on both sides. Assumes none.

The reach over several steps is the caller's to follow (cli/can_become.py), step by step, so that no request lasts for long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from daypass import policy
from daypass.services.daypass.access import read_context, shown_context, trust_for
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
_BY_SIGNATURE, _BY_TOKEN = "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"
_AT_ONCE = 100  # roles gathered under the lock at a time


@dataclass(slots=True)
class _Target:
    """A role that may be assumed; what it brings itself (`facts`) is gathered when somebody could assume it."""

    role: Role
    arn: str
    owner: str  # its account's name
    trust: policy.Policy
    asks: Mapping[str, Ask]  # by action
    facts: Mapping[str, Values] | None = None


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
            closed = store.closed_accounts
            roles = [role for role in list(store.roles) if role.account not in closed and role.arn not in passed_over]
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
    arn, trust, tags = role.arn, ctx.store.trust_of(role), role_tags(role)
    trusts = {action: trust_for(ctx, role, action) for action in (_BY_SIGNATURE, _BY_TOKEN)}
    asks = {action: Ask(action, arn, role.account, tags, "must", counts) for action, counts in trusts.items()}
    account = ctx.store.accounts.find(role.account)
    return _Target(role, arn, account.name if account else "", trust, asks)


def _by_name_trusted(targets: Iterable[_Target]) -> Mapping[tuple[str, str], Sequence[_Target]]:
    """The targets by each principal that their trust policies name, as written and by the unique id that it is bound to.

    INVARIANT: a caller can be meant only under its own names (`_names`) or its account's, since no trust policy has NotPrincipal.
    """
    found: dict[tuple[str, str], list[_Target]] = {}
    for target in targets:
        for name in target.trust.principals() | {("AWS", id) for id in target.trust.bound.values()}:
            found.setdefault(name, []).append(target)
    return found


def _names(caller: Caller) -> Sequence[tuple[str, str]]:
    """The names of the caller alone, under which its own account's roles need no policy of its own."""
    if caller.kind == "web-identity":
        return [("Federated", caller.provider_arn)]
    return [_EVERYONE, *(("AWS", name) for name in dict.fromkeys((caller.arn, caller.principal_arn, caller.principal_id)) if name)]


def _named(caller: Caller, layers: policy.Layers, by_name: Mapping[tuple[str, str], Sequence[_Target]]) -> Iterable[_Target]:
    """The roles whose trust policies name the caller in some way, but those that its own policies would have to allow and do not."""
    could = policy.could_allow(layers, _BY_SIGNATURE)
    found: dict[str, _Target] = {}
    for name in _names(caller):
        for target in by_name.get(name, ()):
            if caller.kind == "web-identity" or target.role.account == caller.account or could(target.arn):
                found[target.role.id] = target
    for name in (("AWS", caller.account), ("AWS", root_arn(caller.account))) if caller.kind != "web-identity" else ():
        found |= {target.role.id: target for target in by_name.get(name, ()) if could(target.arn)}
    found.pop(caller.principal_id, None)
    return found.values()


def _steps(
    ctx: Context,
    text: str,
    caller: Caller,
    by_name: Mapping[tuple[str, str], Sequence[_Target]],
    supposed: Mapping[str, Values],
    supposing: Supposing,
) -> Iterator[dict[str, Any]]:
    if caller.kind == "root" or caller.account in ctx.store.closed_accounts:
        return  # "Roles may not be assumed by root accounts." (assume_role.py)
    action = _BY_TOKEN if caller.kind == "web-identity" else _BY_SIGNATURE
    reading = ctx.node.store.reading
    with reading():
        own = ctx.store.layers_of(caller)
    targets = list(_named(caller, own, by_name))
    one_each = {target.role.account: target.asks[action] for target in targets}  # what guards a resource is its account's
    with reading():
        layers_of = {account: ctx.store.layers_of(caller, ask) for account, ask in one_each.items()}
        one = _From(text, standing_of(ctx, caller), layers_of)
    suppose = supposing.of(caller)
    for target in targets:
        ask, layers = target.asks[action], one.layers[target.role.account]
        if target.facts is None:
            with reading():
                target.facts = target_facts(ctx, ask)
        facts = {**target.facts, **one.standing.facts, **supposed}
        answer = suppose.ask(ask, caller, facts, layers)
        if answer.verdict != "denied":
            step = _shown(one, target, ask, facts, answer, layers)
            yield step | {"Assumed": shown_context(answer.assumed, suppose.spelled)}


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
        "Arn": target.arn,
        "Account": target.role.account,
        "AccountName": target.owner,
        "By": ask.action,
        "Gives": "identity",
        "Verdict": answer.verdict,
        "TrustStatement": trust[0].statement if trust else "",
        "OwnPolicy": own[0].policy if own else "",
        "OwnStatement": own[0].statement if own else "",
    }
