"""Tokens opened lately, so that a session's many requests open its token once. Does not ask whether the session is over or ended."""

from __future__ import annotations

from collections.abc import Mapping

from daypass.passes.key import SealKeyValue
from daypass.passes.seal import open_sealed, secret_of
from daypass.values.secret import Secret
from daypass.values.session import Session

MAX_OPENED = 16_384  # sessions: more than are at work on one node at a time; some 3 KiB each


class OpenedTokens:
    """A bounded memory of tokens that were opened, first in, first out. Belongs to one thread."""

    def __init__(self, limit: int = MAX_OPENED) -> None:
        self._limit = limit
        self._opened: dict[str, tuple[SealKeyValue, Session, Secret]] = {}

    def open(self, token: str, keys: Mapping[str, SealKeyValue]) -> tuple[Session, Secret]:
        """As `open_with_secret`. Raises ProofError UNKNOWN_KEY, also for a token opened before whose key is gone or revoked since."""
        found = self._opened.get(token)
        if found is not None:
            key, session, secret = found
            # INVARIANT: the key is the very one that is in force now; keys and their states are immutable, a change is another object.
            if keys.get(key.id) is key:
                return session, secret
            del self._opened[token]
        session, key = open_sealed(token, keys)
        secret = secret_of(session, key)
        if len(self._opened) >= self._limit:
            del self._opened[next(iter(self._opened))]
        self._opened[token] = (key, session, secret)
        return session, secret

    def __len__(self) -> int:
        return len(self._opened)
