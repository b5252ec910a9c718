"""Files with secrets: read only when nobody but this user and root can have read, written or placed them. Makes no file.

The rule for a link (attack row M22): a mounted Kubernetes Secret is links, `root.key → ..data/root.key`, made by root in a directory that
all may write to with the sticky bit set. So a link is followed where it, and each directory on the way, belongs to root or to this user and
no third one can exchange it. The rule for the file is PostgreSQL's for its `ssl_key_file`: of this user and mode 0600 or less, or of root
and 0640 or less, since only root can have given it to the group (`defaultMode: 0400` with `fsGroup` comes as root's, 0440).
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from pathlib import Path

from daypass.values.errors import ConfigError

MAX_LINKS = 8
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_private(path: Path, what: str, limit: int) -> bytes:
    """At most `limit` bytes of the file at `path`, which is the `what` of messages. Raises ConfigError with the mend.

    (1) opened without following a link that others could have made, (2) checked on the open file, (3) read.
    """
    try:
        file = _open(path, what)  # (1)
    except OSError as error:
        raise ConfigError(f"The {what} {path} cannot be read: {error.strerror}. It has to be a regular file of this user.") from None
    try:
        _verify_private(os.fstat(file), path, what)  # (2)
        return os.read(file, limit)  # (3)
    finally:
        os.close(file)


def _open(path: Path, what: str) -> int:
    try:
        return os.open(path, _FILE)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    return _open_by_links(path.absolute(), what)


def _open_by_links(path: Path, what: str) -> int:
    """Walk from / by descriptors, so that what was checked is what is used."""
    names = list(reversed(path.parts[1:]))
    at, links = os.open("/", _DIRECTORY), 0
    try:
        while names:
            status = os.fstat(at)
            if not _is_trusted(status) or (status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX):
                raise _loose_link(path, what)
            name = names.pop()
            status = os.stat(name, dir_fd=at, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                links += 1
                if not _is_trusted(status) or links > MAX_LINKS:
                    raise _loose_link(path, what)
                target = os.readlink(name, dir_fd=at)
                names += reversed([part for part in target.split("/") if part not in ("", ".")])
                step = "/" if target.startswith("/") else "."
            elif not names:
                return os.open(name, _FILE, dir_fd=at)
            else:
                step = name
            after = os.open(step, _DIRECTORY, dir_fd=at)
            os.close(at)
            at = after
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    finally:
        os.close(at)


def _is_trusted(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())


def _loose_link(path: Path, what: str) -> ConfigError:
    return ConfigError(f"The {what} {path} is a link that other users could place or exchange: give the path of the file itself.")


def _verify_private(status: os.stat_result, path: Path, what: str) -> None:
    """Raises ConfigError with the mend (attack row M22)."""
    me, quoted, mode = os.geteuid(), shlex.quote(str(path)), stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"The {what} {path} is not a regular file.")
    if status.st_uid not in (0, me):
        mend = f"chown {me} {quoted}" if me else f"install -m 600 {quoted} FILE, and give FILE"  # root takes it from nobody
        raise ConfigError(f"The {what} {path} belongs to uid {status.st_uid}, daypass runs as {me}: {mend}")
    if status.st_uid == me and mode & 0o177:
        raise ConfigError(f"The {what} {path} has mode {mode:04o}, so that others could use it: chmod 600 {quoted}")
    if mode & 0o137:
        raise ConfigError(f"The {what} {path} is root's and has mode {mode:04o}, so that others could use it: chmod 640 {quoted}")
