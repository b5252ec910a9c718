"""What would have to hold: is something allowed as the request stands, under which condition keys of the request, or under none at all?

Everything it says is what `decide` said. Does not gather principals or policies, and claims no "no" where a condition may still open it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from daypass.policy.compiled import Policy
from daypass.policy.decide import Layers, decide
from daypass.policy.document import Document, Statement
from daypass.policy.example import example
from daypass.policy.match import Matcher, compile_any, read_tokens
from daypass.policy.variables import Variable, read_template
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision, Values
from daypass.values.folding import fold

MAX_TRIES = 128  # contexts that are tried for one ask before it is called unknown
MAX_HOPES = 12  # statements of each effect that the tries are made from

Verdict = Literal["allowed", "conditional", "unknown", "denied"]
Assumed = Mapping[str, Values | None]  # condition key -> the value that it would have to have, None: it must be absent
IsFree = Callable[[str], bool]  # whether the request can choose this condition key


class Supposition(NamedTuple):
    """`allowed` and `denied` hold as they are; `conditional` once what is `assumed` holds; `unknown`: no such values were found, but a
    condition on what the request chooses might still open it."""

    verdict: Verdict
    decision: Decision
    assumed: Assumed = {}


class Suppose:
    """Answers asks, and remembers what it found out about each policy for the next one.

    `is_free` tells the condition keys that a request can choose; all others are as the context says, and absent when it lacks them.
    """

    def __init__(self, is_free: IsFree) -> None:
        self.spelled: dict[str, str] = {}  # the free keys by their folded names, as policies write them
        self._is_free = is_free
        self._seen: dict[int, tuple[Policy, _Openings | None]] = {}  # with the policy, so that its id stays its own

    def ask(self, ask: Ask, caller: Caller, context: Mapping[str, Values], layers: Layers) -> Supposition:
        """The answer. INVARIANT: "denied" is said only when no values of the free keys could allow it."""
        decision = decide(ask, caller, context, layers)
        if decision.allowed:
            return Supposition("allowed", decision)
        own = [ask.policy] if isinstance(ask.policy, Policy) else []
        openings = [found for policy in [*own, *_policies(layers)] if (found := self._openings(policy)) is not None]
        if not openings or not self._might(ask, caller, context, layers):
            return Supposition("denied", decision)
        for assumed in _tries(openings, ask.action, context):
            if decide(ask, caller, _with(context, assumed), layers).allowed:
                least = _least(ask, caller, context, layers, assumed)
                return Supposition("conditional", decide(ask, caller, _with(context, least), layers), least)
        return Supposition("unknown", decision)

    def _might(self, ask: Ask, caller: Caller, context: Mapping[str, Values], layers: Layers) -> bool:
        """Whether it would be allowed if every condition on free keys went its way: more than any values can reach."""
        policy = self._hopeful(ask.policy) if isinstance(ask.policy, Policy) else None
        hopeful = Layers(
            tuple(map(self._hopeful, layers.identity)),
            None if layers.boundary is None else self._hopeful(layers.boundary),
            None if layers.session is None else tuple(map(self._hopeful, layers.session)),
            tuple(tuple(map(self._hopeful, level)) for level in layers.scps),
            tuple(tuple(map(self._hopeful, level)) for level in layers.rcps),
        )
        return decide(replace(ask, policy=policy), caller, context, hopeful).allowed

    def _hopeful(self, policy: Policy) -> Policy:
        found = self._openings(policy)
        return policy if found is None else found.hopeful

    def _openings(self, policy: Policy) -> _Openings | None:
        seen = self._seen.get(id(policy))
        if seen is None:
            seen = self._seen[id(policy)] = (policy, _find_openings(policy, self._is_free))
            if seen[1] is not None:
                lines = (keys for one in policy.document.statements for keys in one.condition.values())
                self.spelled = {fold(key): key for keys in lines for key in keys} | self.spelled
        return seen[1]


class _Opening(NamedTuple):
    """A statement that speaks of free keys: for which actions, and what it asks of them."""

    covers: Matcher
    statement: Statement
    variables: bool
    is_free: IsFree

    def values(self, context: Mapping[str, Values]) -> Assumed | None:
        """Values of the free keys with which an allow holds, or a deny does not; None when there are none that we can make up."""
        wanted = self.statement.effect == "Allow"
        made: dict[str, list[Values | None]] = {}
        for operator, keys in self.statement.condition.items():
            for key, values in keys.items():
                if self.is_free(fold(key)):
                    found = example(operator, values, context, holds=wanted, variables=self.variables, known=fold(key) in context)
                    made.setdefault(fold(key), []).extend(found)
                    if found and not wanted:
                        return {fold(key): found[0]}  # one condition that does not hold is enough
        return {key: _firmest(found) for key, found in made.items() if found} or None


class _Openings(NamedTuple):
    """What a policy leaves to the request, and the same policy with all of that granted."""

    allows: tuple[_Opening, ...]
    denies: tuple[_Opening, ...]
    hopeful: Policy


def _find_openings(policy: Policy, is_free: IsFree) -> _Openings | None:
    """None when nothing in the policy depends on a free key."""
    document = policy.document
    statements = [(one, _free_in(one, document.variables, is_free)) for one in document.statements]
    if not any(free for _, free in statements):
        return None
    openings = [
        _Opening(_covers(one), one, document.variables, is_free)
        for one, free in statements
        if free and any(is_free(fold(key)) for keys in one.condition.values() for key in keys)
    ]
    hopeful = [_granted(one, document.variables, is_free) if free else one for one, free in statements]
    return _Openings(
        tuple(one for one in openings if one.statement.effect == "Allow"),
        tuple(one for one in openings if one.statement.effect == "Deny"),
        Policy(Document(document.variables, tuple(one for one in hopeful if one is not None)), policy.kind, policy.name, policy.bound),
    )


def _free_in(one: Statement, variables: bool, is_free: IsFree) -> bool:
    values = [value for keys in one.condition.values() for given in keys.values() for value in given]
    keys = [fold(key) for keys in one.condition.values() for key in keys]
    return any(map(is_free, keys)) or any(_names_free(text, variables, is_free) for text in [*one.resources, *values])


def _names_free(text: str, variables: bool, is_free: IsFree) -> bool:
    if not variables or "${" not in text:
        return False
    template = read_template(text, variables=True, wildcards=True)
    return any(isinstance(part, Variable) and is_free(part.key) for part in template)


def _granted(one: Statement, variables: bool, is_free: IsFree) -> Statement | None:
    """The statement as the request would have it: a deny is not there, an allow asks nothing of free keys."""
    if one.effect == "Deny":
        return None
    condition = {
        operator: {
            key: values
            for key, values in keys.items()
            if not is_free(fold(key)) and not any(_names_free(value, variables, is_free) for value in values)
        }
        for operator, keys in one.condition.items()
    }
    fixed = tuple(text for text in one.resources if not _names_free(text, variables, is_free))
    open_ = len(fixed) < len(one.resources) and (not one.not_resource or not fixed)
    return replace(
        one,
        condition={operator: keys for operator, keys in condition.items() if keys},
        resources=("*",) if open_ else fixed,
        not_resource=one.not_resource and not open_,
    )


def _covers(one: Statement) -> Matcher:
    covers = compile_any([read_tokens(fold(action)) for action in one.actions])
    return (lambda action: not covers(action)) if one.not_action else covers


def _policies(layers: Layers) -> Iterator[Policy]:
    yield from layers.identity
    if layers.boundary is not None:
        yield layers.boundary
    yield from layers.session or ()
    for level in (*layers.scps, *layers.rcps):
        yield from level


def _tries(openings: Iterable[_Openings], action: str, context: Mapping[str, Values]) -> Iterator[Assumed]:
    """Contexts worth a try: what each allow wishes for, or two of them together, without and with what keeps the denies away."""
    folded = fold(action)
    hopes: list[Assumed] = []
    dodge: dict[str, Values | None] = {}
    for found in openings:
        hopes += [values for one in found.allows[:MAX_HOPES] if one.covers(folded) and (values := one.values(context)) is not None]
        for one in found.denies[:MAX_HOPES]:
            if one.covers(folded) and (values := one.values(context)) is not None:
                dodge |= values
    alone: list[Assumed] = [{}, *hopes]
    together = (first | second for first, second in itertools.combinations(map(dict, hopes), 2))
    made = itertools.chain.from_iterable((hope, dodge | dict(hope), dict(hope) | dodge) for hope in itertools.chain(alone, together))
    yield from itertools.islice((one for one in made if one), MAX_TRIES)


def _firmest(found: Iterable[Values | None]) -> Values | None:
    """Of several values for one key the one that asks most: a certain value before any value at all, before absence."""
    return next((value for value in found if value), None)


def _with(context: Mapping[str, Values], assumed: Assumed) -> Mapping[str, Values]:
    return {key: value for key, value in {**context, **assumed}.items() if value is not None}


def _least(ask: Ask, caller: Caller, context: Mapping[str, Values], layers: Layers, assumed: Assumed) -> Assumed:
    """As much of `assumed` as is needed."""
    least = dict(assumed)
    for key in assumed:
        without = {name: value for name, value in least.items() if name != key}
        if decide(ask, caller, _with(context, without), layers).allowed:
            least = without
    return least


def could_allow(layers: Layers, action: str) -> Callable[[str], bool]:
    """Whether some identity policy speaks of `action` on a resource and allows it in some context: False is sure, True is not.

    To leave out at little cost what cannot be, where the caller's own policies have to allow.
    """
    folded = fold(action)
    targets = [rule.target for one in layers.identity for rule in one.rules if rule.effect == "Allow" and rule.covers(folded)]
    return lambda resource: any(target.settle(resource) is not False for target in targets)
