"""The lock on a data directory: one process at a time. Does not guard the database itself (that is the database's matter)."""

from __future__ import annotations

import fcntl
import logging
import os
import shlex
import stat
from pathlib import Path

from daypass.store.durable import make_directory
from daypass.store.presence import Presence
from daypass.values.errors import ConfigError

log = logging.getLogger(__name__)


STAGE = "restoring"  # in a data directory: where a restore builds, and what it leaves when it is broken off


def verify_whole(directory: Path) -> None:
    """Raises ConfigError when a restore to `directory` is under way or was broken off: what is there is not all of it."""
    if (directory / STAGE).exists():
        raise ConfigError(f"A restore to {directory} was broken off, or is under way: run `daypass restore` again. Nothing was changed.")


class InUse(ConfigError):
    """A living process has the directory."""


class DirectoryLock:
    """A held lock; it goes with `release()` or with the process, however that ends. While its `presence` is gone, another process may
    hold one of the same name."""

    def __init__(self, path: Path, file: int) -> None:
        self._file = file
        self.presence = Presence(path.absolute(), file)

    def release(self) -> None:
        """Let the directory go."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> DirectoryLock:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()


def lock_directory(directory: Path) -> DirectoryLock:
    """Make `directory` when it is not there (mode 0700), and take its lock. Raises ConfigError when a living process has it,
    or when the directory cannot be written (fault F-06).

    Warns of a directory that others can read or write (attack row M22).
    """
    try:
        make_directory(directory)
        _warn_if_open(directory)
        path = directory / "lock"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{directory} cannot be written: {error.strerror}. Choose another --data, or mend its volume.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 32).decode("ascii", "replace").strip()
        os.close(file)
        raise InUse(f"{directory} is in use by process {holder or '(unknown)'}: stop that one, or choose another --data.") from None
    os.ftruncate(file, 0)
    os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    return DirectoryLock(path, file)


def _warn_if_open(directory: Path) -> None:
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & 0o077:
        mend = f"chmod 700 {shlex.quote(str(directory))}"
        found = {"directory": str(directory), "mode": f"{mode:04o}", "mend": mend}
        log.warning("others on this host can look into the data directory", extra=found)
