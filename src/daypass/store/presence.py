"""Presence: whether a file that is open is still the one that its path names. Does not open, read or mend anything.

A file takes what is written to it also when its name, its directory or its volume is gone, and no start finds that again (fault F-06).
"""

from __future__ import annotations

import os
from pathlib import Path


class Gone(Exception):
    """A path does not lead to the file any more that was opened by it, as a start would open it; the text says which, and why."""


class Presence:
    """The absolute `path`, and the file that was opened by it: `fd`, else what it names now. The file stays open for as long as this
    is asked, so that no other can get its number. Raises OSError."""

    __slots__ = ("_file", "_path")

    def __init__(self, path: Path, fd: int | None = None) -> None:
        self._path = os.fspath(path)
        found = os.stat(path) if fd is None else os.fstat(fd)
        self._file = found.st_dev, found.st_ino

    def verify(self) -> int:
        """The length of the file, in bytes. Raises Gone: its path names nothing or another one, or the system does not say what."""
        try:
            found = os.stat(self._path)
        except OSError as error:
            raise Gone(f"{self._path}: {error.strerror}") from error
        if (found.st_dev, found.st_ino) != self._file:
            raise Gone(f"{self._path} is another file than the one that was opened")
        return found.st_size
