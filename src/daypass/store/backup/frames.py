"""What a backup holds: a manifest, the rows of the tables, the ledger's files, and an end that counts them. Does not open databases."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from daypass.store.backup.sealed import read_frames
from daypass.store.keys import RootKey
from daypass.values.errors import ConfigError

PIECE = 1024 * 1024  # bytes of a file in one frame
SEGMENT = re.compile(r"[0-9]{6}\.jsonl", re.ASCII)


class Point(msgspec.Struct, frozen=True):
    """Up to where a node's ledger is known to be in the database of the backup: the number and MAC of a line."""

    seq: int
    mac: bytes


class Manifest(msgspec.Struct, frozen=True, tag="manifest"):
    """What the backup is of. `position` is the number of its last change, `node` the node that took it, `points` the ledgers of all nodes,
    `rows` how many each table has."""

    version: str
    installation: str
    schema: str
    taken: datetime
    node: str
    position: int
    points: dict[str, Point]
    rows: dict[str, int]

    @property
    def point(self) -> Point:
        """Where the ledger stood whose files are in the backup."""
        return self.points[self.node]


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """Some rows of a table."""

    table: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]  # numbers, texts, bytes, None


class Piece(msgspec.Struct, frozen=True, tag="piece"):
    """The next bytes of a file of the ledger."""

    name: str
    data: bytes


class End(msgspec.Struct, frozen=True, tag="end"):
    """What was written: rows by table, bytes by file."""

    rows: dict[str, int]
    bytes: dict[str, int]


Frame: TypeAlias = Manifest | Rows | Piece | End
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


def encode(frame: Frame) -> bytes:
    """A frame as it is sealed."""
    return _encode(frame)


def read(path: Path, root_key: RootKey, reached: Callable[[int], None] = lambda _: None) -> Iterator[Frame]:
    """The frames of a backup, the manifest first and the end last. Raises ConfigError as `read_frames`, and when what was counted is not
    there."""
    rows: Counter[str] = Counter()
    size: Counter[str] = Counter()
    manifest, ended = None, False
    for raw in read_frames(path, root_key, reached):
        try:
            frame = _decode(raw)
        except msgspec.DecodeError as error:
            raise ConfigError(f"{path} holds what this daypass does not know: {error}. Use the version that took it.") from None
        match frame:
            case Manifest():
                manifest = frame
            case Rows():
                rows[frame.table] += len(frame.rows)
            case Piece() if SEGMENT.fullmatch(frame.name):
                size[frame.name] += len(frame.data)
            case End() if manifest is not None:
                ended = _same(rows, frame.rows) and _same(size, frame.bytes) and _same(rows, manifest.rows)
        yield frame
    if not ended:
        raise ConfigError(f"The backup {path} does not hold what it was counted to hold. Take another one. Nothing was changed.")


def check(path: Path, root_key: RootKey, reached: Callable[[int], None] = lambda _: None) -> Manifest:
    """Go through the whole backup and give its manifest. Raises ConfigError as `read`: then nothing of it is to be used (fault F-28)."""
    found = [frame for frame in read(path, root_key, reached) if isinstance(frame, Manifest)]
    if len(found) != 1:
        raise ConfigError(f"The backup {path} has no manifest. Take another one. Nothing was changed.")
    return found[0]


def _same(counted: Counter[str], told: dict[str, int]) -> bool:
    return {name: count for name, count in counted.items() if count} == {name: count for name, count in told.items() if count}
