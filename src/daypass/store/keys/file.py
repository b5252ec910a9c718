"""A root key in a file of its owner alone. Does not guess: a file that others could have read or written is refused."""

from __future__ import annotations

import base64
import os
import shlex
import stat
from pathlib import Path

from daypass.store.keys.root import KEY_BYTES, LocalKey
from daypass.values.errors import ConfigError

_HEAD = b"daypass root key 1\n"  # so that a wrong file shows at once
_MAX_FILE = 256


class FileKey:
    """The root key in the file `path`: a line that names it and 32 bytes in base64."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._key: LocalKey | None = None

    @property
    def where(self) -> str:
        return f"the key file {self._path}"

    def begin(self) -> bytes:
        """Use the file if it is there, else make it with mode 0600."""
        if not os.path.lexists(self._path):
            self._create()
        self._key = LocalKey(self._read())
        return b'{"kind":"file"}'

    def resume(self, parameters: bytes) -> None:
        """Use the file, which must be there (fault F-22)."""
        if b'"file"' not in parameters:
            raise ConfigError("The root key of this database comes from a passphrase, not from a key file. Nothing was changed.")
        if not os.path.lexists(self._path):
            raise ConfigError(
                f"The key file {self._path} is missing, and the database was made with it: bring it back from its backup. "
                "A new one is never made for an existing database, since it could not open what is stored there. Nothing was changed."
            )
        self._key = LocalKey(self._read())

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        return self._taken_up().wrap(key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        return self._taken_up().unwrap(wrapped, bound_to)

    def _taken_up(self) -> LocalKey:
        if self._key is None:
            raise ValueError("begin or resume comes first")
        return self._key

    def _create(self) -> None:
        text = _HEAD + base64.b64encode(os.urandom(KEY_BYTES)) + b"\n"
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, text)
            os.fsync(file)
        finally:
            os.close(file)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)  # the key must not be lost when what it opens is not
        finally:
            os.close(directory)

    def _read(self) -> bytes:
        """(1) opened without following a link, (2) checked on the open file, (3) strictly read."""
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # (1)
        except OSError as error:
            raise ConfigError(f"The key file {self._path} must be a regular file of this user; opening it: {error.strerror}.") from None
        try:
            self._verify_private(os.fstat(file))  # (2)
            text = os.read(file, _MAX_FILE)
        finally:
            os.close(file)
        body = text.removeprefix(_HEAD)
        try:  # (3)
            key = base64.b64decode(body.removesuffix(b"\n"), validate=True)
        except ValueError:
            key = b""
        if body == text or len(key) != KEY_BYTES:
            raise ConfigError(f"{self._path} is no key file of daypass, or is damaged: bring it back from its backup. Nothing was changed.")
        return key

    def _verify_private(self, status: os.stat_result) -> None:
        """Raises ConfigError with the mend (attack row M22)."""
        quoted = shlex.quote(str(self._path))
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"The key file {self._path} is not a regular file.")
        if status.st_uid != os.geteuid():
            raise ConfigError(
                f"The key file {self._path} belongs to uid {status.st_uid}, daypass runs as {os.geteuid()}: chown {os.geteuid()} {quoted}"
            )
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o177:
            raise ConfigError(f"The key file {self._path} has mode {mode:04o}, so that others could use it: chmod 600 {quoted}")
