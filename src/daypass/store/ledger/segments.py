"""The files of a ledger: numbered segments, appended to and made durable. Does not know what a line is, beyond its newline.

`000001.jsonl`, `000002.jsonl` … in one directory, mode 0600. A segment is closed when it has grown enough, and never written again.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Protocol

from daypass.store.durable import sync_directory
from daypass.store.presence import Gone, Presence

MAX_SEGMENT = 64 * 1024 * 1024  # bytes after which the next segment begins
_NAME = re.compile(r"([0-9]{6})\.jsonl", re.ASCII)


class File(Protocol):
    """A segment open for appending; `size` is its length in bytes. Every method may raise OSError."""

    size: int

    def write(self, data: bytes) -> None:
        """Append `data`."""

    def sync(self) -> None:
        """Return only when all that was written is durable."""

    def truncate(self, size: int) -> None:
        """Cut it to `size` bytes."""

    def verify(self) -> None:
        """Raises Gone when its path does not lead to it any more, or it is not as it was left."""

    def close(self) -> None:
        """Let go of it."""


class SegmentFile:
    """A segment on disk. A new one is itself durable in its directory before it is used.

    Raises OSError; EIO where the name was made and it is not known whether it stays, whatever the disk calls it (fault F-05).
    """

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._fd).st_size
        if new:
            try:
                sync_directory(path.parent)
            except OSError as error:
                self.close()
                raise OSError(errno.EIO, "the name of a new file is not durable") from error
        self._presence = Presence(path.absolute(), self._fd)

    def write(self, data: bytes) -> None:
        """Append `data`, however many calls it takes. Raises OSError; what was written by then stays."""
        rest = memoryview(data)
        while rest:
            written = os.write(self._fd, rest)
            self.size += written
            rest = rest[written:]

    def sync(self) -> None:
        """fdatasync. Raises OSError, after which nothing may be believed about what was written since the last success (fault F-05)."""
        os.fdatasync(self._fd)

    def truncate(self, size: int) -> None:
        """Cut to `size` bytes."""
        os.ftruncate(self._fd, size)
        self.size = size

    def verify(self) -> None:
        """Raises Gone when its path does not lead to it any more, or when others have written to it."""
        if (found := self._presence.verify()) != self.size:
            raise Gone(f"{self._path} has {found} bytes, not the {self.size} that were written")

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def segment_path(directory: Path, number: int) -> Path:
    """Where segment `number` is."""
    return directory / f"{number:06d}.jsonl"


def segment_numbers(directory: Path) -> list[int]:
    """The numbers of the segments that exist, ascending."""
    matches = (_NAME.fullmatch(entry.name) for entry in directory.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def split_lines(data: bytes) -> list[bytes]:
    """`data` cut after each newline, and after nothing else (`bytes.splitlines` also cuts after a carriage return)."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
