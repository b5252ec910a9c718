"""`daypass` kept warm (warm.py), with its clock standing where TestNode's begins and rounds of upkeep only as often as told: what it does
to its files is then what a request has it do. When told, each commit moves the WAL into the database and each batch begins a file of the
ledger. All else is production.
"""

from __future__ import annotations

import os

from sqlalchemy import Engine, event

from daypass.store.ledger import Ledger, writer
from daypass.way import clock, upkeep
from rig.node import START
from rig.warm import serve

OFTEN = 0.02  # seconds


def environment(round_seconds: float, *, turning: bool = False) -> dict[str, str]:
    """What this program is told by."""
    return {"STILL_ROUND_SECONDS": str(round_seconds), "STILL_TURNING": "1" if turning else ""}


if __name__ == "__main__":
    clock._utc_now = lambda: START
    upkeep.ROUND_SECONDS = float(os.environ["STILL_ROUND_SECONDS"])
    writer.RETRY_EVERY = OFTEN
    if os.environ["STILL_TURNING"]:
        Ledger.__init__.__kwdefaults__.update(max_segment=1)
        event.listen(Engine, "connect", lambda connection, _: connection.execute("PRAGMA wal_autocheckpoint = 1").close())
    serve()
