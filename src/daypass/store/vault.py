"""Vault: the settings table, and the way from the root key to the envelope. Does not know where the root key lives (keys/ does), nor when
a data key is to be replaced (rotation.py does).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select

from daypass.store.changes import StoreFailed
from daypass.store.engine import reader, upsert
from daypass.store.keys import Envelope, RootKey, Unsealable, WrongKey, data_key
from daypass.store.keys.data_key import DataKey, DataKeyState
from daypass.store.tables import TABLES, data_keys, settings
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

_INSTALLATION = "installation"
_PARAMETERS = "root-key"
_CHECK = "root-key-check"
_CHECK_TEXT = b"daypass: this is the right root key"
SECRETS = "secret:"  # how the names of settings that are sealed begin


def get_setting(connection: Connection, key: str) -> bytes | None:
    """The value of a setting, or None."""
    value: bytes | None = connection.execute(select(settings.c.value).where(settings.c.key == key)).scalar()
    return value


def put_setting(connection: Connection, key: str, value: bytes) -> None:
    """Set a setting."""
    upsert(connection, settings, [{"key": key, "value": value}])


class Vault:
    """The data keys of a database, opened. `envelope` seals and opens with them: another object whenever one of them changes.

    `refresh` and `take` belong to the storage thread; `envelope_in`, `make` and `moved`, which ask the root key, to any.
    """

    def __init__(self, root_key: RootKey, installation: str, keys: Sequence[DataKey]) -> None:
        self._root_key = root_key
        self._asking = threading.Lock()
        self._installation = installation
        self.keys: tuple[DataKey, ...] = ()
        self._hold(keys)

    @property
    def active(self) -> DataKey:
        """The data key that seals."""
        return next(key for key in self.keys if key.state == "active")

    def refresh(self, connection: Connection) -> None:
        """Take the data keys in as they stand now; the root key is asked for what changed alone.

        Raises StoreFailed, and keeps what it has, unless each is as it was wrapped and one is active.
        """
        with _as_failure():
            self._hold(self._keys_in(connection))

    def envelope_in(self, connection: Connection) -> Envelope:
        """The envelope of the data keys as they stand there; the vault stays as it is. Raises StoreFailed as `refresh`."""
        with _as_failure():
            return self._envelope_of(self._keys_in(connection))

    def take(self, changed: Mapping[str, DataKey | None]) -> None:
        """Take in what was just committed: keys by id, None for one that is gone."""
        if changed:
            keys = {key.id: key for key in self.keys} | dict(changed)
            self._hold([key for _, key in sorted(keys.items()) if key is not None])

    def make(self, state: DataKeyState, now: datetime) -> DataKey:
        """A fresh key, not in the database yet. Raises ConfigError when the root key is away."""
        with self._asking:
            return data_key.make(self._root_key, self._installation, state, int(now.timestamp()))

    def moved(self, key: DataKey, state: DataKeyState) -> DataKey:
        """The key in another state, not in the database yet. Raises ConfigError when the root key is away."""
        with self._asking:
            return data_key.move(self._root_key, self._installation, key, state)

    def _keys_in(self, connection: Connection) -> Sequence[DataKey]:
        keys, rows = self.keys, _rows(connection)
        held = {key.row: key for key in keys}
        if rows == list(held):
            return keys
        with self._asking:
            return [held.get(row) or _opened(self._root_key, self._installation, row) for row in rows]

    def _hold(self, keys: Sequence[DataKey]) -> None:
        if keys is not self.keys:
            self.envelope = self._envelope_of(keys)
            self.keys = tuple(keys)  # by id

    def _envelope_of(self, keys: Sequence[DataKey]) -> Envelope:
        active = [key.id for key in keys if key.state == "active"]
        if len(active) != 1:
            raise ConfigError(
                f"The database has {'several active data keys' if active else 'no active data key'}: table data_keys must be brought back "
                "from a backup. Nothing was changed."
            )
        return Envelope(self._installation, {key.id: key.key.reveal() for key in keys}, active[0])


@contextmanager
def _as_failure() -> Iterator[None]:
    """What is wrong with the keys in the database, as a failure of the store."""
    try:
        yield
    except ConfigError as error:
        raise StoreFailed(str(error)) from error


def open_vault(engine: Engine, root_key: RootKey, now: datetime) -> Vault:
    """The vault of the database, begun when that is empty. Raises ConfigError; an existing key is never replaced (fault F-22).

    INVARIANT: nothing waits for the place of a root key while it holds the state's lock, but at the beginning of an installation: other
    nodes go on with their changes while this one waits for its KMS or token.
    """
    with reader(engine).begin() as connection:
        kept = _read(connection)
    if kept is None:
        with engine.execution_options(patient=True).begin() as connection:
            kept = _read(connection)  # another node may have been quicker
            if kept is None:
                _verify_empty(connection)
                return _begin(connection, root_key, now)
    # (1) the root key, as this database remembers it
    root_key.resume(kept.parameters)
    # (2) is it the right one? Asked before anything else is opened
    try:
        root_key.unwrap(kept.check, data_key.place(kept.installation, _CHECK))
    except WrongKey:
        raise ConfigError(
            f"{root_key.where[0].upper()}{root_key.where[1:]} does not open this database (installation {kept.installation}): "
            "it was made with another root key. Give the right one. Nothing was changed."
        ) from None
    # (3) the data keys under it, all of them
    return Vault(root_key, kept.installation, [_opened(root_key, kept.installation, row) for row in kept.keys])


def rewrap(connection: Connection, vault: Vault, wanted: RootKey) -> int:
    """Wrap what is wrapped under the root key of `vault` under another one; gives how many data keys that were. Raises ConfigError."""
    kept = _read(connection)
    if kept is None or kept.keys != [key.row for key in vault.keys]:
        raise ConfigError("The data keys have changed meanwhile. Nothing was changed.")
    _take_up(connection, wanted, kept.installation)
    moved = {key.id: data_key.move(wanted, kept.installation, key, key.state) for key in vault.keys}
    put_data_keys(connection, moved)
    for row in _rows(connection):  # what it cannot open again must not be committed
        _opened(wanted, kept.installation, row)
    return len(moved)


def put_data_keys(connection: Connection, changed: Mapping[str, DataKey | None]) -> None:
    """Write data keys by id, None for one to be removed."""
    for id, key in changed.items():
        if key is None:
            connection.execute(delete(data_keys).where(data_keys.c.id == id))
        else:
            upsert(connection, data_keys, [{"id": id, "state": key.state, "created": key.created, "wrapped": key.wrapped}])


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the database keeps of its keys."""

    installation: str
    parameters: bytes
    check: bytes
    keys: list[data_key.Row]


