"""Requests as an attacker makes them: every byte is chosen by the test, signing is our own and can be bent at each step.

Written apart from src/daypass/proof, for the judge must not be the accused; held against botocore in tests/house/test_rig.py.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from rig.node import Keys

FORM = "application/x-www-form-urlencoded; charset=utf-8"
ALGORITHM = "AWS4-HMAC-SHA256"
TRIES = 50
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error code in any of the envelopes, "" when there is none."""
        found = re.search(rb"<Code>([^<]+)</Code>", self.body) or re.search(rb'"__type"\s*:\s*"([^"]+)"', self.body)
        return found[1].decode() if found else ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def legible(self) -> str:
        """The text, with the number of its characters in the place of a sealed message."""
        return re.sub("(?<=authorization failure message: )[A-Za-z0-9_=-]+", lambda sealed: f"({len(sealed[0])})", self.text)


@dataclass
class Attempt:
    """One request. `headers` go out as they are, `Host` first unless it is among them; `body` is sent whatever Content-Length says."""

    url: str
    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: Pairs = field(default_factory=list)
    body: bytes = b""

    @property
    def host(self) -> str:
        """The authority of the server."""
        return urlsplit(self.url).netloc

    def with_header(self, name: str, value: str) -> Attempt:
        """The same with one header more."""
        return replace(self, headers=[*self.headers, (name, value)])

    def without_header(self, name: str) -> Attempt:
        """The same without a header."""
        return replace(self, headers=[pair for pair in self.headers if pair[0].lower() != name.lower()])

    def raw(self) -> bytes:
        """The bytes on the wire."""
        target = self.path + (f"?{self.query}" if self.query else "")
        names = {name.lower() for name, _ in self.headers}
        extra: Pairs = [] if "host" in names else [("Host", self.host)]
        if not names & {"content-length", "transfer-encoding"}:
            extra.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in [*extra, *self.headers])]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body

    def send(self) -> Reply:
        """Send it on a connection of its own; again when others of this address have just failed so often that it is not looked at."""
        for _ in range(TRIES):
            reply = exchange(self.url, self.raw())
            if reply.code != "Throttling":
                break
            time.sleep(0.2)  # the server lets a hundred more fail each second
        return reply


def exchange(url: str, raw: bytes, timeout: float = 20, source: str = "") -> Reply:
    """Send `raw` to the server of `url`, from the address `source` if one is given, and read one response. An empty answer has status 0."""
    where = urlsplit(url)
    to, at = (where.hostname or "", where.port or 80), (source, 0) if source else None
    with socket.create_connection(to, timeout=timeout, source_address=at) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # a server that has refused does not read the rest; its answer is there
            connection.sendall(raw)
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = connection.recv(65536)
            if not chunk:
                break
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        wanted = 0 if raw.startswith(b"HEAD ") else int(headers.get("content-length", "0"))
        while len(body) < wanted:
            chunk = connection.recv(65536)
            if not chunk:
                break
            body += chunk
    status = int(lines[0].split(" ")[1]) if lines[0].startswith("HTTP/") else 0
    return Reply(status, headers, body)


def form(url: str, parameters: Iterable[tuple[str, str]] | dict[str, str], version: str = "2011-06-15") -> Attempt:
    """A POST of the query protocol: `Action` and the rest; `Version` is added."""
    pairs = list(parameters.items()) if isinstance(parameters, dict) else list(parameters)
    if all(name != "Version" for name, _ in pairs):
        pairs.append(("Version", version))
    body = "&".join(f"{quote(name, safe='.')}={quote(value, safe='')}" for name, value in pairs).encode()
    return Attempt(url, headers=[("Content-Type", FORM)], body=body)


def who_am_i(url: str) -> Attempt:
    """GetCallerIdentity, unsigned yet."""
    return form(url, {"Action": "GetCallerIdentity"})


@dataclass(frozen=True)
class Bend:
    """How to sign otherwise than is right; what is None is done right."""

    service: str = "sts"
    region: str = "us-east-1"
    stamp: str | None = None
    date: str | None = None
    terminator: str = "aws4_request"
    algorithm: str = ALGORITHM
    signed: tuple[str, ...] | None = None
    listed: str | None = None  # what SignedHeaders says, when that is not what was signed
    payload: str | None = None
    signature: str | None = None
    date_header: str = "X-Amz-Date"


