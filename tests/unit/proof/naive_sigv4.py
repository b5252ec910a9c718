"""The canonical request as the user guide tells it, slow and obvious: the reference that daypass's own canonicaliser is compared with.

Shares no line with src. Text is latin-1, so that every byte is one character.
"""

from __future__ import annotations

import hashlib
import hmac
import string

from daypass.values.request import Request

UNRESERVED = string.ascii_letters + string.digits + "-_.~"


def percent_encode(text: str, also: str = "") -> str:
    return "".join(char if char in UNRESERVED + also else f"%{ord(char):02X}" for char in text)


def percent_decode(text: str) -> str:
    out, at = "", 0
    while at < len(text):
        digits = text[at + 1 : at + 3]
        if text[at] == "%" and len(digits) == 2 and all(digit in string.hexdigits for digit in digits):
            out, at = out + chr(int(digits, 16)), at + 3
        else:
            out, at = out + text[at], at + 1
    return out


def path_of(raw: str, s3: bool) -> str:
    if s3:
        return raw or "/"
    done: list[str] = []
    for segment in raw.split("/"):
        if segment == "..":
            done = done[:-1]
        elif segment and segment != ".":
            done.append(segment)
    tail = "/" if done and raw[-1] == "/" else ""
    return percent_encode("/" + "/".join(done) + tail, "/")


def query_of(raw: str) -> str:
    pairs = []
    for piece in raw.split("&") if raw else []:
        name, value = piece.split("=", 1) if "=" in piece else (piece, "")
        pairs.append((percent_encode(percent_decode(name)), percent_encode(percent_decode(value))))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs) if name.lower() != "x-amz-signature")


def header_of(request: Request, name: str) -> str:
    values = [value.decode("latin-1") for key, value in request.headers if key.decode("latin-1") == name]
    return ",".join(map(_squeeze, values))


def _squeeze(value: str) -> str:
    for blank in "\t\n\r\x0b\x0c":
        value = value.replace(blank, " ")
    while "  " in value:
        value = value.replace("  ", " ")
    return value.strip(" ")


def canonical(request: Request, names: list[str], *, s3: bool = False, payload: bytes | None = None) -> str:
    payload = hashlib.sha256(request.body).hexdigest().encode() if payload is None else payload
    lines = [request.method, path_of(request.raw_path.decode("latin-1"), s3), query_of(request.raw_query.decode("latin-1"))]
    lines += [f"{name}:{header_of(request, name)}" for name in names]
    lines += ["", ";".join(names), payload.decode("latin-1")]
    return "\n".join(lines)


def signature(secret: bytes, scope: str, stamp: str, canonical_request: str) -> str:
    hashed = hashlib.sha256(canonical_request.encode("latin-1")).hexdigest()
    key = b"AWS4" + secret
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}".encode("latin-1"), hashlib.sha256).hexdigest()
