"""The trees of the organizations: which account or unit is below which, and what a policy is attached to. Does not read policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daypass.store.indices import Index, Records
from daypass.store.records import Account, Organization, OrganizationalUnit, Target

MAX_DEPTH = 5  # AWS Organizations User Guide, "Quotas": levels of units below the root


class Tree:
    """Every place in it is found by its id: a root's `r-…`, a unit's `ou-…`, an account's number."""

    def __init__(self, accounts: Records[Account], units: Records[OrganizationalUnit]) -> None:
        self._accounts = accounts
        self._units = units
        self._roots: dict[str, Organization] = {}
        self._below: Index[Account | OrganizationalUnit] = Index(lambda child: (child.parent,) if child.parent else ())
        self._attached: Index[Target] = Index(lambda target: target.policies)

    def find(self, id: str) -> Target | None:
        """The root (as its organization), unit or account with this id."""
        return self._roots.get(id) or self._units.find(id) or self._accounts.find(id)

    def path(self, id: str) -> tuple[Target, ...] | None:
        """From the root down to the place itself; () outside of every organization, None when a part of the way is missing."""
        steps: list[Target] = []
        place = self.find(id)
        while not isinstance(place, Organization):
            if not isinstance(place, Account | OrganizationalUnit):
                return None if steps else ()  # what nobody knows is nowhere
            if not place.parent:
                return ()
            steps.append(place)
            if len(steps) > MAX_DEPTH + 1:
                return None
            place = self.find(place.parent)
        return (place, *reversed(steps))

    def organization_of(self, account: str) -> Organization | None:
        """The organization that an account is in."""
        path = self.path(account)
        root = path[0] if path else None
        return root if isinstance(root, Organization) else None

    def below(self, id: str) -> Sequence[Account | OrganizationalUnit]:
        """What is directly below a root or a unit."""
        return self._below.of(id)

    def attached(self, policy_id: str) -> Sequence[Target]:
        """The places that a policy is attached to."""
        return self._attached.of(policy_id)

    def replace(self, old: Any, new: Any) -> None:
        """Forget the place `old`, take `new` in. For the snapshot alone."""
        self._attached.replace(old, new)
        if isinstance(new if new is not None else old, Organization):
            if old is not None:
                self._roots.pop(old.root_id, None)
            if new is not None:
                self._roots[new.root_id] = new
        else:
            self._below.replace(old, new)
