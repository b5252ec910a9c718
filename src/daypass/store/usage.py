"""Usage: when each long-term key was last used, kept in memory and handed on from time to time. Does not write to the database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from daypass.values.ids import LONG_TERM


class Use(NamedTuple):
    """One use: when (UTC), of which service, in which region."""

    at: datetime
    service: str
    region: str


class Usage:
    """The last use of each long-term access key."""

    def __init__(self, known: Iterable[tuple[str, Use]] = ()) -> None:
        self._last: dict[str, Use] = dict(known)
        self._fresh: set[str] = set()

    def last(self, key_id: str) -> Use | None:
        """The last use of the key, or None."""
        return self._last.get(key_id)

    def use(self, key_id: str, use: Use) -> None:
        """Note a use. Temporary keys are passed over: their passes are in the ledger."""
        if key_id.startswith(LONG_TERM):
            self._last[key_id] = use
            self._fresh.add(key_id)

    def learn(self, noted: Iterable[tuple[str, Use]]) -> None:
        """Take in what other nodes have noted, where it is later than what is known here."""
        for key_id, use in noted:
            known = self._last.get(key_id)
            if known is None or known.at < use.at:
                self._last[key_id] = use

    def forget(self, key_id: str) -> None:
        """The key is deleted."""
        self._last.pop(key_id, None)
        self._fresh.discard(key_id)

    def take_fresh(self) -> list[tuple[str, Use]]:
        """What was noted since the last call; it counts as handed on."""
        fresh, self._fresh = self._fresh, set()
        return [(key_id, self._last[key_id]) for key_id in fresh if key_id in self._last]

    def give_back(self, batch: Iterable[tuple[str, Use]]) -> None:
        """What could not be handed on after all."""
        self._fresh.update(key_id for key_id, _ in batch)
