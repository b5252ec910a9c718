"""`daypass` with a wall clock that stands off by the seconds written in the file of its first argument; all else is production.

The file is read at each look at the clock, so that a test moves time by writing it. Only the clock's source is exchanged.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daypass.cli.main import main
from daypass.way import clock

if __name__ == "__main__":
    offset = Path(sys.argv[1])
    clock._utc_now = lambda: datetime.now(UTC) + timedelta(seconds=float(offset.read_text()))
    sys.exit(main(sys.argv[2:]))
