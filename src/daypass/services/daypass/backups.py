"""NoteBackup: the ledger line that tells who takes a backup, when and to where. Takes none: the command does, which asks for this first."""

from __future__ import annotations

from daypass.services.daypass.server import on_account
from daypass.way.context import Context
from daypass.way.operation import operation


@operation("daypass", asks=on_account("NoteBackup"), writes=True)
def note_backup(ctx: Context, *, file: str) -> None:
    """Changes nothing but the ledger, whose line names the caller, the time and `file`."""
