"""How many connections there may be, and who goes when there are too many. Does not open or close them (protocol.py) or count requests
(throttle.py).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import Protocol

MAX_CONNECTIONS = 12_000  # by default, and never more than the system lets this process have files; some 10 KiB each when idle
MAX_UNPROVEN = 1_000  # connections of one address (or IPv6 /64) on which nobody has proven anything yet
MAX_LOOKED_AT = 64  # of those that have waited longest, for one that can go


class Member(Protocol):
    """A connection as the crowd sees it."""

    def shed(self) -> bool:
        """Close for the good of others and say so; False, and nothing is done, while a request is being answered."""


class Crowd:
    """All connections of a server, and who of them proved something. `party` names who shares a bound; "" is bound by the total alone."""

    def __init__(self, total: int = MAX_CONNECTIONS, unproven: int = MAX_UNPROVEN) -> None:
        self._total = total
        self._bound = unproven
        self._members: set[Member] = set()
        self._unproven: dict[Member, str] = {}  # in the order in which they came
        self._parties: defaultdict[str, dict[Member, None]] = defaultdict(dict)

    def enter(self, member: Member, party: str = "") -> bool:
        """Take `member` in, for which an unproven one may have to go: the one that has waited longest, of the same party when that has
        too many. False when there is none: then it is not taken in.
        """
        mine = self._parties.get(party, {})
        if len(mine) >= self._bound and not self._shed(mine):
            return False
        if len(self._members) >= self._total and not self._shed(self._unproven):
            return False
        self._members.add(member)
        self._unproven[member] = party
        if party:
            self._parties[party][member] = None
        return True

    def prove(self, member: Member) -> None:
        """`member` has brought a request with a proof: it is not shed any more."""
        party = self._unproven.pop(member, "")
        if party:
            del self._parties[party][member]
            if not self._parties[party]:
                del self._parties[party]

    def leave(self, member: Member) -> None:
        """`member` is gone; nothing happens when it was not in."""
        self.prove(member)
        self._members.discard(member)

    def _shed(self, members: dict[Member, str] | dict[Member, None]) -> bool:
        for member in list(islice(members, MAX_LOOKED_AT)):
            if member.shed():
                self.leave(member)  # it counts no more, though the loop closes it only in its next turn
                return True
        return False
