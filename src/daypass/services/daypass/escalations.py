"""ListEscalations: what some principals could make themselves or others by changing IAM, each way with its proof. Changes nothing.

Each question is the one that the operation itself would ask, decided by the one engine. Which operations count is the table WAYS; what is
granted by trust as it stands is reach.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from daypass import policy
from daypass.services.daypass.access import read_context, shown_context
from daypass.services.daypass.principals import Standing, as_sent_by, get_caller, is_free_for, standing_of, target_facts
from daypass.services.daypass.server import on_account
from daypass.services.iam.organization_features import get_organization
from daypass.services.iam.quotas import ACCESS_KEYS_PER_USER
from daypass.services.sts.assume_root import TASKS
from daypass.store.records import Account, Group, ManagedPolicy, Role, User
from daypass.values.arn import root_arn
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Values
from daypass.values.errors import Refusal
from daypass.way.context import Context
from daypass.way.operation import OPERATIONS, Asks, Open, Output, operation

Target = User | Role | Group | ManagedPolicy | Account
Gives = Literal["identity", "permissions", "task"]

_AT_ONCE = 100  # targets asked for under the lock at a time
_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_ATTACHED, _BOUNDED = {"policy_arn": _ADMINISTRATOR}, {"permissions_boundary": _ADMINISTRATOR}
_DOUBTS = ("allowed", "conditional", "unknown", "denied")
_NAMED = {User: "user_name", Role: "role_name", Group: "group_name"}
_OPEN_TRUST = policy.read_policy(
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}', "trust"
)  # what somebody who writes a trust policy can make of it


class Way(NamedTuple):
    """An operation that gives its caller something when it changes an `on`: who the target is, what it may do, or one task as root."""

    name: str
    on: type[Target]
    gives: Gives
    more: Mapping[str, Any] = {}  # parameters besides the target's name
    service: str = "iam"


WAYS = (
    Way("CreateAccessKey", User, "identity"),
    Way("CreateLoginProfile", User, "identity"),
    Way("UpdateLoginProfile", User, "identity"),
    Way("UpdateAssumeRolePolicy", Role, "identity"),
    *(Way("AssumeRoot", Account, "task", {"task_policy_arn": {"arn": task}}, "sts") for task in sorted(TASKS)),
    Way("PutUserPolicy", User, "permissions"),
    Way("AttachUserPolicy", User, "permissions", _ATTACHED),
    Way("PutUserPermissionsBoundary", User, "permissions", _BOUNDED),
    Way("DeleteUserPermissionsBoundary", User, "permissions"),
    Way("PutRolePolicy", Role, "permissions"),
    Way("AttachRolePolicy", Role, "permissions", _ATTACHED),
    Way("PutRolePermissionsBoundary", Role, "permissions", _BOUNDED),
    Way("DeleteRolePermissionsBoundary", Role, "permissions"),
    Way("PutGroupPolicy", Group, "permissions"),
    Way("AttachGroupPolicy", Group, "permissions", _ATTACHED),
    Way("AddUserToGroup", Group, "permissions"),
    Way("CreatePolicyVersion", ManagedPolicy, "permissions"),
    Way("SetDefaultPolicyVersion", ManagedPolicy, "permissions"),
)


@dataclass(frozen=True, slots=True)
class _From:
    """A principal as it would come, with what it brings."""

    given: str
    standing: Standing
    sender: Context
    layers: policy.Layers
    suppose: policy.Suppose


@operation("daypass", asks=on_account("ListEscalations"))
def list_escalations(
    ctx: Context,
    *,
    principals: Sequence[str],
    among: Sequence[str] | None = None,
    reached: Sequence[str] | None = None,
    context: Sequence[Mapping[str, Any]] | None = None,
) -> Output:
    """Whom `principals` could become by changing IAM, but those in `reached`; or, with `among`, which policies that count for the users and
    roles in `among` they could change. Raises Refusal (ValidationError) for a principal that is not there.
    """
    supposed = read_context(context)
    callers = [(text, get_caller(ctx, text)) for text in principals]
    powers = among is not None

    def work() -> dict[str, Any]:
        done = {(arn, "identity") for arn in reached or ()}
        steps: list[dict[str, Any]] = []
        with ctx.node.store.reading():
            targets = list(_among(ctx, among or ()) if powers else _others(ctx))
        ways = [way for way in WAYS if (way.gives == "permissions") is powers]
        for text, caller in callers:
            if caller.kind != "web-identity" and caller.account not in ctx.store.closed_accounts:
                with ctx.node.store.reading():
                    one = _coming(ctx, text, caller, supposed)
                steps += _steps(ctx, one, ways, targets, supposed, done)
        return {"Steps": steps}

    return ctx.elsewhere(work)


def _coming(ctx: Context, text: str, caller: Caller, supposed: Mapping[str, Values]) -> _From:
    free = is_free_for(caller.kind, supposed)
    # what a request brings under iam: is its parameters' or its target's, and both are given here
    suppose = policy.Suppose(lambda key: free(key) and not key.startswith("iam:"))
    own = Ask("", root_arn(caller.account), caller.account)  # what guards a resource is its account's
    return _From(text, standing_of(ctx, caller), as_sent_by(ctx, caller), ctx.store.layers_of(caller, own), suppose)


def _others(ctx: Context) -> Iterator[Target]:
    """Everybody whom somebody could become."""
    yield from ctx.store.users
    yield from ctx.store.roles
    yield from ctx.store.accounts


def _among(ctx: Context, arns: Iterable[str]) -> Iterator[Target]:
    """The users and roles of these ARNs or names, the groups of their accounts, and the policies that count for them."""
    store = ctx.store
    found = (store.principal(get_caller(ctx, arn).principal_id) for arn in arns)
    held = list({one.id: one for one in found if one is not None}.values())
    users = [one for one in held if isinstance(one, User)]
    groups = [group for account in sorted({user.account for user in users}) for group in store.groups.of(account)]
    yield from (*held, *groups)
    joined = _joined(users)
    attached = {arn for one in (*held, *(group for group in groups if group.id in joined)) for arn in one.policies}
    yield from (one for arn in sorted(attached) if (one := store.policies.by_arn(arn)) is not None)


def _joined(targets: Iterable[Target]) -> frozenset[str]:
    """The ids of the groups that the users among `targets` are in."""
    return frozenset(group for one in targets if isinstance(one, User) for group in one.groups)


def _steps(
    ctx: Context,
    one: _From,
    ways: Sequence[Way],
    targets: Sequence[Target],
    supposed: Mapping[str, Values],
    done: set[tuple[str, str]],
) -> Iterator[dict[str, Any]]:
    """The steps of one principal; what somebody of the same call gets for certain is in `done`, and not looked at again."""
    caller, joined = one.standing.caller, _joined(targets)
    for way in ways:
        could = policy.could_allow(one.layers, f"{way.service}:{way.name}") if caller.kind != "root" else lambda arn: True
        waiting = [
            target
            for target in targets
            if isinstance(target, way.on)
            and (arn := _arn(target)) != caller.principal_arn * (way.gives == "identity")
            and (arn, way.gives) not in done
            and (way.on is not Group or (target.id in joined) is not (way.name == "AddUserToGroup"))
            and (way.on is Account or target.account == caller.account)
            and could(arn)
        ]
        for first in range(0, len(waiting), _AT_ONCE):
            with ctx.node.store.reading():
                asked = [(target, *_gathered(one, way, target)) for target in waiting[first : first + _AT_ONCE] if _works(one, way, target)]
            for target, ask, facts in asked:
                brought = {**facts, **one.standing.facts, **supposed}
                answer = one.suppose.ask(ask, caller, brought, one.layers)
                if way.name == "UpdateAssumeRolePolicy" and answer.verdict != "denied":
                    answer = _then_entered(one, ask, brought, answer)
                if answer.verdict == "denied":
                    continue
                if answer.verdict == "allowed":
                    done.add((_arn(target), way.gives))
                yield _shown(ctx, one, way, target, answer)


def _gathered(one: _From, way: Way, target: Target) -> tuple[Ask, Mapping[str, Values]]:
    """What the operation itself would ask. Only its first question: none of WAYS has more, and what follows would be its work."""
    if isinstance(target, Account):
        given: dict[str, Any] = {"target_principal": target.id}
    elif isinstance(target, ManagedPolicy):
        given = {"policy_arn": target.arn}
    else:
        given = {_NAMED[type(target)]: target.name}
    ask = next(iter(_asks(way)(one.sender, given | dict(way.more))))
    return ask, target_facts(one.sender, ask)


def _asks(way: Way) -> Asks:
    asks = OPERATIONS[way.service, way.name].asks
    if isinstance(asks, Open):
        raise TypeError(f"{way.name} asks no policy")
    return asks


def _works(one: _From, way: Way, target: Target) -> bool:
    """Whether the operation would succeed on the target as it is, policies aside."""
    store = one.sender.store
    match way.name:
        case "CreateAccessKey":
            return len(store.keys_of(target.id)) < ACCESS_KEYS_PER_USER
        case "CreateLoginProfile" | "UpdateLoginProfile":
            return (store.login_profiles.find(target.id) is None) is (way.name == "CreateLoginProfile")
        case "SetDefaultPolicyVersion":
            return isinstance(target, ManagedPolicy) and len(target.versions) > 1
        case "AssumeRoot":
            return _enters(one.sender, target.id)
        case _:
            return not way.name.endswith("PermissionsBoundary") or (isinstance(target, User | Role) and bool(target.boundary))


def _enters(sender: Context, member: str) -> bool:
    """Whether `sender` manages an organization with root sessions that has this member (assume_root.py)."""
    try:
        organization = get_organization(sender)
    except Refusal:
        return False
    place = sender.store.tree.organization_of(member)
    inside = place is not None and place.id == organization.id and member != organization.account
    return inside and "RootSessions" in organization.features


def _then_entered(one: _From, ask: Ask, brought: Mapping[str, Values], written: policy.Supposition) -> policy.Supposition:
    """`written`, held to whether the role whose trust was rewritten can be assumed: boundaries and organization may still say no."""
    caller = one.standing.caller
    if caller.kind == "root":
        return written._replace(verdict="denied")  # "Roles may not be assumed by root accounts." (assume_role.py)
    enter = Ask("sts:AssumeRole", ask.resource, ask.account, ask.context, "must", _OPEN_TRUST)
    entered = one.suppose.ask(enter, caller, brought, one.layers)
    worse = max(written.verdict, entered.verdict, key=_DOUBTS.index)
    return written._replace(verdict=worse, assumed={**entered.assumed, **written.assumed})


def _shown(ctx: Context, one: _From, way: Way, target: Target, answer: policy.Supposition) -> dict[str, Any]:
    caller, account = one.standing.caller, ctx.store.accounts.find(target.account)
    return {
        "From": one.given,
        "FromArn": caller.principal_arn or caller.arn,
        "Arn": _arn(target),
        "Account": target.id if isinstance(target, Account) else target.account,
        "AccountName": target.name if isinstance(target, Account) else account.name if account else "",
        "By": f"{way.service}:{way.name}",
        "Gives": way.gives,
        "Verdict": answer.verdict,
        "Assumed": shown_context(answer.assumed, one.suppose.spelled),
        "TrustStatement": "",
        "OwnPolicy": answer.decision.policy,
        "OwnStatement": answer.decision.statement,
    }


def _arn(target: Target) -> str:
    return root_arn(target.id) if isinstance(target, Account) else target.arn
