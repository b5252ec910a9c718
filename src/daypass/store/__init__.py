"""State: tables, migrations, the snapshot that the hot path reads, changes, the ledger, root keys. SQL lives here only."""
