"""decide: may this caller do that? Combines the compiled policies. Does not gather the policies nor the context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from daypass.policy.compiled import Policy, Rule
from daypass.policy.principal import Closeness
from daypass.policy.variables import Context
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision, Layer, Values

SERVICE_LINKED = ":role/aws-service-role/"  # neither SCPs nor RCPs reach them (AWS Organizations User Guide, "SCPs", "RCPs")
_DECISIONS = 4096  # distinct answers kept, so that the same answer is not built twice
_ORDER: tuple[Layer, ...] = ("rcp", "scp", "resource", "identity", "boundary", "session")
_TRUST_ORDER: tuple[Layer, ...] = ("rcp", "scp", "trust", "identity", "boundary", "session")
_OPEN: Final = Rule("", "", "Allow", covers=lambda action: True, applies=lambda resource, context: True)  # a layer that is not there
_UNNAMED: Final = (None, Closeness.NOT)  # what a resource without a policy says


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
    scps: tuple[tuple[Policy, ...], ...] = ()
    rcps: tuple[tuple[Policy, ...], ...] = ()


class _Needed(NamedTuple):
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
    policy = ask.policy if isinstance(ask.policy, Policy) else None
    boundary = layers.boundary
    resource, named = policy.judge_caller(caller, boundary is not None, ask.action, ask.resource, context) if policy else _UNNAMED
    free = caller.kind == "role" and SERVICE_LINKED in caller.principal_arn
    rules = (
        _judge_levels(layers.rcps, ask, context) if layers.rcps and not free else _OPEN,
        _judge_levels(layers.scps, ask, context) if layers.scps and not free else _OPEN,
        resource,
        _judge(layers.identity, ask, context) or (_OPEN if caller.kind == "root" else None),  # root needs no policy of its own
        _OPEN if boundary is None else boundary.judge(ask.action, ask.resource, context),
        _OPEN if layers.session is None else _judge(layers.session, ask, context),
    )
    order = _TRUST_ORDER if policy and policy.kind == "trust" else _ORDER

    # (2) An explicit deny in any of them is final; which of them must allow depends on whose the resource is and how closely its
    #     policy names the caller.
    needed = _needed(ask, caller, named)
    missing: Layer | None = None
    for need, layer, rule in zip(needed, order, rules, strict=True):
        if rule is None:
            missing = missing or (layer if need else None)
        elif rule.effect == "Deny":
            return _answer(False, True, layer, rule.policy, rule.label)

    # (3) By default it is denied.
    if missing is not None:
        return _answer(False, False, missing, "", "")

    # (4) Nothing denies and everything needed allows: the resource's policy when it was needed, else the caller's own.
    decisive = 2 if needed.resource else 3
    rule = rules[decisive] or _OPEN
    return _answer(True, False, order[decisive], rule.policy, rule.label)


_OWN_SIDE = _Needed(True, True, False, True, True, True)
_BOTH_SIDES = _Needed(True, True, True, True, True, True)
_NAMED_ROLE = _Needed(True, True, True, False, True, True)
_NAMED_DIRECTLY = _Needed(True, True, True, False, False, False)
_RESOURCE_ALONE = _Needed(True, False, True, False, False, False)


def _needed(ask: Ask, caller: Caller, named: Closeness) -> _Needed:
    """The table of same account against cross account, and of how the resource's policy names the caller (fact sheet A, §5.6-§5.8).

    INVARIANT: a resource of another account, and one whose policy must allow, is never granted without that policy.
    """
    if caller.kind in ("web-identity", "anonymous"):
        return _RESOURCE_ALONE  # no account's policies are theirs
    if caller.account != ask.account:
        return _BOTH_SIDES
    if ask.combine != "none" and named is Closeness.DIRECT:
        return _NAMED_DIRECTLY
    if ask.combine != "none" and named is Closeness.ROLE:
        return _NAMED_ROLE
    return _BOTH_SIDES if ask.combine == "must" else _OWN_SIDE


def _judge(policies: Iterable[Policy], ask: Ask, context: Context) -> Rule | None:
    """What decides among policies that together are one layer."""
    action, resource = ask.action, ask.resource
    allow = None
    for policy in policies:
        rule = policy.judge(action, resource, context)
        if rule is not None:
            if rule.effect == "Deny":
                return rule
            allow = allow or rule
    return allow


def _judge_levels(levels: Iterable[Iterable[Policy]], ask: Ask, context: Context) -> Rule | None:
    """Every level of the organization must allow; a deny at any level is a deny."""
    rules = [_judge(level, ask, context) for level in levels]
    denied = next((rule for rule in rules if rule is not None and rule.effect == "Deny"), None)
    return denied or (rules[-1] if None not in rules else None)


@lru_cache(_DECISIONS)
def _answer(allowed: bool, explicit: bool, layer: Layer, policy: str, statement: str) -> Decision:
    return Decision(allowed, explicit, layer, policy, statement)
