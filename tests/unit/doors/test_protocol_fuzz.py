"""Mutated HTTP at the protocol, in this process: it raises nothing, and sees the same requests however the bytes are cut into turns."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attacks.framings import RIGHT, WRONG, filled, second
from daypass.doors.listen import configure
from daypass.doors.protocol import MAX_PIPELINED, ApiProtocol, State
from daypass.values.request import Request, Response
from rig.mirror import Noting

RUNS = 200_000 if os.environ.get("DAYPASS_FUZZ") else 600
SEEDS = [filled(raw + second(number), "x", number) for number, raw in enumerate({**WRONG, **RIGHT}.values())]
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"0\r\n\r\n", b"\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"chunked",
    b"Content-Length: 2\r\n", b"Content-Length: 0\r\n", b"HTTP/1.1\r\n", b"HTTP/1.0\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"ffffffff",
    b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"\x80", b"\xff", b"Upgrade: h2c\r\nConnection: upgrade\r\n",
]  # fmt: skip
_loop = asyncio.new_event_loop()


class Wire(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.7", 1) if name in ("peername", "sockname") else default

    def write(self, data: Any) -> None:
        assert not self.closing, "written behind the end"
        self.said += data

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing is read that the test does not give."""

    def resume_reading(self) -> None:
        """As above."""


@dataclass
class Seen(Noting):
    """An application that notes each request; `later` answers in a turn of the loop of its own."""

    later: bool
    requests: list[tuple[str, bytes, bytes, tuple[tuple[bytes, bytes], ...], bytes]] = field(default_factory=list)

    def note(self, request: Request) -> Response:
        self.requests.append((request.method, request.raw_path, request.raw_query, request.headers, request.body))
        return Response(200, (), b"")

    def start(self, request: Request, answer: Callable[[Response], None]) -> None:
        response = self.note(request)
        if self.later:
            _loop.call_soon(answer, response)
        else:
            answer(response)


def run(pieces: list[bytes], *, later: bool = False) -> tuple[Seen, Wire]:
    """Feed the pieces, each in a turn of its own, to a new connection."""
    application, wire = Seen(later), Wire()
    protocol = ApiProtocol(configure(application), State(), {}, _loop)
    protocol.connection_made(wire)
    for piece in pieces:
        if wire.closing:
            break
        protocol.data_received(piece)
        _turns(protocol)
    protocol.connection_lost(None)
    _turns(protocol)
    return application, wire


def _turns(protocol: ApiProtocol) -> None:
    for _ in range(4 + 4 * len(protocol.pipeline)):
        _loop.call_soon(_loop.stop)
        _loop.run_forever()


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Two cases behind each other, with a few bytes cut out, doubled, replaced or put in."""
    raw = bytearray(draw(st.sampled_from(SEEDS)) + draw(st.sampled_from([b"", *SEEDS])))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(raw)))
        size = draw(st.integers(0, 12))
        match draw(st.integers(0, 3)):
            case 0:
                del raw[at : at + size]
            case 1:
                raw[at:at] = raw[at : at + size]
            case 2:
                raw[at:at] = draw(st.sampled_from(TOKENS))
            case _:
                raw[at : at + 1] = draw(st.binary(min_size=1, max_size=2))
    return bytes(raw)


@pytest.fixture(scope="module", autouse=True)
def loop() -> Iterator[None]:
    yield
    _loop.close()


def statuses(wire: Wire) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", wire.said) if code != b"100"]


@pytest.mark.fuzz
@settings(max_examples=RUNS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw=mutants(), cuts=st.lists(st.integers(1, 400), max_size=6), later=st.booleans())
def test_the_cuts_change_nothing(raw: bytes, cuts: list[int], later: bool) -> None:
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    whole, said = run([raw], later=later)
    cut, said_cut = run([raw[start:end] for start, end in pairwise(edges)], later=later)
    assert cut.requests == whole.requests
    assert statuses(said_cut) == statuses(said)
    for application, wire in ((whole, said), (cut, said_cut)):
        codes = statuses(wire)
        assert codes[: len(application.requests)] == [200] * len(application.requests)
        assert len(codes) <= len(application.requests) + 1 and 500 not in codes
        assert len(application.requests) <= MAX_PIPELINED + 1
        for _, path, query, headers, _ in application.requests:
            assert path.startswith(b"/") and not re.search(rb"[\0-\x20\x7f-\xff#]", path + query)
            for name, value in headers:
                assert re.fullmatch(rb"[a-z0-9!#$%&'*+.^_`|~-]+", name) and not re.search(rb"[\0-\x08\x0a-\x1f\x7f]", value)
            framing = [name for name, _ in headers if name in (b"content-length", b"transfer-encoding")]
            assert len(framing) <= 1
