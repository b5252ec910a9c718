"""Vault: the settings table, and the way from the root key to the envelope. Does not know where the root key lives (keys/ does)."""

from __future__ import annotations

import os

from sqlalchemy import Connection, insert, select

from daypass.store.engine import upsert
from daypass.store.keys import Envelope, RootKey, WrongKey
from daypass.store.keys.envelope import new_data_key
from daypass.store.tables import TABLES, data_keys, settings
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

_INSTALLATION = "installation"
_PARAMETERS = "root-key"
_CHECK = "root-key-check"
_CHECK_TEXT = b"daypass: this is the right root key"


def get_setting(connection: Connection, key: str) -> bytes | None:
    """The value of a setting, or None."""
    value: bytes | None = connection.execute(select(settings.c.value).where(settings.c.key == key)).scalar()
    return value


def put_setting(connection: Connection, key: str, value: bytes) -> None:
    """Set a setting."""
    upsert(connection, settings, [{"key": key, "value": value}])


def open_envelope(connection: Connection, root_key: RootKey) -> Envelope:
    """The envelope of the database, begun when it is empty. Raises ConfigError; an existing key is never replaced (fault F-22)."""
    installation = get_setting(connection, _INSTALLATION)
    if installation is None:
        _verify_empty(connection)
        return _begin(connection, root_key)
    # (1) the root key, as this database remembers it
    root_key.resume(get_setting(connection, _PARAMETERS) or b"")
    name = installation.decode()
    # (2) is it the right one? Asked before anything else is read or written
    try:
        root_key.unwrap(get_setting(connection, _CHECK) or b"", _place(name, _CHECK))
    except WrongKey:
        raise ConfigError(
            f"{root_key.where[0].upper()}{root_key.where[1:]} does not open this database (installation {name}): "
            "it was made with another root key. Give the right one. Nothing was changed."
        ) from None
    # (3) the data keys under it, all of them
    return _resume(connection, root_key, name)


def _begin(connection: Connection, root_key: RootKey) -> Envelope:
    installation = os.urandom(16).hex()
    put_setting(connection, _PARAMETERS, root_key.begin())
    put_setting(connection, _CHECK, root_key.wrap(_CHECK_TEXT, _place(installation, _CHECK)))
    id, key = new_data_key()
    connection.execute(insert(data_keys).values(id=id, state="active", wrapped=root_key.wrap(key, _place(installation, id))))
    put_setting(connection, _INSTALLATION, installation.encode())
    return Envelope(installation, {id: key}, id)


def _resume(connection: Connection, root_key: RootKey, installation: str) -> Envelope:
    keys: dict[str, bytes] = {}
    active = ""
    for id, state, wrapped in connection.execute(select(data_keys).where(data_keys.c.state != "revoked")):
        try:
            keys[id] = root_key.unwrap(wrapped, _place(installation, id))
        except WrongKey:
            raise ConfigError(
                f"The data key {id} is damaged: the row of table data_keys must be brought back from a backup. Nothing was changed."
            ) from None
        active = id if state == "active" else active
    if not active:
        raise ConfigError("The database has no active data key: table data_keys must be brought back from a backup. Nothing was changed.")
    return Envelope(installation, keys, active)


def _verify_empty(connection: Connection) -> None:
    for table in (data_keys, *TABLES.values()):
        if connection.execute(select(table.c.id).limit(1)).first() is not None:
            raise ConfigError(
                f"The database has rows in {table.name} and no installation id: it is damaged. "
                "Bring it back from a backup. Nothing was changed."
            )


def _place(installation: str, id: str) -> bytes:
    return f"{installation}|root|{id}".encode()


def get_or_make_secret(connection: Connection, envelope: Envelope, name: str) -> Secret:
    """The secret called `name`, made of 32 random bytes when there is none. Raises Unsealable when it was tampered with."""
    key = f"secret:{name}"
    sealed = get_setting(connection, key)
    if sealed is not None:
        return Secret(envelope.open(sealed, settings.name, "", key))
    made = os.urandom(32)
    put_setting(connection, key, envelope.seal(made, settings.name, "", key))
    return Secret(made)
