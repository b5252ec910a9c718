"""What is said of a refusal: AWS's sentence, without a reason for callers of other accounts, and the reasons, kept small."""

from __future__ import annotations

from collections.abc import Mapping

from daypass.policy.decide import Layers
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision, Layer, Values
from daypass.values.why import Considered, Why

MAX_TEXT = 240  # bytes of UTF-8 kept of one text, so that ARNs of ordinary length are whole
MAX_VALUES = 8  # kept of one list of values
MAX_SIZE = 4096  # bytes of all texts of the reasons together, so that ledger lines stay small

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


def reasons(ask: Ask, caller: Caller, decision: Decision, context: Mapping[str, Values], layers: Layers) -> Why:
    """The reasons of a refused `decision`, at most about MAX_SIZE bytes: what decided, then what came near, nearest first."""
    room = _Room(MAX_SIZE)
    statements: list[Considered] = []
    omitted = 0
    return Why(
        explicit=decision.explicit,
        layer=decision.layer,
        action=_cut(ask.action),
        resource=_cut(ask.resource),
        account=caller.account,
        owner=ask.account,
        principal_id=_cut(caller.user_id),
        principal_arn=_cut(caller.arn),
        statements=tuple(statements),
        context=tuple((key, values) for key, value in ask.context.items() if room.take(values := _values(value), key)),
        omitted=omitted,
    )


class _Room:
    """What is left of the size."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, *texts: object) -> bool:
        """Take the room of `texts`, if it is there."""
        size = sum(len(str(text)) for text in texts)
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
