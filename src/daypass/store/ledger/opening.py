"""Find the end of a ledger after a stop or a crash, and cut what was torn. Does not verify the whole chain (verify.py), nor write lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from daypass.store.durable import sync_directory
from daypass.store.ledger.chain import GENESIS, ChainKey, Head, Link, read_link
from daypass.store.ledger.segments import segment_numbers, segment_path, split_lines
from daypass.values.errors import ConfigError

MAX_BATCH = 1024 * 1024  # bytes of events in one write, a single longer one excepted: more than this is never torn by one crash
_WINDOW = 4 * MAX_BATCH
_TORN = 2 * MAX_BATCH  # bytes that one write may leave in part, the chain's own members included


class End(NamedTuple):
    """Where a ledger ends: its head, the segment to go on with (0 when there is none), how many torn bytes were cut."""

    head: Head
    segment: int
    cut: int


def find_end(directory: Path, key: ChainKey, node: str, durable: int = 0) -> End:
    """The end of the ledger in `directory`, after cutting a torn tail: bytes after the last line whose MAC holds.

    They belong to a batch that was being written and never acknowledged. They are kept beside it, as `NNNNNN.torn`. A power cut may leave
    any part of that batch, so that lines behind a hole go with it; not so before line `durable`, up to which all was on disk: a hole there
    was made by somebody, and is left for verify to tell of.
    Raises ConfigError when the lines do not verify with `key` at all: nothing is cut then.
    """
    cut = 0
    for number in reversed(segment_numbers(directory)):
        path = segment_path(directory, number)
        start, data = _tail(path)
        last, good = _walk(path, data, key, at_start=start == 0, durable=durable)
        if good < len(data):
            _cut(path, start + good, data[good:])
            cut += len(data) - good
        if last is not None:
            return End(Head(node, last.seq, last.mac), number, cut)
        path.unlink()  # it has no line: its first batch was torn
        sync_directory(directory)
    return End(Head(node, 0, GENESIS), 0, cut)


def last_link(directory: Path) -> Link | None:
    """The last whole line of the ledger in `directory`, which may be in use; None when there is none. Believes it as it stands."""
    for number in reversed(segment_numbers(directory)):
        lines = split_lines(_tail(segment_path(directory, number))[1])
        links = (read_link(line) for line in reversed(lines) if line.endswith(b"\n"))
        if (found := next((link for link in links if link is not None), None)) is not None:
            return found
    return None


def _tail(path: Path) -> tuple[int, bytes]:
    """The last lines of `path` and the offset where they start: at a line."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - _WINDOW))
        data = file.read()
    if start:
        skipped = data.find(b"\n") + 1
        start, data = start + skipped, data[skipped:]
    return start, data


def _walk(path: Path, data: bytes, key: ChainKey, *, at_start: bool, durable: int) -> tuple[Link | None, int]:
    """The last line in `data` that holds, and where it ends. A first line that is not a segment's first is taken as it stands."""
    lines = split_lines(data)
    links = [read_link(line) for line in lines]
    last, good, position, refused = None, 0, 0, False
    before: Link | None = None
    if at_start and len(data) <= _TORN and links and links[0] is None and all(link is None or link.seq > durable for link in links):
        return None, 0  # the first batch of the segment, without its beginning
    for number, (line, link) in enumerate(zip(lines, links, strict=True)):
        position += len(line)
        if link is not None and (number > 0 or at_start):
            if key.holds(link, before):
                last, good = link, position
            else:
                refused = True
        if last is not None and last is not link and last.seq >= durable and len(data) - good <= _TORN:
            break
        before = link
    if last is None and refused:
        raise ConfigError(f"the ledger {path} does not fit its key: put the right key in place, or move the ledger away")
    return last, good


def _cut(path: Path, size: int, torn: bytes) -> None:
    aside = path.with_suffix(".torn")
    aside.touch(mode=0o600)
    with aside.open("ab") as file:
        file.write(torn)
        file.flush()
        os.fsync(file.fileno())
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
    sync_directory(path.parent)
