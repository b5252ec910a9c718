"""Verify a ledger: walk every line of every segment and tell what was altered, taken out, put in, moved or cut. Does not mend anything.

Each line is held against the line that stands before it, so that after a finding the walk goes on and the rest is still verified.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from daypass.store.ledger.chain import ChainKey, Head, Link, read_link
from daypass.store.ledger.line import LEDGER_SOURCE
from daypass.store.ledger.reader import read_line
from daypass.store.ledger.segments import segment_numbers, segment_path
from daypass.values.secret import Secret

Kind = Literal["altered", "missing", "out-of-place", "unreadable", "torn", "cut", "foreign-head", "lost"]
MAX_FINDINGS = 1000  # beyond, only counted


class Finding(NamedTuple):
    """One thing that is wrong: in which segment, at which of its lines (from 1), and what."""

    kind: Kind
    segment: int
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.segment:06d}.jsonl:{self.line}: {self.kind}: {self.text}"


class Report(NamedTuple):
    """What verify found: how many lines there are, their first and last number, and what is wrong; `more` findings are not listed."""

    lines: int
    first: int
    last: int
    findings: list[Finding]
    more: int

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


class _Walk:
    """The state of one walk: the line before, and what was found."""

    def __init__(self, key: ChainKey, anchored: Head | None, first: int) -> None:
        self.key = key
        self.anchored = anchored
        self.before: Link | None = None
        self.due = first
        self.lines, self.first, self.last = 0, 0, 0
        self.findings: list[Finding] = []
        self.more = 0
        self.segment, self.number = 0, 0

    def find(self, kind: Kind, text: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(kind, self.segment, self.number, text))
        else:
            self.more += 1

    def step(self, segment: int, number: int, raw: bytes) -> None:
        """(1) form, (2) number, (3) MAC over the line and the MAC before it, (4) the anchored head, (5) what the ledger tells of itself."""
        self.segment, self.number = segment, number
        self.lines += 1
        if not raw.endswith(b"\n"):
            self.find("torn", "the last line is not complete")
            return
        link = read_link(raw)
        if link is None:  # (1)
            self.find("unreadable", f"not a ledger line; line {self.due} was due here")
            self.due += 1
            return
        if self.before is None:
            self.due = min(self.due, link.seq)  # what retention has not got round to yet
        self._number(link)  # (2)
        if not self._genuine(link):  # (3)
            self.find("altered", f"line {link.seq}, or the one before it, is not what was written")
        if self.anchored is not None and link.seq == self.anchored.seq and not hmac.compare_digest(link.mac, self.anchored.mac):  # (4)
            self.find("foreign-head", f"line {link.seq} is not the one that was anchored")
        if LEDGER_SOURCE.encode() in raw:  # (5)
            self._notice(raw)
        self.before, self.due = link, link.seq + 1
        self.first, self.last = self.first or link.seq, max(self.last, link.seq)

    def _number(self, link: Link) -> None:
        if link.seq > self.due:
            gap = f"line {self.due} is" if link.seq == self.due + 1 else f"lines {self.due} to {link.seq - 1} are"
            self.find("missing", f"{gap} not here")
        elif link.seq < self.due:
            self.find("out-of-place", f"line {link.seq} stands where line {self.due} was due: repeated, moved or put in")

    def _genuine(self, link: Link) -> bool:
        opens = self.number == 1
        if opens != (link.prev is not None):
            return False
        if opens and (self.before is None or link.seq != self.before.seq + 1):
            # What stood before is gone (and that is reported): the line itself can still be genuine. Line 1 follows nothing.
            return self.key.holds(link, None) and (link.seq > 1 or not any(link.prev or b"x"))
        return self.before is not None and hmac.compare_digest(self.key.mac(self.before.mac, link.covered), link.mac)

    def _notice(self, raw: bytes) -> None:
        entry = read_line(raw).entry
        if entry is not None and entry.eventSource == LEDGER_SOURCE and entry.daypass.recovered and entry.daypass.recovered.lostLines:
            self.find("lost", f"at this start {entry.daypass.recovered.lostLines} lines that had been anchored were gone")

    def end(self, upto: int) -> None:
        known = max(upto, self.anchored.seq if self.anchored is not None else 0)
        if self.last < known:
            self.find("cut", f"the ledger ends with line {self.last}, and line {known} was written")


def verify(directory: Path, key: Secret, node: str, *, anchored: Head | None = None, first: int = 1, upto: int | None = None) -> Report:
    """Verify the ledger of `node` in `directory` with the ledger key `key`.

    `anchored` is the head as it is known away from the files; without it a cut tail cannot be seen. `first` is the number of the oldest
    line that retention has left. `upto` is the last durable line of a ledger in use: what stands behind it is still being written.
    """
    walk = _Walk(ChainKey(key, node), anchored, first)
    for segment, number, raw in _lines(directory):
        if walk.last == upto:
            break
        walk.step(segment, number, raw)
    walk.end(upto or 0)
    return Report(walk.lines, walk.first, walk.last, walk.findings, walk.more)


def _lines(directory: Path) -> Iterator[tuple[int, int, bytes]]:
    for segment in segment_numbers(directory):
        with segment_path(directory, segment).open("rb") as file:
            for number, raw in enumerate(file, 1):  # a binary file is cut at newlines only
                yield segment, number, raw
