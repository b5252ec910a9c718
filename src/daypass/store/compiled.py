"""Policy texts, compiled and remembered; one that cannot be read denies everything. Does not know whose they are (layers.py does)."""

from __future__ import annotations

import logging

from daypass import policy

log = logging.getLogger(__name__)


class Compiled:
    """Policies by what they are made of; the oldest goes when there are too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[tuple[str, str, str], policy.Policy] = {}

    def get(self, text: str, kind: policy.Kind, name: str) -> policy.Policy:
        """The policy, compiled; one that denies everything when `text` cannot be read."""
        key = (kind, name, text)
        found = self._held.get(key)
        if found is None:
            found = read(text, kind, name, name, {})
            if len(self._held) >= self._limit:
                self._held.pop(next(iter(self._held)), None)
            self._held[key] = found
        return found


def read(text: str, kind: policy.Kind, name: str, where: str, principals: dict[str, str]) -> policy.Policy:
    """The policy, compiled, with `principals` bound; one that denies everything, and an alarm that says `where`, when it is unreadable."""
    try:
        return policy.read_policy(text, kind, name=name, principals=principals)
    except policy.PolicyError as error:
        # attack row C43: unreadable means deny, and an alarm
        found = {"policy": where, "kind": kind, "error": str(error), "consequence": "it denies everything"}
        log.error("policy cannot be read", extra=found)
        return policy.unreadable(kind, name)
