"""Records by what they are looked for: id, name, ARN, account, and what they belong to. Does not know the kinds (snapshot.py does)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from daypass.store.records import Record
from daypass.values.folding import fold

R = TypeVar("R", bound=Record)


def by_name(record: Record) -> tuple[str, str]:
    """Where a record stands in a list: by its name in ASCII lower case, then by id; by id alone when it has no name."""
    return fold(getattr(record, "name", "")), record.id


class Records(Generic[R]):
    """All records of one kind."""

    __slots__ = ("_by_arn", "_by_id", "_by_name", "_lent", "_ordered")

    def __init__(self) -> None:
        self._by_id: dict[str, R] = {}
        self._by_name: dict[str, dict[str, R]] = {}  # account -> folded name
        self._by_arn: dict[str, R] = {}
        self._ordered: dict[str, list[R]] = {}
        self._lent: set[str] = set()  # accounts whose list a reader holds

    def find(self, id: str) -> R | None:
        """The record with this id."""
        return self._by_id.get(id)

    def named(self, account: str, name: str) -> R | None:
        """The record of `account` with this name, whatever the case of its ASCII letters."""
        return self._by_name.get(account, {}).get(fold(name))

    def by_arn(self, arn: str) -> R | None:
        """The record with exactly this ARN; None as well when the kind has none."""
        return self._by_arn.get(arn)

    def of(self, account: str) -> Sequence[R]:
        """The records of `account`, by name. The list is the caller's to keep: it never changes."""
        ordered = self._ordered.get(account)
        if ordered is None:
            return ()
        self._lent.add(account)
        return ordered

    def __iter__(self) -> Iterator[R]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def put(self, record: R) -> R | None:
        """Take `record` in and give the one that it replaces. For the snapshot alone."""
        old = self.remove(record.id)
        self._by_id[record.id] = record
        insort(self._own(record.account), record, key=by_name)
        if (name := getattr(record, "name", None)) is not None:
            self._by_name.setdefault(record.account, {})[_key(name)] = record
        if (arn := getattr(record, "arn", None)) is not None:
            self._by_arn[arn] = record
        return old

    def remove(self, id: str) -> R | None:
        """Let the record go and give it. For the snapshot alone."""
        old = self._by_id.pop(id, None)
        if old is None:
            return None
        ordered = self._own(old.account)
        del ordered[bisect_left(ordered, by_name(old), key=by_name)]
        if not ordered:
            del self._ordered[old.account]
        if (name := getattr(old, "name", None)) is not None:
            named = self._by_name[old.account]
            _drop(named, fold(name), old)
            if not named:
                del self._by_name[old.account]
        if (arn := getattr(old, "arn", None)) is not None:
            _drop(self._by_arn, arn, old)
        return old

    def _own(self, account: str) -> list[R]:
        """The list of `account`, to be changed: a copy when a reader holds it."""
        ordered = self._ordered.setdefault(account, [])
        if account in self._lent:
            self._lent.discard(account)
            ordered = self._ordered[account] = ordered.copy()
        return ordered


def _key(name: str) -> str:
    """`name` folded; the very object where that changes nothing, so that it is held once."""
    folded = fold(name)
    return name if folded == name else folded


def _drop(held: dict[str, R], key: str, record: R) -> None:
    if held.get(key) is record:  # another one may have taken the name over in the same change
        del held[key]


class Index(Generic[R]):
    """Records by keys that each of them may have any number of, and share."""

    __slots__ = ("_held", "_keys_of")

    def __init__(self, keys_of: Callable[[R], Iterable[str]]) -> None:
        self._keys_of = keys_of
        self._held: dict[str, dict[str, R]] = {}

    def of(self, key: str) -> Sequence[R]:
        """The records that have `key`, by name."""
        held = self._held.get(key)
        return sorted(held.values(), key=by_name) if held else ()

    def count(self, key: str) -> int:
        """How many records have `key`."""
        return len(self._held.get(key, ()))

    def replace(self, old: R | None, new: R | None) -> None:
        """Forget `old`, take `new` in. For the snapshot alone."""
        if old is not None:
            for key in self._keys_of(old):
                held = self._held.get(key, {})
                held.pop(old.id, None)  # a record may name one key twice
                if not held:
                    self._held.pop(key, None)
        if new is not None:
            for key in self._keys_of(new):
                self._held.setdefault(key, {})[new.id] = new
