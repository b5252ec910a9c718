"""Session tokens: seal a session into one, open one again, derive its secret access key. Does not ask whether the session is over or ended.

A token is base64 of: version (1 byte) · seal key id (4) · nonce (12) · AES-256-GCM of the session with its tag (16), where version and
key id are the associated data. The session is a msgpack array; what narrows it (policies, tags) is a deflated msgpack array inside.
The length of a token shows how much was packed, nothing else does.
"""

from __future__ import annotations

import binascii
import math
import zlib
from collections.abc import Mapping
from typing import Literal, NamedTuple, NoReturn

import msgspec
from cryptography.exceptions import InvalidTag

from daypass.passes.key import SealKeyValue
from daypass.values.errors import INVALID_TOKEN, ProofError, ProofFault, Refusal
from daypass.values.secret import Secret
from daypass.values.session import Ancestor, Origin, Session, SessionKind

MAX_TOKEN = 4096  # characters; the STS model's maximum of MinimumSessionTokenSize (fact sheet A, §1.12)
MAX_RAW = MAX_TOKEN // 4 * 3  # the bytes that so many base64 characters hold
NONCE_BYTES = 12  # NIST SP 800-38D §8.2: 96 bits; random ones, so a key is to be replaced well before 2**32 tokens
MAX_UNPACKED = 128 * 1024  # bytes of policies and tags: above 2,048 characters of policies and 50 tags of 128 + 256 characters in UTF-8
_PREFIX_BYTES = 5
_OVERHEAD = _PREFIX_BYTES + NONCE_BYTES + 16


class _Sealed(NamedTuple):
    """What stands in the ciphertext, in this order. `end` is never zero, so that zero bytes may follow as padding."""

    id: bytes
    key_id: str
    kind: SessionKind
    account: str
    principal_id: str
    name: str
    issued: int
    expires: int
    origin: Origin
    source_identity: str
    mfa_at: int
    ancestors: tuple[Ancestor, ...]
    source_key: str
    packed: bytes
    end: Literal[1] = 1


class _Packed(NamedTuple):
    """What narrows a session."""

    policy: str
    policy_arns: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    transitive: tuple[str, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Sealed).decode
_decode_packed = msgspec.msgpack.Decoder(_Packed).decode


def seal(session: Session, key: SealKeyValue, nonce: bytes, pad_to: int = 0) -> Secret:
    """The session token of `session`, at least `pad_to` (≤ 4096) characters long.

    `nonce` is 12 random bytes, never used twice with one key. Raises Refusal PackedPolicyTooLarge when the token would be longer than 4096.
    """
    return seal_sized(session, key, nonce, pad_to)[0]


