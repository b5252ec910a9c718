"""The reasons of a refusal, kept small: which statements decided it or came near, and what did not hold. Decides nothing itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from daypass.policy.compiled import Policy
from daypass.policy.decide import Layers, decide
from daypass.policy.explain import Explanation, explain
from daypass.policy.syntax import PolicyError
from daypass.policy.variables import Variable, read_template
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision, Values
from daypass.values.ids import is_account_id
from daypass.values.why import Considered, Element, Failed, Why

MAX_TEXT = 240  # bytes of UTF-8 kept of one text, so that ARNs of ordinary length are whole
MAX_VALUES = 8  # kept of one list of values
MAX_SIZE = 4096  # bytes of all texts of the reasons together, so that ledger lines stay small
MAX_LOOKED_AT = 500  # statements; some 10 µs each
MAX_FAILED = 4  # told of one statement
MAX_MISSED = 4  # statements of one layer that did not apply
_FAR: dict[Element, int] = {"Condition": 1, "Resource": 4, "Principal": 16}


def reasons(request_id: str, ask: Ask, caller: Caller, context: Mapping[str, Values], layers: Layers) -> Why:
    """The reasons of a refusal, the texts of at most MAX_SIZE bytes: what decided, then what came near, nearest first."""
    decision, found, omitted = _considered(ask, caller, context, layers)
    room = _Room(MAX_SIZE)
    kept = tuple(small for one in found if room.take(*_texts(small := _small(one))))
    stated = {_cut(key): _values(value) for key, value in ask.context.items()}
    stated |= {_cut(key): _values(context.get(key, ())) for one in kept for key in _variables(one)}
    return Why(
        request_id=request_id,
        explicit=decision.explicit,
        layer=decision.layer,
        action=_cut(ask.action),
        resource=_cut(ask.resource),
        account=caller.account,
        owner=ask.account if is_account_id(ask.account) else "",  # what stands there in an ARN may be anything
        principal_id=_cut(caller.user_id),
        principal_arn=_cut(caller.arn),
        statements=kept,
        context=tuple((key, values) for key, values in stated.items() if room.take(key, *values)),
        omitted=omitted + len(found) - len(kept),
    )


def _considered(
    ask: Ask, caller: Caller, context: Mapping[str, Values], layers: Layers
) -> tuple[Decision, Sequence[Considered], int]:
    """The decision, the statements to tell of, and how many were not looked at.

    INVARIANT: what a refusal costs is bounded, whatever an account writes into its policies: nobody slows its neighbours by being refused.
    """
    policies = [*layers.identity, *(layers.session or ()), *(one for level in (*layers.scps, *layers.rcps) for one in level)]
    policies += [one for one in (layers.boundary, ask.policy) if isinstance(one, Policy)]
    count = sum(len(one.rules) for one in policies)
    if count <= MAX_LOOKED_AT:
        explanation = explain(ask, caller, context, layers)
        return explanation.decision, list(_in_order(explanation)), 0
    decision = decide(ask, caller, context, layers)
    deciding = [Considered(decision.layer, decision.policy, decision.statement, "Deny")] if decision.explicit else []
    return decision, deciding, count - len(deciding)


def _in_order(explanation: Explanation) -> Iterator[Considered]:
    """The denies, then what was missed where an allow was needed, the deciding layer first, then what was allowed elsewhere."""
    layers = sorted(explanation.layers, key=lambda said: said.layer != explanation.decision.layer)
    for said in layers:
        yield from (one for one in said.matched if one.effect == "Deny")
    for said in layers:
        if said.needed and said.said != "allow":
            yield from sorted((one for one in said.missed if one.effect == "Allow"), key=_distance)[:MAX_MISSED]
    for said in layers:
        yield from [one for one in said.matched if one.effect == "Allow" and one.policy][:1]


def _distance(one: Considered) -> int:
    """How far a statement was from applying: a condition is nearer at hand than another resource or another principal."""
    return sum(_FAR[failed.element] for failed in one.failed)


def _small(one: Considered) -> Considered:
    """`one` with its texts and lists cut; what a statement is about is told of those alone that applied."""
    failed = tuple(
        Failed(
            item.element, item.operator, _cut(item.key), _values(item.expected), None if item.actual is None else _values(item.actual)
        )
        for item in one.failed[:MAX_FAILED]
    )
    about = (one.actions, one.resources) if not one.failed else ((), ())
    return Considered(one.layer, _cut(one.policy), _cut(one.statement), one.effect, failed, *map(_values, about))


def _variables(one: Considered) -> Iterator[str]:
    """The keys, lower-case, of the policy variables in what did not hold: what they stand for is a value of the request."""
    for text in (text for failed in one.failed for text in failed.expected if "${" in text):
        try:
            yield from (part.key for part in read_template(text, variables=True, wildcards=False) if isinstance(part, Variable))
        except PolicyError:
            return  # cut in the middle of one, or plain text in an old policy


def _texts(one: Considered) -> Iterator[str]:
    yield from (one.layer, one.policy, one.statement, one.effect, *one.actions, *one.resources)
    for failed in one.failed:
        yield from (failed.element, failed.operator, failed.key, *failed.expected, *(failed.actual or ()))


class _Room:
    """What is left of the size."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, *texts: str) -> bool:
        """Take the room of `texts`, if it is there."""
        size = sum(len(text.encode()) for text in texts)
        if size > self._left:
            return False
        self._left -= size
        return True


def _values(value: Values) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    return tuple(_cut(one) for one in values[:MAX_VALUES]) + (("…",) if len(values) > MAX_VALUES else ())


def _cut(text: str) -> str:
    """`text`, cut where it is longer than MAX_TEXT bytes."""
    raw = text.encode("utf-8", "replace")
    return raw.decode() if len(raw) <= MAX_TEXT else raw[: MAX_TEXT - 3].decode("utf-8", "ignore") + "…"
