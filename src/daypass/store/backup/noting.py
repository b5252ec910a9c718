"""The line of a backup in the ledger of a node that does not run (one that runs writes it itself). Does not take the backup."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from daypass.store import books, vault
from daypass.store.backup.taking import Source, verify_source
from daypass.store.engine import error_name, reader
from daypass.store.keys import RootKey
from daypass.store.ledger.writer import Ledger, LedgerFailed
from daypass.store.opening import engine_of
from daypass.values.errors import ConfigError


def note(source: Source, root_key: RootKey, line: bytes, now: datetime) -> None:
    """Append `line`, the body of one, to the ledger of `source`. The caller holds the lock of its directory.

    Raises ConfigError: the root key is not the database's, or one of them cannot be read or written.
    """
    engine, _ = engine_of(source.database, source.node, source.password)
    try:
        verify_source(engine)
        opened = vault.open_vault(engine, root_key, now)
        with reader(engine).begin() as connection:
            anchored, outbox = books.get_anchor(connection, source.node), books.get_lines(connection, source.node)
        with engine.begin() as connection:
            key = vault.get_or_make_secret(connection, opened.envelope, "ledger")
        ledger = Ledger(source.ledger, key, source.node)
        ledger.open(now, anchored)
        ledger.recover(outbox)  # of changes before this, as the next start would
        ledger.append_sync([line])
        ledger.close()
        _give_back(source.ledger)
        with engine.begin() as connection:
            books.put_anchor(connection, ledger.head, now)
    except DBAPIError as error:
        raise ConfigError(f"The database {source.database} cannot be used: {error_name(error)}. No backup was taken.") from error
    except LedgerFailed as failure:
        raise ConfigError(f"The ledger {source.ledger} takes no line of the backup: {failure}. No backup was taken.") from failure
    finally:
        engine.dispose()


def _give_back(ledger: Path) -> None:
    """A file that root began here is the server's to go on with."""
    owner = ledger.stat()
    for path in ledger.iterdir():
        if path.stat().st_uid != owner.st_uid:
            os.chown(path, owner.st_uid, owner.st_gid)
