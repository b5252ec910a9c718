"""Ledgers around a restore: the chain that the restored node goes on with, and what the ledgers of all nodes tell of the time since.

Believes a ledger only where it verifies, and only when the line that the backup ends with is the same in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from daypass.store.backup.frames import Manifest, Point
from daypass.store.ledger.chain import GENESIS, Head, read_link
from daypass.store.ledger.reader import Reader
from daypass.store.ledger.segments import segment_numbers, segment_path
from daypass.store.ledger.shapes import Entry
from daypass.store.ledger.verify import verify
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

_LEDGER = "ledger"
_KNOWN = ("torn", "lost")  # findings that a crash leaves, and that the ledger itself tells of


class Later(NamedTuple):
    """What came after the backup: the lines, oldest first; how many of them are the restored node's own; the nodes nobody can tell of."""

    entries: list[Entry]
    own: int
    unknown: list[str]


def adopt(directory: Path, manifest: Manifest, old: Sequence[Path]) -> None:
    """Put the whole old ledger of the restored node, where it is among `old`, in place of the part that the backup has."""
    for data in old:
        if name_of(data) == manifest.node:
            shutil.rmtree(directory)
            directory.mkdir(mode=0o700)
            for number in segment_numbers(data / _LEDGER):
                shutil.copyfile(segment_path(data / _LEDGER, number), segment_path(directory, number))
                segment_path(directory, number).chmod(0o600)


def later_lines(directory: Path, key: Secret, manifest: Manifest, old: Sequence[Path]) -> Later:
    """The lines after the backup's points, from the restored node's ledger in `directory` and those of `old`. Raises ConfigError."""
    found = {manifest.node: _after(directory, key, manifest.node, manifest.point)}
    told = set()
    for data in old:
        name = name_of(data)
        told.add(name)
        if name != manifest.node:
            found[name] = _after(data / _LEDGER, key, name, manifest.points.get(name, Point(0, GENESIS)))
    entries = sorted((entry for lines in found.values() for entry in lines), key=lambda entry: entry.eventTime)
    return Later(entries, len(found[manifest.node]), sorted(set(manifest.points) - told))


def name_of(data: Path) -> str:
    """The node whose data directory this was. Raises ConfigError for what is none."""
    try:
        if (data / _LEDGER).is_dir():
            return (data / "node").read_text().strip()
    except OSError:
        pass  # said below
    raise ConfigError(f"{data} is no data directory of a node: it needs the file `node` and the folder `ledger`. Nothing was changed.")


def _after(directory: Path, key: Secret, node: str, point: Point) -> list[Entry]:
    anchored = Head(node, point.seq, point.mac) if point.seq else None
    report = verify(directory, key, node, anchored=anchored, first=_first(directory))
    wrong = [finding for finding in report.findings if finding.kind not in _KNOWN]
    if wrong:
        raise ConfigError(f"The ledger of {node} is not intact: {wrong[0]}. Nothing was changed.")
    return [line.entry for line in Reader(directory, point.seq).read() if line.entry is not None]


def _first(directory: Path) -> int:
    """The number of the oldest line that there is."""
    for number in segment_numbers(directory):
        with segment_path(directory, number).open("rb") as file:
            link = read_link(file.readline())
        return 1 if link is None else link.seq
    return 1
