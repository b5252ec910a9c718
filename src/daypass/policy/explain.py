"""explain: why a decision is what it is, layer by layer and statement by statement, from the rules that `decide` asks. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from daypass.policy.compiled import Policy
from daypass.policy.decide import Layers, decide, is_service_linked, layer_at, needed_for, needs_no_policy, session_of
from daypass.policy.principal import NOT
from daypass.policy.rules import Rule
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision, Layer, Values
from daypass.values.folding import fold
from daypass.values.why import Considered, Failed

Said = Literal["allow", "deny", "nothing", "absent"]

_OPEN_TO_ROOT = Considered("identity", "", "", "Allow")  # "the root user needs no policy in its own account"


@dataclass(frozen=True, slots=True)
class LayerSaid:
    """One layer: what it says ("absent": it is not there and limits nothing), and whether it had to allow.

    `matched` are the statements that apply, `missed` those that speak of the action and do not, each with what failed. An organization's
    layer counts its levels from the root; every level must allow.
    """

    layer: Layer
    said: Said
    needed: bool
    matched: tuple[Considered, ...] = ()
    missed: tuple[Considered, ...] = ()
    level: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with all that was considered, in the order of evaluation; the SCPs and RCPs have one entry per level."""

    decision: Decision
    layers: tuple[LayerSaid, ...]


def explain(ask: Ask, caller: Caller, context: Mapping[str, Values], layers: Layers) -> Explanation:
    """The decision of `decide` on the same arguments, and its reasons. Never raises; looks at every statement, so it is for refusals."""
    policy = ask.policy if isinstance(ask.policy, Policy) else None
    bounded = layers.boundary is not None
    named = policy.judge_caller(caller, bounded, ask.action, ask.resource, context)[1] if policy else NOT
    needed = needed_for(ask, caller, named)
    guards = () if is_service_linked(caller) else (*_numbered(0, layers.rcps), *_numbered(1, layers.scps))
    session = session_of(caller, layers)
    groups: list[tuple[int, int, tuple[Policy, ...] | None]] = [
        *guards,
        (2, 0, (policy,) if policy else None),
        (3, 0, layers.identity),
        (4, 0, (layers.boundary,) if layers.boundary else None),
        (5, 0, session),
    ]
    question = _Question(ask, caller, context, bounded)
    said = tuple(_said(question, layer_at(at, policy), level, group, needed[at]) for at, level, group in groups)
    return Explanation(decide(ask, caller, context, layers), said)


def _numbered(at: int, levels: tuple[tuple[Policy, ...], ...]) -> list[tuple[int, int, tuple[Policy, ...]]]:
    return [(at, number, level) for number, level in enumerate(levels)]


@dataclass(frozen=True, slots=True)
class _Question:
    ask: Ask
    caller: Caller
    context: Mapping[str, Values]
    bounded: bool

    def consider(self, layer: Layer, rule: Rule) -> Considered:
        """`rule` with everything that does not hold in it."""
        failed = []
        if layer != "rcp" and not self._is_named(rule):  # an RCP is about everyone
            failed.append(Failed("Principal", expected=tuple(sorted(value for _, value in rule.statement.principals or ()))))
        if not rule.target.means(self.ask.resource, self.context):
            failed.append(Failed("Resource", expected=rule.statement.resources, actual=(self.ask.resource,)))
        for one in rule.conditions:
            if not one.holds(self.context):
                failed.append(Failed("Condition", one.operator, one.spelled, one.values, self._actual(one.key)))
        return Considered(layer, rule.policy, rule.label, rule.effect, tuple(failed), rule.statement.actions, rule.statement.resources)

    def _is_named(self, rule: Rule) -> bool:
        if rule.principals is None:
            return True
        return rule.means(self.caller, self.bounded) if rule.effect == "Deny" else rule.closeness(self.caller) is not NOT

    def _actual(self, key: str) -> tuple[str, ...] | None:
        value = self.context.get(key)
        return (value,) if isinstance(value, str) else value


def _said(question: _Question, layer: Layer, level: int, policies: tuple[Policy, ...] | None, needed: bool) -> LayerSaid:
    if policies is None:
        return LayerSaid(layer, "nothing" if needed and layer in ("resource", "trust") else "absent", needed)
    action = fold(question.ask.action)
    considered = [question.consider(layer, rule) for policy in policies for rule in policy.rules if rule.covers(action)]
    matched = [one for one in considered if not one.failed]
    if layer == "identity" and needs_no_policy(question.caller):
        matched.append(_OPEN_TO_ROOT)
    effects = {one.effect for one in matched}
    said: Said = "deny" if "Deny" in effects else "allow" if "Allow" in effects else "nothing"
    return LayerSaid(layer, said, needed, tuple(matched), tuple(one for one in considered if one.failed), level)
