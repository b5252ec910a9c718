"""Messages that go out with a refusal and that only this system reads again. Does not know what they say, nor who may read them.

A message is base64url of: version (1 byte) · seal key id (4) · nonce (12) · AES-256-GCM of the deflated content, filled up with zero bytes,
with its tag (16). INVARIANT: every message has the same length, so that its length tells nothing of what a policy says or of what exists.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag

from daypass.passes.key import SealKeyValue
from daypass.passes.seal import NONCE_BYTES

MESSAGE = 1536  # characters of every message; the STS model takes up to 10,240 for decoding, headers and logs cut sooner
MAX_OPENED = 16 * 1024  # bytes that one content may have
_RAW = MESSAGE // 4 * 3
_PREFIX = 5
_SIZE = 2  # bytes that tell the length of the deflated content
_ROOM = _RAW - _PREFIX - NONCE_BYTES - 16 - _SIZE


class MessageError(Exception):
    """A text is not a message that this system sealed; the reason is for logs alone."""


def seal_message(content: bytes, key: SealKeyValue, nonce: bytes) -> str | None:
    """The message that holds `content` (≤ 16 KiB), or None when it does not fit, deflated, into the one length that messages have.

    `nonce` is 12 random bytes, never used twice with one key.
    """
    if key.state != "active" or len(nonce) != NONCE_BYTES or len(content) > MAX_OPENED:
        raise ValueError("a message is sealed by an active key, with a nonce of 12 bytes, and holds at most 16 KiB")
    packing = zlib.compressobj(zlib.Z_BEST_COMPRESSION, wbits=-zlib.MAX_WBITS)
    packed = packing.compress(content) + packing.flush()
    if len(packed) > _ROOM:
        return None
    plain = len(packed).to_bytes(_SIZE, "big") + packed + bytes(_ROOM - len(packed))
    raw = key.prefix + nonce + key.messages.encrypt(nonce, plain, key.prefix)
    return base64.urlsafe_b64encode(raw).decode("ascii")


def open_message(text: str, keys: Mapping[str, SealKeyValue]) -> bytes:
    """The content of a message; `keys` are the seal keys by id. Raises MessageError for everything that `seal_message` did not make.

    (1) length, (2) strict base64url, one spelling, (3) a key that is in force, (4) authenticity (NIST SP 800-38D §7.2), (5) content.
    """
    if len(text) != MESSAGE:  # (1)
        raise MessageError(f"{len(text)} characters")
    try:  # (2)
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise MessageError("not base64url") from None
    if base64.urlsafe_b64encode(raw).decode("ascii") != text:  # `+` and `/` are taken as well
        raise MessageError("not the one spelling")
    prefix = raw[:_PREFIX]  # (3)
    key = keys.get(prefix[1:].hex())
    if key is None or prefix != key.prefix or key.state == "revoked":
        raise MessageError("sealed by a key that is not in force here")
    nonce = raw[_PREFIX : _PREFIX + NONCE_BYTES]
    try:  # (4)
        plain = key.messages.decrypt(nonce, raw[_PREFIX + NONCE_BYTES :], prefix)
    except InvalidTag:
        raise MessageError(f"altered, or not sealed by key {key.id}") from None
    size = int.from_bytes(plain[:_SIZE], "big")  # (5)
    unpacking = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    return unpacking.decompress(plain[_SIZE : _SIZE + size], MAX_OPENED)
