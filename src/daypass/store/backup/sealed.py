"""The envelope of a backup file: frames sealed one by one, in a fixed order, with a fixed end. Does not know what they hold.

    magic · length (4) · head · { length (4) · AES-256-GCM of a frame } …

The key is made for this file alone and stands in the head, wrapped under the root key. A frame's nonce is its number and whether it is the
last (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance",
CRYPTO 2015, §7); the head is associated data of each. So a cut file, a flipped bit and frames moved, repeated or left out all show.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daypass.store.keys import RootKey, WrongKey
from daypass.store.keys.root import KEY_BYTES
from daypass.values.errors import ConfigError

MAGIC = b"daypass backup 1\n"
MAX_HEAD = 64 * 1024  # bytes; it holds an id, the parameters of the root key and one wrapped key
MAX_FRAME = 64 * 1024 * 1024  # bytes of a frame unpacked; a batch of rows or a piece of a file is far below
TAG_BYTES = 16  # NIST SP 800-38D §5.2.1.2
_LENGTH = 4
_PLACE = "backup"  # what the wrapped key is bound to; data keys are named by 8 hex characters


class BackupHead(msgspec.Struct, frozen=True):
    """What stands in the clear: whose backup it is, how its root key is taken up, and the file's own key, wrapped under it."""

    installation: str
    parameters: bytes
    wrapped: bytes


class Writer:
    """Seals frames into `file`."""

    def __init__(self, file: BinaryIO, installation: str, parameters: bytes, root_key: RootKey) -> None:
        key = os.urandom(KEY_BYTES)
        self._file = file
        self._aead = AESGCM(key)
        self._number = 0
        self._head = msgspec.msgpack.encode(BackupHead(installation, parameters, root_key.wrap(key, _bound_to(installation))))
        file.write(MAGIC + len(self._head).to_bytes(_LENGTH, "big") + self._head)

    def write(self, frame: bytes, *, last: bool = False) -> None:
        """Append a frame; after the last one nothing follows."""
        sealed = self._aead.encrypt(_nonce(self._number, last=last), zlib.compress(frame, 1), self._head)
        self._file.write(len(sealed).to_bytes(_LENGTH, "big") + sealed)
        self._number += 1


def read_frames(path: Path, root_key: RootKey, reached: Callable[[int], None]) -> Iterator[bytes]:
    """The frames of a backup, each authentic and in its place; `reached` is told how many bytes are done.

    Raises ConfigError: no backup, another root key, cut, altered, or followed by something. What came before is then not to be trusted as
    a whole: go through it once to the end before anything is done with it.
    """
    try:
        with path.open("rb") as file:
            head = _read_head(path, file)
            key = _unwrap(path, head, root_key)
            aead, raw_head = AESGCM(key), msgspec.msgpack.encode(head)
            number, sealed = 0, _next(path, file)
            while sealed is not None:
                following = _next(path, file)
                yield _open(path, aead, sealed, raw_head, number, last=following is None)
                reached(file.tell())
                number, sealed = number + 1, following
            if not number:
                raise _damaged(path, "it holds nothing")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def is_backup(path: Path) -> bool:
    """Whether the file at `path` says that it is a backup."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _read_head(path: Path, file: BinaryIO) -> BackupHead:
    if file.read(len(MAGIC)) != MAGIC:
        raise ConfigError(f"{path} is no backup of daypass, or one of another version. Nothing was changed.")
    length = int.from_bytes(file.read(_LENGTH), "big")
    raw = file.read(min(length, MAX_HEAD))
    try:
        head = msgspec.msgpack.decode(raw, type=BackupHead)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _damaged(path, "its head cannot be read") from None
    if len(raw) != length or msgspec.msgpack.encode(head) != raw:  # one head has one text
        raise _damaged(path, "its head is not as it was written")
    return head


def _unwrap(path: Path, head: BackupHead, root_key: RootKey) -> bytes:
    root_key.resume(head.parameters)
    try:
        return root_key.unwrap(head.wrapped, _bound_to(head.installation))
    except WrongKey:
        raise ConfigError(
            f"{root_key.where[0].upper()}{root_key.where[1:]} does not open {path} (installation {head.installation}): it is another "
            "one, from before or after a change of the root key, or the file's head is damaged. Give the root key that was in use when "
            "the backup was taken. Nothing was changed."
        ) from None


def _next(path: Path, file: BinaryIO) -> bytes | None:
    """The next sealed frame, None at the end of the file."""
    prefix = file.read(_LENGTH)
    if not prefix:
        return None
    length = int.from_bytes(prefix, "big")
    if len(prefix) < _LENGTH or not TAG_BYTES < length <= MAX_FRAME:
        raise _damaged(path, "a length is not one that was written")
    sealed = file.read(length)
    if len(sealed) < length:
        raise _damaged(path, "it is cut")
    return sealed


def _open(path: Path, aead: AESGCM, sealed: bytes, head: bytes, number: int, *, last: bool) -> bytes:
    try:
        packed = aead.decrypt(_nonce(number, last=last), sealed, head)
    except InvalidTag:
        raise _damaged(path, f"frame {number + 1} is altered, moved, or the last one here and not of the backup") from None
    unpacking = zlib.decompressobj()
    frame = unpacking.decompress(packed, MAX_FRAME)
    if not unpacking.eof:
        raise _damaged(path, f"frame {number + 1} is longer than {MAX_FRAME} bytes")
    return frame


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _bound_to(installation: str) -> bytes:
    return f"{installation}|root|{_PLACE}".encode()


def _damaged(path: Path, why: str) -> ConfigError:
    return ConfigError(f"The backup {path} is damaged: {why}. Take another one. Nothing was changed.")
