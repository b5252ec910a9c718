"""Endings: which sessions were ended by an order, in a few look-ups each. Does not know what else a session rests on (snapshot.py does)."""

from __future__ import annotations

from itertools import pairwise

from daypass.store.records import Revocation, RevocationScope
from daypass.values.session import Ancestor, Session

Named = tuple[RevocationScope, str]


class Endings:
    """The revocations in force. An order of time ends what was issued at or before it: a second is the finest that passes know, and one
    that was issued within that second may be older than the order. An order on one session leaves what was made of it before alive, and
    nothing that was made of it since: another node may not have heard of the order yet."""

    __slots__ = ("_accounts", "_orders", "_principals", "_sessions", "_subtrees")

    def __init__(self) -> None:
        self._orders: dict[Named, dict[str, int]] = {}  # what is ended -> revocation id -> epoch seconds
        self._sessions: dict[bytes, int] = {}  # since when
        self._subtrees: set[bytes] = set()
        self._principals: dict[str, int] = {}
        self._accounts: dict[str, int] = {}

    @property
    def accounts(self) -> bool:
        """Whether any order ends passes of whole accounts."""
        return bool(self._accounts)

    def replace(self, old: Revocation | None, new: Revocation | None) -> None:
        """Forget `old`, obey `new`. For the snapshot alone."""
        if old is not None:
            orders = self._orders.get(_named(old), {})
            orders.pop(old.id, None)
            self._settle(_named(old), orders)
        if new is not None:
            orders = self._orders.setdefault(_named(new), {})
            orders[new.id] = int(new.before.timestamp())
            self._settle(_named(new), orders)

    def _settle(self, named: Named, orders: dict[str, int]) -> None:
        scope, value = named
        if not orders:
            self._orders.pop(named, None)
        if scope == "subtree":
            (self._subtrees.add if orders else self._subtrees.discard)(bytes.fromhex(value))
            return
        if scope == "session":
            if orders:
                self._sessions[bytes.fromhex(value)] = min(orders.values())
            else:
                self._sessions.pop(bytes.fromhex(value), None)
            return
        befores = self._principals if scope == "principal" else self._accounts
        if orders:
            befores[value] = max(orders.values())
        else:
            befores.pop(value, None)

    def ended(self, session: Session) -> str | None:
        """Why `session` was ended by an order on it, its principal, or its ancestors, or None."""
        if session.id in self._sessions:
            return "the session was revoked"
        if session.id in self._subtrees:
            return "the session was revoked with its descendants"
        if self.ended_with_principal(session.principal_id, session.issued):
            return "the principal's sessions were revoked"
        if self._accounts and self.ended_with_account(session.account, session.issued):
            return "all sessions issued before were revoked"
        for ancestor in session.ancestors:
            if ancestor.id in self._subtrees:
                return f"an ancestor was revoked with its descendants: {ancestor.id.hex()}"
            if self.ended_with_principal(ancestor.principal_id, ancestor.issued):
                return f"the sessions of an ancestor's principal were revoked: {ancestor.principal_id}"
        return self._made_of_what_was_over(session) if self._sessions else None

    def _made_of_what_was_over(self, session: Session) -> str | None:
        """Why one of the line was made of a session that had been revoked by then, or None."""
        for ancestor in session.ancestors:
            if (since := self._sessions.get(ancestor.id)) is not None and made_since(session, ancestor.id, since):
                return f"it comes from a session that was revoked by then: {ancestor.id.hex()}"
        return None

    def ended_with_principal(self, principal_id: str, issued: int) -> bool:
        """Whether everything that comes from a principal and was issued at `issued` was ended."""
        return bool(self._principals) and issued <= self._principals.get(principal_id, -1)

    def ended_with_account(self, account: str, issued: int) -> bool:
        """Whether everything of `account`, or everything, that was issued at `issued` was ended."""
        return issued <= self._accounts.get(account, -1) or issued <= self._accounts.get("", -1)


def made_since(session: Session, ancestor_id: bytes, since: int) -> bool:
    """Whether `session`, or one between them, was made of that ancestor at `since` (epoch seconds) or later."""
    line: tuple[Ancestor | Session, ...] = (*session.ancestors, session)
    return any(one.id == ancestor_id and child.issued >= since for one, child in pairwise(line))


def _named(revocation: Revocation) -> Named:
    if revocation.scope == "issued-before":
        return revocation.scope, revocation.account
    if revocation.scope == "principal":
        return revocation.scope, revocation.value
    return revocation.scope, revocation.value.lower()  # hex: both cases are one session
