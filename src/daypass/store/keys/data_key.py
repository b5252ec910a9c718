"""A data key with its state, wrapped under the root key. Does not keep it (vault.py does) nor seal with it (envelope.py does)."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

from daypass.store.keys.envelope import new_data_key
from daypass.store.keys.root import RootKey
from daypass.values.errors import WrongKey
from daypass.values.secret import Secret

DataKeyState = Literal["pending", "active", "retained"]

Row = tuple[str, str, int | None, bytes]  # id, state, epoch seconds of its making, wrapped


class DataKey(NamedTuple):
    """One row of data_keys, opened. The active one seals, all of them open; one that nothing rests on any more is removed."""

    id: str
    state: DataKeyState
    created: int | None
    wrapped: bytes
    key: Secret

    @property
    def row(self) -> Row:
        """What stands in the table."""
        return self[:4]


def make(root_key: RootKey, installation: str, state: DataKeyState, created: int) -> DataKey:
    """A fresh data key."""
    id, key = new_data_key()
    return _wrapped(root_key, installation, DataKey(id, state, created, b"", Secret(key)))


def move(root_key: RootKey, installation: str, key: DataKey, state: DataKeyState) -> DataKey:
    """The same key in another state, wrapped anew for it."""
    return _wrapped(root_key, installation, key._replace(state=state))


def open_row(root_key: RootKey, installation: str, row: Row) -> DataKey:
    """The key in a row. Raises WrongKey unless the row is as somebody with the root key made it: its state included (attack row H72).

    Before schema 0002 the state was not bound, and a key was active all its life: such a row opens as an active one alone.
    """
    id, state, created, wrapped = row
    try:
        key = root_key.unwrap(wrapped, _place(installation, id, state, created))
    except WrongKey:
        if state != "active":
            raise
        key = root_key.unwrap(wrapped, place(installation, id))
    return DataKey(id, cast("DataKeyState", state), created, wrapped, Secret(key))


def place(installation: str, id: str) -> bytes:
    """What is wrapped under the root key is bound to this."""
    return f"{installation}|root|{id}".encode()


def _place(installation: str, id: str, state: str, created: int | None) -> bytes:
    return place(installation, id) + f"|{state}|{created}".encode()


def _wrapped(root_key: RootKey, installation: str, key: DataKey) -> DataKey:
    wrapped = root_key.wrap(key.key.reveal(), _place(installation, key.id, key.state, key.created))
    return key._replace(wrapped=wrapped)
