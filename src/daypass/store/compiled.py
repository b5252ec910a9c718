"""Policy texts, compiled and remembered; one that cannot be read denies everything. Does not know whose they are (layers.py does)."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from daypass import policy
from daypass.store.bounded import Bounded

log = logging.getLogger(__name__)


_UNBOUND: Mapping[str, str] = {}

_Bound = tuple[tuple[str, str], ...]


class Compiled:
    """Policies by what they are made of, whoever has them; the oldest goes when there are too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: Bounded[tuple[str, str, str, _Bound], policy.Policy] = Bounded(limit)

    @property
    def room(self) -> int:
        """How many more are held before the oldest goes."""
        return self._limit - len(self._held)

    def get(self, text: str, kind: policy.Kind, name: str, *, where: str = "", principals: Mapping[str, str] = _UNBOUND) -> policy.Policy:
        """The policy, compiled, with `principals` bound; one that denies everything when `text` cannot be read.

        `where` tells an alarm whose it is; then every owner's unreadable policy gives an alarm of its own.
        """
        key = (kind, name, text, tuple(sorted(principals.items())) if principals else ())
        found = self._held.get(key)
        if found is not None:
            return found
        try:
            found = policy.read_policy(text, kind, name=name, principals=principals)
        except policy.PolicyError as error:
            # attack row C43: unreadable means deny, and an alarm
            told = {"policy": where or name, "kind": kind, "error": str(error), "consequence": "it denies everything"}
            log.error("policy cannot be read", extra=told)
            found = policy.unreadable(kind, name)
            if where:
                return found  # whoever else has the same text shall be named too
        return self._held.keep(key, found)
