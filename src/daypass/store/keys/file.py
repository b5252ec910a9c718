"""A root key in a file of its owner alone. Does not guess: a file that others could have read or written is refused."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import msgspec

from daypass.store.durable import write_file
from daypass.store.keys.private import read_private
from daypass.store.keys.root import KEY_BYTES, LocalKey, read_parameters
from daypass.values.errors import ConfigError

_HEAD = b"daypass root key 1\n"  # so that a wrong file shows at once
_MAX_FILE = 256


class _Parameters(msgspec.Struct, frozen=True, tag="file", tag_field="kind", forbid_unknown_fields=True):
    """A file has none."""


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
        return msgspec.json.encode(_Parameters())

    def resume(self, parameters: bytes) -> None:
        """Use the file, which must be there (fault F-22)."""
        read_parameters(parameters, _Parameters)
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
        write_file(self._path, text, exclusive=True)  # as a whole: half a key is none, and another is never made over it

    def _read(self) -> bytes:
        text = read_private(self._path, "key file", _MAX_FILE)
        body = text.removeprefix(_HEAD)
        try:
            key = base64.b64decode(body.removesuffix(b"\n"), validate=True)
        except ValueError:
            key = b""
        if body == text or len(key) != KEY_BYTES:
            raise ConfigError(f"{self._path} is no key file of daypass, or is damaged: bring it back from its backup. Nothing was changed.")
        return key
