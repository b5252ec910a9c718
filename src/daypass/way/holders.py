"""Holders of credentials: what a key id, with its session token, stands for in one state of the store. Proves nothing (who.py does)."""

from __future__ import annotations

from typing import NamedTuple

from daypass.values.caller import Caller, SigV4Claim
from daypass.values.secret import Secret

MAX_HOLDERS = 16_384  # ours: more than the sessions that are at work on one node at a time; some 3 KiB each

_Key = tuple[str, str, str]


class Holder(NamedTuple):
    """Who has a credential when `secret` proves it.

    `state` is the snapshot's state from which everything here was read. `expires` is when the session is over (epoch seconds, 0: never),
    `over` why it is over already, "" when it is not. `caller` is to be believed only when the signature holds and it is not over.
    """

    state: object
    secret: Secret
    caller: Caller
    expires: int = 0
    over: str = ""


class Holders:
    """A bounded memory of holders, first in, first out. Belongs to one thread, or to whoever holds the store's lock.

    INVARIANT: only holders that have proven a signature get in, and none is good for another state than the one it was read from: whatever
    changes a user, a key, a role or an order that ends passes changes the state.
    """

    def __init__(self, limit: int = MAX_HOLDERS) -> None:
        self._limit = limit
        self._holders: dict[_Key, Holder] = {}

    def find(self, claim: SigV4Claim, state: object) -> Holder | None:
        """The holder of what `claim` names, as it is in `state`, or None when it is not remembered."""
        found = self._holders.get((claim.key_id, claim.region, claim.token))
        return found if found is not None and found.state is state else None

    def remember(self, claim: SigV4Claim, holder: Holder) -> None:
        """Keep `holder`, whose signature has just been verified."""
        if len(self._holders) >= self._limit:
            del self._holders[next(iter(self._holders))]
        self._holders[claim.key_id, claim.region, claim.token] = holder

    def __len__(self) -> int:
        return len(self._holders)
