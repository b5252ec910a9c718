"""State: tables, migrations, the snapshot that the hot path reads, changes, the ledger, root keys. SQL lives here only."""

from daypass.store.changes import Changes, Conflict, StoreFailed, Told, say_nothing
from daypass.store.issued import Filter, IssuedPass
from daypass.store.opening import open_store
from daypass.store.snapshot import Snapshot
from daypass.store.store import Store

__all__ = ["Changes", "Conflict", "Filter", "IssuedPass", "Snapshot", "Store", "StoreFailed", "Told", "open_store", "say_nothing"]
