"""Points in time as people type them: `15m`, `2h`, `7d` (ago), `now`, or a full UTC timestamp. Does not read dates without a time."""

from __future__ import annotations

import argparse
import re
import time
from datetime import datetime

_AGO = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def read_time(text: str, now: float) -> int:
    """Epoch seconds of what `text` says, seen from `now`. Raises ValueError when it is none of the forms above."""
    if text == "now":
        return int(now)
    if ago := _AGO.fullmatch(text):
        return int(now) - int(ago[1]) * _SECONDS[ago[2]]
    if _STAMP.fullmatch(text):
        return int(datetime.fromisoformat(text).timestamp())
    raise ValueError(f"{text!r} is no time: give 15m, 2h or 7d (ago), now, or 2026-11-24T09:30:00Z")


def show_time(epoch: float) -> str:
    """A timestamp in UTC, as AWS prints it."""
    return time.strftime(FORMAT, time.gmtime(epoch))


def argument(text: str) -> int:
    """`read_time` for argparse, seen from now."""
    try:
        return read_time(text, time.time())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
