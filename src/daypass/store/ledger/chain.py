"""The hash chain: what makes a body a ledger line, and how a line is read back. Does not touch files.

A ledger file holds one JSON object a line. `seq` (from 1, without gaps) stands before an event's own members and `mac` behind them:

    {"seq":7,"eventVersion":…,"mac":"<64 hex>"}

`mac` is HMAC-SHA256 over the previous line's `mac` (32 zero bytes before line 1) and this line's bytes up to the comma before `"mac"`.
The first line of a segment also carries `"prev"`, the `mac` before it, so that older segments may be given up without losing the rest.
"""

from __future__ import annotations

import hmac
import re
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daypass.values.mac import Mac
from daypass.values.secret import Secret

GENESIS = bytes(32)
_MAC_AT = -len(b',"mac":"' + b"0" * 64 + b'"}\n')
_HEAD = re.compile(rb'\{"seq":([1-9][0-9]{0,17}),(?:"prev":"([0-9a-f]{64})",)?')
_TAIL = re.compile(rb',"mac":"([0-9a-f]{64})"\}\n')


class Head(NamedTuple):
    """Where a node's chain stands: the number and MAC of its last line (0 and zero bytes when it is empty)."""

    node: str
    seq: int
    mac: bytes


class Link(NamedTuple):
    """A line taken apart: its number, the MAC that it says goes before (in a segment's first line only), what is covered, its own MAC."""

    seq: int
    prev: bytes | None
    covered: bytes
    mac: bytes


def read_link(line: bytes) -> Link | None:
    """Take a whole line (with its newline) apart, or give None when it has not the form of one. Believes nothing."""
    head, tail = _HEAD.match(line), _TAIL.fullmatch(line[_MAC_AT:])
    if head is None or tail is None:
        return None
    prev = head[2]
    return Link(int(head[1]), bytes.fromhex(prev.decode()) if prev else None, line[:_MAC_AT], bytes.fromhex(tail[1].decode()))


class ChainKey:
    """Makes MACs for one node's chain: HMAC (RFC 2104) under a key of the node's own."""

    def __init__(self, ledger_key: Secret, node: str) -> None:
        # A key of its own for each node: a line of one node's chain never fits into another's.
        info = b"daypass/1 ledger chain " + node.encode("utf-8")
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(ledger_key.reveal())
        self._mac = Mac(key)

    def mac(self, prev: bytes, covered: bytes) -> bytes:
        """The MAC of a line whose covered bytes are `covered`, after a line with MAC `prev`."""
        return self._mac.digest(prev + covered)

    def holds(self, link: Link, before: Link | None) -> bool:
        """Whether `link` is a genuine line that follows `before`; None stands for "the first of its segment".

        INVARIANT: a line that nothing precedes holds only by naming, under its own MAC, the MAC that went before.
        """
        if before is not None and link.seq != before.seq + 1:
            return False
        prev = before.mac if before is not None else link.prev
        return prev is not None and hmac.compare_digest(self.mac(prev, link.covered), link.mac)


class Chain:
    """The growing end of a chain. Copy `head` before a batch and `rewind` to it when the batch could not be written."""

    def __init__(self, key: ChainKey, head: Head) -> None:
        self._key = key
        self.head = head

    def link(self, bodies: list[bytes], *, opens_segment: bool) -> bytes:
        """Chain `bodies` (each a JSON object with at least one member, no newline) and give their lines in one piece."""
        node, seq, mac = self.head
        lines = []
        opening = b'"prev":"%b",' % mac.hex().encode() if opens_segment else b""
        for body in bodies:
            seq += 1
            covered = b'{"seq":%d,%b%b' % (seq, opening, body[1:-1])
            mac = self._key.mac(mac, covered)
            lines.append(b'%b,"mac":"%b"}\n' % (covered, mac.hex().encode()))
            opening = b""
        self.head = Head(node, seq, mac)
        return b"".join(lines)

    def rewind(self, head: Head) -> None:
        """Go back to `head`: what was linked since is not part of the chain."""
        self.head = head
