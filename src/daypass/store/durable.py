"""Files and directories that are there for good when the call returns, whatever happens then. Does not know what is in them.

A name is on disk when its directory was synced, a file's bytes when the file was: a power cut takes what was not (fault F-01).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: Path) -> None:
    """Have the directory `path`, mode 0700 when it is new, with whatever is missing above it."""
    path = path.absolute()
    missing = [place for place in (path, *path.parents) if not place.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for made in missing[1:]:
        sync_directory(made.parent)
    with suppress(PermissionError):  # a directory above that we may not read: we did not make the one in it
        sync_directory(path.parent)  # also when it is there: the run that made it may have ended before it did this


def write_file(path: Path, data: bytes, *, exclusive: bool = False) -> None:
    """Have exactly `data` in the file `path`, mode 0600: all of it, or, when this is cut short, what was there before.

    `exclusive` raises FileExistsError when there is something by that name.
    """
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)  # of a run that was cut short
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            os.link(draft, path)
        else:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)
