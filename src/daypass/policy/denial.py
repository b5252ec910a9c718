"""What is said of a refusal: AWS's sentence, without a reason for callers of other accounts, and the reasons, kept small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daypass.policy.decide import Layers
from daypass.policy.explain import Explanation, explain
from daypass.policy.syntax import PolicyError
from daypass.policy.variables import Variable, read_template
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision, Layer, Values
from daypass.values.why import Considered, Element, Failed, Why

MAX_TEXT = 240  # bytes of UTF-8 kept of one text, so that ARNs of ordinary length are whole
MAX_VALUES = 8  # kept of one list of values
MAX_SIZE = 4096  # bytes of all texts of the reasons together, so that ledger lines stay small
MAX_FAILED = 4  # told of one statement
MAX_MISSED = 4  # statements of one layer that did not apply
_FAR: dict[Element, int] = {"Condition": 1, "Resource": 4, "Principal": 16}

_KINDS: dict[Layer, str] = {
    "identity": "identity-based policy",
    "resource": "resource-based policy",
    "trust": "role trust policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "scp": "service control policy",
    "rcp": "resource control policy",
}


def denial(caller: Caller, ask: Ask, decision: Decision) -> str:
    """The message for a refused `decision` (fact sheet A, §5.11; IAM User Guide, "Troubleshoot access denied error messages")."""
    if caller.kind == "web-identity":
        return f"Not authorized to perform {ask.action}"
    text = f"User: {caller.arn or 'anonymous'} is not authorized to perform: {ask.action}"
    if ask.resource != "*":
        text += f" on resource: {ask.resource}"
    kind = _KINDS.get(decision.layer)
    if caller.account != ask.account or kind is None:
        return text
    if not decision.explicit:
        return f"{text} because no {kind} allows the {ask.action} action"
    article = "an" if kind[0] in "aeiou" else "a"
    which = f": {decision.policy}" if decision.policy.startswith("arn:") else ""
    return f"{text} with an explicit deny in {article} {kind}{which}"


def reasons(request_id: str, ask: Ask, caller: Caller, context: Mapping[str, Values], layers: Layers) -> Why:
    """The reasons of a refusal, the texts of at most MAX_SIZE bytes: what decided, then what came near, nearest first."""
    explanation = explain(ask, caller, context, layers)
    decision = explanation.decision
    room = _Room(MAX_SIZE)
    found = list(_in_order(explanation))
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
        owner=ask.account,
        principal_id=_cut(caller.user_id),
        principal_arn=_cut(caller.arn),
        statements=kept,
        context=tuple((key, values) for key, values in stated.items() if room.take(key, *values)),
        omitted=len(found) - len(kept),
    )


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
