"""Read a ledger: its lines in order, those that are asked for, and what comes later. Does not verify (verify.py does)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from daypass.store.ledger.chain import read_link
from daypass.store.ledger.segments import segment_numbers, segment_path, split_lines
from daypass.store.ledger.shapes import Entry, session_of
from daypass.values.session import Session

_CHUNK = 1024 * 1024
_RECENT = 2  # segments that `missing_lines` searches
_decode = msgspec.json.Decoder(Entry).decode


class Line(NamedTuple):
    """A line as it stands in the file, with its newline, and what it says; `entry` is None when it cannot be read (verify tells why)."""

    raw: bytes
    entry: Entry | None


class Wanted(NamedTuple):
    """Which lines are wanted; an empty member asks for nothing.

    `operation` is "AssumeRole" or "sts:AssumeRole", `principal` an ARN, a unique id or an access key id, `error` an error code, or "*" for
    any, `session` a session id in hex: of the caller, of a session that it descends from, or of one that was minted.
    """

    account: str = ""
    operation: str = ""
    principal: str = ""
    error: str = ""
    session: str = ""
    since: datetime | None = None


EVERYTHING = Wanted()


class Reader:
    """Goes through the lines after number `after`. Call `read` again later for what came since: it goes on where it stopped."""

    def __init__(self, directory: Path, after: int = 0) -> None:
        self._directory = directory
        self._after = after
        self._segment = _segment_of(directory, after)
        self._offset = 0
        self._begun = after == 0  # whether line `after` has been passed

    def read(self, wanted: Wanted = EVERYTHING) -> Iterator[Line]:
        """The lines that are wanted, up to the last complete one. A line that cannot be read is always among them."""
        for raw in self._complete_lines():
            link = read_link(raw)
            if link is not None and link.seq <= self._after:
                self._begun = link.seq == self._after
                continue
            line = read_line(raw)
            if matches(line.entry, wanted) if line.entry is not None else self._begun:
                yield line

    def _complete_lines(self) -> Iterator[bytes]:
        self._segment = self._segment or _segment_of(self._directory, self._after)
        while self._segment:
            with suppress(FileNotFoundError):  # retention took it, and all before it
                yield from self._lines_of(segment_path(self._directory, self._segment))
            later = [number for number in segment_numbers(self._directory) if number > self._segment]
            if not later:
                return
            self._segment, self._offset = later[0], 0

    def _lines_of(self, segment: Path) -> Iterator[bytes]:
        with segment.open("rb") as file:
            file.seek(self._offset)
            rest = b""
            while chunk := file.read(_CHUNK):
                lines = split_lines(rest + chunk)
                rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
                for line in lines:
                    self._offset += len(line)
                    yield line


def read_line(raw: bytes) -> Line:
    """What `raw` says, as far as it can be read."""
    try:
        return Line(raw, _decode(raw))
    except msgspec.DecodeError:
        return Line(raw, None)


def matches(entry: Entry, wanted: Wanted) -> bool:
    """Whether `entry` is wanted."""
    who, ours = entry.userIdentity, entry.daypass
    service = entry.eventSource.partition(".")[0]
    return (
        wanted.account in ("", who.accountId, entry.recipientAccountId)
        and wanted.operation in ("", entry.eventName, f"{service}:{entry.eventName}")
        and wanted.principal in ("", who.arn, who.principalId, who.principalId.partition(":")[0], who.accessKeyId, ours.claimedKeyId)
        and (wanted.error in ("", entry.errorCode) or (wanted.error == "*" and entry.errorCode != ""))
        and (not wanted.session or wanted.session in _sessions(entry))
        and (wanted.since is None or entry.eventTime >= wanted.since)
    )


def _sessions(entry: Entry) -> set[str]:
    session, minted = entry.daypass.session, entry.daypass.minted
    found = {session.session, session.parent, session.root} if session else set()
    return found | ({minted.session, *(ancestor[0] for ancestor in minted.ancestors)} if minted else set())


def minted_in(raw: bytes) -> Session | None:
    """The session that the line `raw` tells was minted, or None."""
    if b'"minted":{' not in raw:  # most lines: spare them the decoding
        return None
    entry = read_line(raw).entry
    return session_of(entry.daypass.minted) if entry is not None and entry.daypass.minted is not None else None


def find_request(directory: Path, request_id: str) -> Entry | None:
    """The newest line of this request, or None. Reads whole segments, the newest first."""
    wanted = _said(request_id)
    for number in reversed(segment_numbers(directory)):
        data = segment_path(directory, number).read_bytes()
        at = len(data)
        while (at := data.rfind(wanted, 0, at)) >= 0:
            start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at) + 1
            entry = line_of(data[start:end], request_id)
            if entry is not None:
                return entry
            at = start
    return None


def line_of(raw: bytes, request_id: str) -> Entry | None:
    """What `raw` says when it is the line of this request. Another's parameters may hold its id, so what the line itself says counts."""
    entry = read_line(raw).entry if _said(request_id) in raw else None
    return entry if entry is not None and entry.requestID == request_id else None


def _said(request_id: str) -> bytes:
    return b'"requestID":"%b"' % request_id.encode()


def missing_lines(directory: Path, bodies: Mapping[str, bytes]) -> list[str]:
    """Those request ids whose body (line.body_of) is in no line of the last two segments, in their order.

    The body, since a request may have a line and yet not this one: a change whose commit broke was refused, and may be made all the same.
    """
    missing = dict.fromkeys(bodies)
    for number in segment_numbers(directory)[-_RECENT:] if missing else ():
        data = segment_path(directory, number).read_bytes()
        for request_id in list(missing):
            if bodies[request_id][1:-1] in data:
                del missing[request_id]
    return list(missing)


def _segment_of(directory: Path, after: int) -> int:
    """The last segment that begins with line `after` + 1 or an earlier one, else the first there is; 0 when there is none."""
    numbers = segment_numbers(directory)
    for number in reversed(numbers[1:]):
        try:
            with segment_path(directory, number).open("rb") as file:
                link = read_link(file.readline())
        except FileNotFoundError:  # retention took it, and all before it: what is read begins with the next
            return number
        if link is not None and link.seq <= after + 1:
            return number
    return numbers[0] if numbers else 0
