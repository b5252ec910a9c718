"""decide: may this caller do that? Combines the compiled policies. Does not gather the policies nor the context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from daypass.policy.compiled import Policy, union
from daypass.policy.document import Statement
from daypass.policy.principal import DIRECT, NOT, ROLE, Closeness
from daypass.policy.rules import Rule, compile_rule
from daypass.policy.variables import Context
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision, Layer, Values

Levels = tuple[tuple[Policy, ...], ...]

_OF_NO_ACCOUNT = frozenset({"web-identity", "anonymous", "service"})  # no account's policies are theirs
_SERVICE_LINKED = "role/aws-service-role/"
_ANYTHING: Final = Statement("", 0, "Allow", None, False, ("*",), False, ("*",), False, {})
_OPEN: Final = replace(compile_rule(_ANYTHING, variables=True, policy="", bound={}), label="")  # what a layer that is not there says
_UNNAMED: Final = (None, NOT)  # what a resource without a policy says


@dataclass(frozen=True, slots=True)
class Layers:
    """What stands around a caller besides the resource's own policy.

    `identity` are its own and its groups' policies, `boundary` its permissions boundary, `session` the policies passed when its
    session was made (None: none were passed; an empty tuple allows nothing). `scps` are the service control policies from the
    organization's root to the caller's account, one tuple per level; `rcps` the resource control policies from the root to the
    account that owns the *resource*, in the same shape. Both are empty for the management account (its callers, its resources).
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    scps: Levels = ()
    rcps: Levels = ()


class Needed(NamedTuple):
    """Which layers must allow; each one's explicit denies count in any case."""

    rcp: bool
    scp: bool
    resource: bool
    identity: bool
    boundary: bool
    session: bool


def decide(ask: Ask, caller: Caller, context: Mapping[str, Values], layers: Layers) -> Decision:
    """Answer `ask`; `context` holds all condition keys, lower-case. Never raises.

    Source: IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic".
    """
    # (1) Each layer says what decides in it: a deny, else an allow, else nothing. What is not there limits nothing.
    action, resource = ask.action, ask.resource
    policy = ask.policy if isinstance(ask.policy, Policy) else None
    boundary = layers.boundary
    own, named = policy.judge_caller(caller, boundary is not None, action, resource, context) if policy else _UNNAMED
    session = session_of(caller, layers)
    identity = _judge(layers.identity, action, resource, context)
    rules = (
        _judge_levels(layers.rcps, action, resource, context) if layers.rcps and not is_service_linked(caller) else _OPEN,
        _judge_levels(layers.scps, action, resource, context) if layers.scps and not is_service_linked(caller) else _OPEN,
        own,
        identity or (_OPEN if needs_no_policy(caller) else None),
        _OPEN if boundary is None else boundary.judge(action, resource, context),
        _OPEN if session is None else _judge(session, action, resource, context),
    )

    # (2) An explicit deny in any of them is final; which of them must allow depends on whose the resource is and how closely its
    #     policy names the caller.
    needed = needed_for(ask, caller, named)
    missing = -1
    for at, rule in enumerate(rules):
        if rule is None:
            if missing < 0 and needed[at]:
                missing = at
        elif rule.effect == "Deny":
            return _told(rule, layer_at(at, policy))

    # (3) By default it is denied.
    if missing >= 0:
        return _MISSING[layer_at(missing, policy)]

    # (4) Nothing denies and everything needed allows: the resource's policy when it was needed, else the caller's own.
    decisive = _RESOURCE if needed.resource else _IDENTITY
    return _told(rules[decisive] or _OPEN, layer_at(decisive, policy))


_ORDER: tuple[Layer, ...] = ("rcp", "scp", "resource", "identity", "boundary", "session")
_RESOURCE, _IDENTITY = 2, 3
_OWN_SIDE = Needed(True, True, False, True, True, True)
_BOTH_SIDES = Needed(True, True, True, True, True, True)
_NAMED_ROLE = Needed(True, True, True, False, True, True)
_NAMED_DIRECTLY = Needed(True, True, True, False, False, False)
_RESOURCE_ALONE = Needed(True, False, True, False, False, False)
_MISSING: Final[Mapping[Layer, Decision]] = {layer: Decision(False, False, layer) for layer in (*_ORDER, "trust")}


def needed_for(ask: Ask, caller: Caller, named: Closeness) -> Needed:
    """The table of same account against cross account, and of how the resource's policy names the caller (fact sheet A, §5.6-§5.8).

    INVARIANT: a resource of another account, and one whose policy must allow, is never granted without that policy.
    """
    if caller.kind in _OF_NO_ACCOUNT:
        return _RESOURCE_ALONE
    if caller.account != ask.account:
        return _BOTH_SIDES
    if ask.combine == "none":
        return _OWN_SIDE
    if named is DIRECT:
        return _NAMED_DIRECTLY
    if named is ROLE:
        return _NAMED_ROLE
    return _BOTH_SIDES if ask.combine == "must" else _OWN_SIDE


def layer_at(at: int, policy: Policy | None) -> Layer:
    """The layer of that number in the order of Needed; a role's own policy is called its trust policy."""
    return "trust" if at == _RESOURCE and policy is not None and policy.kind == "trust" else _ORDER[at]


def is_service_linked(caller: Caller) -> bool:
    """Whether neither SCPs nor RCPs reach `caller` (AWS Organizations User Guide, "Service control policies", "Resource control policies").

    INVARIANT: nobody but the service makes a role with that path (attacks row C47).
    """
    return caller.kind == "role" and caller.principal_arn.split(":", 5)[-1].startswith(_SERVICE_LINKED)


def needs_no_policy(caller: Caller) -> bool:
    """Whether `caller` may do everything in its account but for what limits it: the root user, also as a federated user."""
    return caller.kind == "root" or (caller.kind == "federated-user" and caller.principal_id == caller.account)


def session_of(caller: Caller, layers: Layers) -> tuple[Policy, ...] | None:
    """The session policies. INVARIANT: a federated user has what they allow, so nothing without them (STS API, GetFederationToken)."""
    return () if layers.session is None and caller.kind == "federated-user" else layers.session


def _judge(policies: tuple[Policy, ...], action: str, resource: str, context: Context) -> Rule | None:
    """What decides among policies that together are one layer."""
    if not policies:
        return None
    return (policies[0] if len(policies) == 1 else union(policies)).judge(action, resource, context)


def _judge_levels(levels: Levels, action: str, resource: str, context: Context) -> Rule | None:
    """Every level of the organization must allow; a deny at any level is a deny."""
    allow, is_missing = None, False
    for level in levels:
        rule = _judge(level, action, resource, context)
        if rule is None:
            is_missing = True
        elif rule.effect == "Deny":
            return rule
        else:
            allow = rule
    return None if is_missing else allow


def _told(rule: Rule, layer: Layer) -> Decision:
    """The decision that `rule` makes as a part of `layer`, built once."""
    found = rule.told.get(layer)
    if found is None:
        is_deny = rule.effect == "Deny"
        found = rule.told[layer] = Decision(not is_deny, is_deny, layer, rule.policy, rule.label)
    return found