RIGHT = Bend()


def stamp(now: datetime | None = None) -> str:
    """A time as SigV4 writes it; default: now."""
    return (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")


def sign(attempt: Attempt, keys: Keys, bend: Bend = RIGHT) -> Attempt:
    """The attempt with an Authorization header."""
    when = bend.stamp or stamp()
    made = attempt.with_header(bend.date_header, when)
    if keys.token:
        made = made.with_header("X-Amz-Security-Token", keys.token)
    names = bend.signed
    if names is None:
        names = tuple(sorted({"host"} | {name.lower() for name, _ in made.headers}))
    date = when[:8] if bend.date is None else bend.date
    scope = f"{date}/{bend.region}/{bend.service}/{bend.terminator}"
    canonical = canonical_request(made, names, bend.payload or hashlib.sha256(made.body).hexdigest())
    signature = bend.signature or _signature(keys.secret, bend, when, date, scope, canonical)
    listed = ";".join(names) if bend.listed is None else bend.listed
    value = f"{bend.algorithm} Credential={keys.id}/{scope}, SignedHeaders={listed}, Signature={signature}"
    return made.with_header("Authorization", value)


def presign(attempt: Attempt, keys: Keys, bend: Bend = RIGHT, *, expires: str = "3600", extra: Pairs | None = None) -> Attempt:
    """The attempt with the signature in its query; `extra` parameters are signed as well."""
    when = bend.stamp or stamp()
    date = when[:8] if bend.date is None else bend.date
    scope = f"{date}/{bend.region}/{bend.service}/{bend.terminator}"
    names = bend.signed or ("host",)
    pairs: Pairs = [
        ("X-Amz-Algorithm", bend.algorithm),
        ("X-Amz-Credential", f"{keys.id}/{scope}"),
        ("X-Amz-Date", when),
        ("X-Amz-Expires", expires),
        ("X-Amz-SignedHeaders", ";".join(names) if bend.listed is None else bend.listed),
        *([("X-Amz-Security-Token", keys.token)] if keys.token else []),
        *(extra or []),
    ]
    query = "&".join(filter(None, [attempt.query, *(f"{name}={quote(value, safe='-_.~')}" for name, value in pairs)]))
    made = replace(attempt, query=query)
    canonical = canonical_request(made, names, bend.payload or hashlib.sha256(made.body).hexdigest())
    signature = bend.signature or _signature(keys.secret, bend, when, date, scope, canonical)
    return replace(made, query=f"{query}&X-Amz-Signature={signature}")


def canonical_request(attempt: Attempt, names: Iterable[str], payload: str) -> str:
    """The canonical request for a service other than S3, of a path that is "/" (what these tests sign)."""
    encode = lambda text: quote(unquote_to_bytes(text), safe="-_.~")  # noqa: E731  # used on the next line only
    pairs = sorted((encode(name), encode(value)) for name, _, value in (part.partition("=") for part in attempt.query.split("&") if part))
    lines = []
    for name in names:
        values = [attempt.host] if name == "host" and not any(n.lower() == "host" for n, _ in attempt.headers) else []
        values += [" ".join(value.split()) for header, value in attempt.headers if header.lower() == name]
        lines.append(f"{name}:{','.join(values)}\n")
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return f"{attempt.method}\n{attempt.path or '/'}\n{query}\n{''.join(lines)}\n{';'.join(names)}\n{payload}"


def _signature(secret: str, bend: Bend, when: str, date: str, scope: str, canonical: str) -> str:
    text = f"{bend.algorithm}\n{when}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + secret).encode()
    for step in (date, bend.region, bend.service, bend.terminator):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def json_call(url: str, target: str, parameters: Any, version: str = "1.1") -> Attempt:
    """A POST of a json service; `parameters` are an object, or the bytes to send."""
    import json

    body = parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode()
    return Attempt(url, headers=[("Content-Type", f"application/x-amz-json-{version}"), ("X-Amz-Target", target)], body=body)
