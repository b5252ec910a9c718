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

_DECISIONS = 4096  # distinct answers kept, so that the same answer is not built twice


@dataclass(frozen=True, slots=True)
class Layers:
    """The caller's side: what its policies are.

    `identity` are its own and its groups' policies, `boundary` its permissions boundary, `session` the policies passed when its
    session was made (None: none were passed; an empty tuple allows nothing). `scps` are the service control policies from the
    organization's root to its account, one tuple per level.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    scps: tuple[tuple[Policy, ...], ...] = ()


class _Verdict(NamedTuple):
    """What one layer says: the deny that holds, whether it allows, and by which statement (None: it needs none)."""

    deny: Rule | None
    allows: bool
    allow: Rule | None = None


_OPEN: Final = _Verdict(None, True)  # a layer that does not exist limits nothing
_ABSENT: Final = _Verdict(None, False)  # a resource without a policy grants nothing


def decide(ask: Ask, caller: Caller, context: Mapping[str, Values], layers: Layers) -> Decision:
    """Answer `ask`; `context` holds all condition keys, lower-case. Never raises.

    Source: IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic".
    """
    # (1) Each layer is asked for denies and allows. Root has no policies of its own; only the layers around it limit it.
    own = _OPEN if caller.kind == "root" else _judge(layers.identity, ask, context)
    resource, named = _judge_resource(ask, caller, context, layers.boundary is not None)
    theirs: Layer = "trust" if isinstance(ask.policy, Policy) and ask.policy.kind == "trust" else "resource"
    verdicts: tuple[tuple[Layer, _Verdict], ...] = (
        ("scp", _judge_levels(layers.scps, ask, context) if layers.scps else _OPEN),
        (theirs, resource),
        ("identity", own),
        ("boundary", _OPEN if layers.boundary is None else _judge((layers.boundary,), ask, context)),
        ("session", _OPEN if layers.session is None else _judge(layers.session, ask, context)),
    )

    # (2) An explicit deny in any of them is final.
    for layer, verdict in verdicts:
        if verdict.deny is not None:
            return _answer(False, True, layer, verdict.deny.policy, verdict.deny.label)

    # (3) Which layers must allow depends on whose the resource is and how closely its policy names the caller.
    needed = _needed(ask, caller, named)
    for need, (layer, verdict) in zip(needed, verdicts, strict=True):
        if need and not verdict.allows:
            return _answer(False, False, layer, "", "")

    # (4) Nothing denies and everything needed allows: the resource's policy when it was needed, else the caller's own.
    decider, allow = (theirs, resource.allow) if needed.resource else ("identity", own.allow)
    return _answer(True, False, decider, allow.policy, allow.label) if allow else _answer(True, False, decider, "", "")


class _Needed(NamedTuple):
    """Which layers must allow; each one's explicit denies count in any case."""

    scp: bool
    resource: bool
    identity: bool
    boundary: bool
    session: bool


_OWN_SIDE = _Needed(True, False, True, True, True)
_BOTH_SIDES = _Needed(True, True, True, True, True)
_NAMED_ROLE = _Needed(True, True, False, True, True)
_NAMED_DIRECTLY = _Needed(True, True, False, False, False)


def _needed(ask: Ask, caller: Caller, named: Closeness) -> _Needed:
    """The table of same account against cross account, and of how the resource's policy names the caller (fact sheet A, §5.6-§5.8).

    INVARIANT: a resource of another account, and one whose policy must allow, is never granted without that policy.
    """
    if caller.kind in ("web-identity", "anonymous"):
        return _NAMED_DIRECTLY  # they have no policies of their own
    if caller.account != ask.account:
        return _BOTH_SIDES
    if ask.combine != "none" and named is Closeness.DIRECT:
        return _NAMED_DIRECTLY
    if ask.combine != "none" and named is Closeness.ROLE:
        return _NAMED_ROLE
    return _BOTH_SIDES if ask.combine == "must" else _OWN_SIDE


def _judge(policies: Iterable[Policy], ask: Ask, context: Context) -> _Verdict:
    allow = None
    for policy in policies:
        denied, allowed = policy.judge(ask.action, ask.resource, context)
        if denied is not None:
            return _Verdict(denied, False)
        allow = allow or allowed
    return _Verdict(None, allow is not None, allow)


def _judge_levels(levels: Iterable[Iterable[Policy]], ask: Ask, context: Context) -> _Verdict:
    """Every level of the organization must allow."""
    verdicts = [_judge(level, ask, context) for level in levels]
    denied = next((verdict for verdict in verdicts if verdict.deny is not None), None)
    return denied or _Verdict(None, all(verdict.allows for verdict in verdicts))


def _judge_resource(ask: Ask, caller: Caller, context: Context, bounded: bool) -> tuple[_Verdict, Closeness]:
    if not isinstance(ask.policy, Policy):
        return _ABSENT, Closeness.NOT
    denied, allowed, named = ask.policy.judge_caller(caller, bounded, ask.action, ask.resource, context)
    return _Verdict(denied, allowed is not None, allowed), named


@lru_cache(_DECISIONS)
def _answer(allowed: bool, explicit: bool, layer: Layer, policy: str, statement: str) -> Decision:
    return Decision(allowed, explicit, layer, policy, statement)
