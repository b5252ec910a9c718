"""What of HTTP may be read in two ways, what comes behind it, and answers that nobody takes: the protocol on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daypass.doors import protocol
from daypass.doors.protocol import MAX_BODY
from daypass.values.request import Request, Response
from rig.wait import until
from unit.doors.served import PATIENCE, SHORT, Plane, Served, get, mirror, serving, statuses, talk

SECOND = get(b"/second")


@pytest.mark.parametrize(
    "framing",
    [
        b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: x\r\n\r\n",  # trailers
        b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab",
        b"Content-Length: 9223372036854775808\r\n\r\nab",
    ],
)
def test_framing_that_the_parser_would_let_pass(served: Served, framing: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\n" + framing
    assert statuses(served.exchange(head + SECOND)) in ([400], [413])
    cut = head.index(b"\r\n\r\n") + 4
    assert statuses(served.exchange(head[:cut], head[cut:] + SECOND)) in ([400], [413])  # the body in a turn of its own
    after = served.exchange(get(b"/first", close=False) + head + SECOND)
    assert statuses(after)[0] == 200 and statuses(after)[1:] in ([400], [413])
    assert b"/first" in after and b"/second" not in after


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.2"])
def test_other_versions(served: Served, version: bytes) -> None:
    assert statuses(served.exchange(b"GET / " + version + b"\r\nHost: x\r\n\r\n" + SECOND)) == [400]


def test_a_coding_is_not_for_http_1_0(served: Served) -> None:
    old = b"POST / HTTP/1.0\r\nHost: x\r\n"
    assert statuses(served.exchange(old + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND)) == [400]
    assert statuses(served.exchange(old + b"Connection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na" + SECOND)) == [
        200
    ]


def test_a_refusal_waits_for_the_answers_before_it(tmp_path: Path) -> None:
    class Slow(Plane):
        def start(self, request: Request, answer: Callable[[Response], None]) -> None:
            asyncio.get_running_loop().call_later(SHORT, super().start, request, answer)

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        turned = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(SHORT, turned.set_result, None)
        await turned
        await mirror(scope, receive, send)

    for number, application in enumerate((Slow(), slow)):
        directory = tmp_path / str(number)
        directory.mkdir()
        with serving(directory, application=application) as served:
            big = b"POST /third HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"20000\r\n" + b"a" * 131072 + b"\r\n") * 9
            for wrong, code in ((b"nonsense\r\n\r\n", 400), (big, 413)):
                answers = served.exchange(get(b"/first", close=False) + get(b"/second", close=False) + wrong)
                assert statuses(answers) == [200, 200, code]
                assert answers.index(b"/first") < answers.index(b"/second")


def test_only_so_many_wait_on_one_connection(served: Served) -> None:
    answers = statuses(served.exchange(get(close=False) * 1000))
    assert answers.count(200) in (protocol.MAX_PIPELINED + 1, protocol.MAX_PIPELINED + 2)
    assert answers[-1] == 429 and answers.count(429) == 1


@pytest.mark.parametrize(
    "pieces",
    [
        b"1\r\na\r\n" * (protocol.MAX_PIECES + 1),
        b"1;" + b"x" * (9 * MAX_BODY) + b"=y\r\na\r\n",
    ],
)
def test_a_body_in_too_many_pieces(served: Served, pieces: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = served.exchange(head, *(pieces[start : start + 1000] for start in range(0, len(pieces), 1000)))
    assert statuses(answer) in ([413], [])  # nothing when the refusal is overtaken by a reset, since more was on its way


def test_a_head_in_too_many_turns(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_TURNS", 32)  # a server that is kept waiting reads many of these pieces in one turn
    with served.connection() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        answer = talk(connection, *[b"a"] * 40_000)
        assert statuses(answer) in ([431], [])


# -- answers that nobody takes


def test_an_answer_that_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "UNREAD_SECONDS", SHORT)

    class Talkative(Plane):
        def start(self, request: Request, answer: Callable[[Response], None]) -> None:
            answer(Response(200, (), b"a" * (16 * 1024 * 1024)))

    with serving(tmp_path, application=Talkative()) as served:
        for ending in (True, False):
            with socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.settimeout(PATIENCE)
                connection.connect(("127.0.0.1", served.port))
                connection.sendall(get(close=ending))
                until(lambda: served.server.connections == 1, "the connection is there")
                until(lambda: served.server.connections == 0, "the server has given it up", PATIENCE)
