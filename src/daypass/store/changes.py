"""Changes: what one request puts and deletes, to be committed as a whole. Does not write anything."""

from __future__ import annotations

from collections.abc import Callable

from daypass.store.keys.data_key import DataKey
from daypass.store.records import Record

Told = Callable[[str, int, int], None]  # what is being done, and how many of how many are


def say_nothing(what: str, done: int, total: int) -> None:
    """A `Told` for those who do not want to be told."""


class Conflict(Exception):
    """A change cannot be committed: it would break a uniqueness rule of `table`, or the state that it was made from has moved on.

    Nothing of it was written. After `Store.catch_up()` it may be tried anew.
    """

    def __init__(self, table: str, why: str) -> None:
        super().__init__(f"{table}: {why}")
        self.table = table


class StoreFailed(Exception):
    """The database did not take a change; it must not be acknowledged. Whether a later one may succeed, `Store.failed` tells."""


class Changes:
    """Records to put (new ones, or new versions of old ones) and to delete. For one `id` the last word counts.

    `data_keys` are those to be put, by id, None for one to be removed. `oldest` is the schema of the oldest daypass that can live with
    these changes, where an earlier one could not read them.
    """

    def __init__(self) -> None:
        self._put: dict[tuple[type[Record], str], Record] = {}
        self._deleted: dict[tuple[type[Record], str], Record] = {}
        self.data_keys: dict[str, DataKey | None] = {}
        self.oldest = ""

    def put(self, record: Record) -> None:
        """Store `record`, in place of the one with its id if there is one."""
        key = type(record), record.id
        self._deleted.pop(key, None)
        self._put[key] = record

    def delete(self, record: Record) -> None:
        """Remove the record with this id."""
        key = type(record), record.id
        self._put.pop(key, None)
        self._deleted[key] = record

    @property
    def records(self) -> tuple[Record, ...]:
        """What is to be put, in order."""
        return tuple(self._put.values())

    @property
    def deleted(self) -> tuple[Record, ...]:
        """What is to be deleted, in order."""
        return tuple(self._deleted.values())

    def __bool__(self) -> bool:
        return bool(self._put or self._deleted or self.data_keys)
