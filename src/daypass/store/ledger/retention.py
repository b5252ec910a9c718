"""Retention of a ledger's files: whole segments go when all their lines are old enough. Does not decide how old, nor touch a line.

The first line that is kept names the MAC before it under its own, so what is left verifies by itself; that nothing more was taken than
retention took is known by its number, which is kept away from the files.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from pathlib import Path

from daypass.store.durable import sync_directory
from daypass.store.ledger.reader import Line, read_line
from daypass.store.ledger.segments import segment_numbers, segment_path

KEPT_SEGMENTS = 2  # the newest, however old: a start looks in them for what a crash left (reader.missing_lines)


def first_to_keep(directory: Path, before: datetime) -> int:
    """The number of the first line that stays when everything goes that is older than `before`: the first of a segment; 0 for all."""
    first = 0
    for number in segment_numbers(directory)[1 : -KEPT_SEGMENTS + 1 or None]:
        entry = _first_line(directory, number).entry
        # a segment's first line is later than all that stands in the ones before it
        if entry is None or entry.eventTime >= before:
            break
        first = entry.seq
    return first


def drop_before(directory: Path, first: int) -> int:
    """Remove the segments that hold no line from number `first` on; gives how many. What a crash left of an earlier call goes as well."""
    numbers = segment_numbers(directory)
    gone = 0
    for number, following in pairwise(numbers):
        entry = _first_line(directory, following).entry
        if entry is None or entry.seq > first:
            break
        segment_path(directory, number).unlink()
        gone += 1
    if gone:
        sync_directory(directory)
    return gone


def _first_line(directory: Path, number: int) -> Line:
    with segment_path(directory, number).open("rb") as file:
        return read_line(file.readline())