def seal_sized(session: Session, key: SealKeyValue, nonce: bytes, pad_to: int = 0) -> tuple[Secret, int]:
    """As `seal`, and with it PackedPolicySize: the percentage (rounded up) that policies and tags take of what the token has left for them.

    AWS does not publish its own budget (fact sheet A, §3.7). Ours is exactly what keeps this token within 4096 characters, so more than
    100 % means that it does not fit, and nothing else does. A deep lineage leaves a smaller budget.
    """
    if key.state != "active" or len(nonce) != NONCE_BYTES or not 0 <= pad_to <= MAX_TOKEN:
        raise ValueError("a token is sealed by an active key, with a nonce of 12 bytes, to at most 4096 characters")
    packed = _pack(session)
    plain = _encode(_fields(session, packed))
    size = _OVERHEAD + len(plain)
    percent = 0
    if packed or size > MAX_RAW:
        percent = math.ceil(100 * len(packed) / max(1, MAX_RAW - size + len(packed)))
    if size > MAX_RAW:
        raise Refusal("PackedPolicyTooLarge", f"Packed size of session policies and tags consumes {percent}% of allotted space.", 400)
    if pad_to:
        plain += bytes(max(0, -(-pad_to * 3 // 4) - size))
    raw = key.prefix + nonce + key.aead.encrypt(nonce, plain, key.prefix)
    return Secret(binascii.b2a_base64(raw, newline=False)), percent


def open_token(token: str, keys: Mapping[str, SealKeyValue]) -> Session:
    """The session in `token`; `keys` are the seal keys by id. Raises ProofError UNKNOWN_KEY, with the same public text for every reason."""
    return open_sealed(token, keys)[0]


def open_with_secret(token: str, keys: Mapping[str, SealKeyValue]) -> tuple[Session, Secret]:
    """As `open_token`, and with it the session's secret access key, which is what a signature is verified with."""
    session, key = open_sealed(token, keys)
    return session, secret_of(session, key)


def secret_of(session: Session, key: SealKeyValue) -> Secret:
    """The 40-character secret access key of `session`, derived with the seal key that sealed its token.

    HMAC-SHA256 (RFC 2104) over the 128-bit session id and the access key id, cut to 30 bytes: without the seal key it cannot be found from
    the token, not even by one who could read the token's content.
    """
    mac = key.deriving.digest(session.id + session.key_id.encode("ascii"))
    return Secret(binascii.b2a_base64(mac[:30], newline=False))


def open_sealed(token: str, keys: Mapping[str, SealKeyValue]) -> tuple[Session, SealKeyValue]:
    """The session in `token` and the key that sealed it. Raises as `open_token`.

    (1) limit, (2) strict base64 (RFC 4648 §3.5), (3) known key, (4) authenticity (NIST SP 800-38D §7.2), (5) content, in this order.
    """
    if len(token) > MAX_TOKEN:  # (1)
        _refuse("longer than 4096 characters")
    try:  # (2)
        raw = binascii.a2b_base64(token, strict_mode=True)
    except ValueError:
        _refuse("not base64")
    # INVARIANT: one token has one text; a second spelling (unused bits of the last character) is refused, not normalised.
    if binascii.b2a_base64(raw, newline=False).decode("ascii") != token:
        _refuse("not canonical base64")
    if len(raw) <= _OVERHEAD:
        _refuse("too short")
    prefix = raw[:_PREFIX_BYTES]  # (3)
    key = keys.get(prefix[1:].hex())
    if key is None or prefix != key.prefix:
        _refuse("sealed by a key that is not known here")
    if key.state == "revoked":
        _refuse(f"sealed by the revoked key {key.id}")
    nonce = raw[_PREFIX_BYTES : _PREFIX_BYTES + NONCE_BYTES]
    try:  # (4)
        plain = key.aead.decrypt(nonce, raw[_PREFIX_BYTES + NONCE_BYTES :], prefix)
    except InvalidTag:
        _refuse(f"altered, or not sealed by key {key.id}")
    try:  # (5)
        return _session(_decode(plain.rstrip(b"\0"))), key
    except (msgspec.DecodeError, zlib.error):
        _refuse("authentic, but its content cannot be read: sealed by another version?")


def _refuse(private: str) -> NoReturn:
    raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, f"session token: {private}")


def _fields(session: Session, packed: bytes) -> tuple[object, ...]:
    """As _Sealed, whose class would only cost time here."""
    return (
        session.id, session.key_id, session.kind, session.account, session.principal_id, session.name, session.issued, session.expires,
        session.origin, session.source_identity, session.mfa_at, session.ancestors, session.source_key, packed, 1,
    )  # fmt: skip


def _session(sealed: _Sealed) -> Session:
    id, key_id, kind, account, principal, name, issued, expires, origin, source_identity, mfa_at, ancestors, source_key, packed, _ = sealed
    policy, arns, tags, transitive = _unpack(packed) if packed else _NOTHING
    return Session(
        id, key_id, kind, account, principal, name, issued, expires, origin,
        policy, arns, tags, transitive, source_identity, mfa_at, ancestors, source_key,
    )  # fmt: skip


_NOTHING = _Packed("", (), (), ())


def _pack(session: Session) -> bytes:
    if not (session.policy or session.policy_arns or session.tags):
        return b""
    packing = zlib.compressobj(zlib.Z_BEST_COMPRESSION, wbits=-zlib.MAX_WBITS)
    content = _encode(_Packed(session.policy, session.policy_arns, session.tags, session.transitive))
    return packing.compress(content) + packing.flush()


def _unpack(packed: bytes) -> _Packed:
    unpacking = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    content = unpacking.decompress(packed, MAX_UNPACKED)
    if not unpacking.eof or unpacking.unused_data:
        raise zlib.error("cut, too long, or followed by something")
    return _decode_packed(content)
