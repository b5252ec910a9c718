"""Builds the canonical request from raw bytes (SigV4). Does not read claims, hash or compare.

Source: IAM User Guide, "Create a signed AWS API request", step 1; fact sheet A §1.3. Everything is bytes: what is hashed is what arrived.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote_to_bytes

from daypass.values.errors import ProofError, ProofFault

_PLAIN = re.compile(rb"[A-Za-z0-9_.~-]*", re.ASCII)
_AMBIGUOUS = re.compile(rb"\+|%(?![0-9A-Fa-f]{2})")
_SIGNATURE = b"x-amz-signature"


def canonical_path(raw: bytes, *, normalize: bool = True, encode: bool = True) -> bytes:
    """The path as signed. S3 signs it as sent (both flags False); other services normalise it and encode it once more."""
    if raw in (b"", b"/"):
        return b"/"
    if not raw.startswith(b"/"):
        raise ProofError(ProofFault.INCOMPLETE, "The request path must start with a slash.")
    if normalize:
        raw = _without_dot_segments(raw)
    return quote(raw, safe="/-_.~").encode("ascii") if encode else raw


def _without_dot_segments(raw: bytes) -> bytes:
    kept: list[bytes] = []
    for segment in raw.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    path = b"/" + b"/".join(kept)
    return path + b"/" if kept and raw.endswith(b"/") else path


def canonical_query(raw: bytes, *, presigned: bool = False) -> bytes:
    """The query as signed: each name and value decoded and encoded again, sorted; no piece is dropped, not even an empty one.

    With `presigned`, X-Amz-Signature is left out. Raises ProofError for a stray `%`, and for a bare `+`: signers mean a plus by it,
    readers of forms a space, so that a signed `%2B` could be turned into a space on its way. SDKs never send one.
    """
    if not raw:
        return b""
    if _AMBIGUOUS.search(raw):
        raise ProofError(ProofFault.INCOMPLETE, "The query string holds a bare plus sign or a malformed percent encoding.")
    pairs = []
    for piece in raw.split(b"&"):
        name, _, value = piece.partition(b"=")
        pair = (_encoded(name), _encoded(value))
        if not (presigned and pair[0].lower() == _SIGNATURE):
            pairs.append(pair)
    pairs.sort()
    return b"&".join([name + b"=" + value for name, value in pairs])


def _encoded(text: bytes) -> bytes:
    return text if _PLAIN.fullmatch(text) else quote(unquote_to_bytes(text), safe="-_.~").encode("ascii")


def canonical_value(value: bytes) -> bytes:
    """A header value as signed: trimmed, each run of white space one space, folded lines joined."""
    return b" ".join(value.split())


def canonical_request(
    method: str, path: bytes, query: bytes, headers: Mapping[bytes, bytes], names: Sequence[bytes], payload_hash: bytes
) -> bytes:
    """Join the canonical parts. `headers` holds a canonical value for each of `names`, which are sorted."""
    lines = b"".join([b"%b:%b\n" % (name, headers[name]) for name in names])
    return b"%b\n%b\n%b\n%b\n%b\n%b" % (method.encode("latin-1"), path, query, lines, b";".join(names), payload_hash)