def _read(connection: Connection) -> _Kept | None:
    installation = get_setting(connection, _INSTALLATION)
    if installation is None:
        return None
    parameters, check = (get_setting(connection, key) or b"" for key in (_PARAMETERS, _CHECK))
    return _Kept(installation.decode(), parameters, check, _rows(connection))


def _rows(connection: Connection) -> list[data_key.Row]:
    columns = (data_keys.c.id, data_keys.c.state, data_keys.c.created, data_keys.c.wrapped)
    query = select(*columns).where(data_keys.c.state != "revoked").order_by(data_keys.c.id)
    return [(id, state, created, wrapped) for id, state, created, wrapped in connection.execute(query)]


def whose(connection: Connection) -> tuple[str, bytes] | None:
    """The installation's id and the parameters of its root key; None when the database is empty."""
    kept = _read(connection)
    return None if kept is None else (kept.installation, kept.parameters)


def _begin(connection: Connection, root_key: RootKey, now: datetime) -> Vault:
    installation = os.urandom(16).hex()
    _take_up(connection, root_key, installation)
    first = data_key.make(root_key, installation, "active", int(now.timestamp()))
    put_data_keys(connection, {first.id: first})
    put_setting(connection, _INSTALLATION, installation.encode())
    return Vault(root_key, installation, [first])


def _take_up(connection: Connection, root_key: RootKey, installation: str) -> None:
    """Have the database remember its root key, and how to tell it from others."""
    put_setting(connection, _PARAMETERS, root_key.begin())
    put_setting(connection, _CHECK, root_key.wrap(_CHECK_TEXT, data_key.place(installation, _CHECK)))


def _opened(root_key: RootKey, installation: str, row: data_key.Row) -> DataKey:
    try:
        return data_key.open_row(root_key, installation, row)
    except WrongKey:
        raise ConfigError(
            f"The data key {row[0]} is damaged: the row of table data_keys must be brought back from a backup. Nothing was changed."
        ) from None


def _verify_empty(connection: Connection) -> None:
    for table in (data_keys, *TABLES.values()):
        if connection.execute(select(table.c.id).limit(1)).first() is not None:
            raise ConfigError(
                f"The database has rows in {table.name} and no installation id: it is damaged. "
                "Bring it back from a backup. Nothing was changed."
            )


def get_or_make_secret(connection: Connection, envelope: Envelope, name: str) -> Secret:
    """The secret called `name`, made of 32 random bytes when there is none. Raises Unsealable when it was tampered with."""
    key = f"{SECRETS}{name}"
    sealed = get_setting(connection, key)
    if sealed is not None:
        return Secret(envelope.open(sealed, settings.name, "", key))
    made = os.urandom(32)
    put_setting(connection, key, envelope.seal(made, settings.name, "", key))
    return Secret(made)


def verify_secrets(connection: Connection, envelope: Envelope) -> None:
    """Open every secret that `get_or_make_secret` made. Raises ConfigError for one that was altered."""
    query = select(settings.c.key, settings.c.value).where(settings.c.key.startswith(SECRETS, autoescape=True))
    for key, sealed in connection.execute(query):
        try:
            envelope.open(sealed, settings.name, "", key)
        except Unsealable as error:
            raise ConfigError(f"The setting {key} is damaged: {error}. Bring it back from a backup. Nothing was changed.") from None
