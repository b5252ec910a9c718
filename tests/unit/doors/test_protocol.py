"""The HTTP protocol of the API on real sockets, before an application that says what it was given: limits, timeouts, targets, peers."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from daypass.doors.listen import configure
from daypass.doors.protocol import MAX_BODY, MAX_HEAD, MAX_HEADERS, ApiProtocol
from daypass.values.request import Request, Response
from unit.doors.served import PATIENCE, SHORT, Plane, Served, get, mirror, seen, serving, status, statuses, talk

# -- what goes through


def test_a_request_and_who_sent_it(served: Served) -> None:
    found = seen(served.exchange(get(b"/a%2Fb/../c?x")))
    assert (found["method"], found["path"], found["client"][0]) == ("GET", "/a%2Fb/../c", "127.0.0.1")


def test_the_connection_is_kept(served: Served) -> None:
    with served.connection() as connection:
        connection.sendall(get(close=False))
        first = connection.recv(65536)
        assert status(first) == 200
        assert b"connection: close" not in first.lower()
        assert status(talk(connection, get())) == 200


def test_two_requests_at_once_are_answered_in_order(served: Served) -> None:
    answer = served.exchange(get(b"/first", close=False) + get(b"/second"))
    assert answer.count(b"HTTP/1.1 200") == 2
    assert 0 < answer.index(b"/first") < answer.index(b"/second")


def test_the_plane_takes_what_comes_alone(tmp_path: Path) -> None:
    plane = Plane()
    with serving(tmp_path, application=plane) as served:
        assert status(served.exchange(get())) == 200
        assert plane.taken == 1
        assert served.exchange(get(close=False) + get()).count(b"HTTP/1.1 200") == 2
        assert plane.taken == 2  # the second waited for the first, and went through ASGI
        assert status(served.exchange(get(b"/", b"Expect: 100-continue"))) in (100, 200)
        assert plane.taken == 2


def test_head_has_no_body(served: Served) -> None:
    answer = served.exchange(get(method=b"HEAD"))
    assert status(answer) == 200
    assert answer.endswith(b"\r\n\r\n")


def test_expect_100_continue_is_answered(served: Served) -> None:
    with served.connection() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        assert seen(talk(connection, b"hello"))["body"] == 5


def test_a_chunked_body(served: Served) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert seen(served.exchange(head, b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n"))["body"] == 5


def test_on_the_unix_socket_the_kernel_says_who_it_is(served: Served) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(served.unix)
        assert seen(talk(connection, get(b"/", b"X-Forwarded-For: uid:0")))["client"][0] == f"uid:{os.getuid()}"


def test_ipv6(tmp_path: Path) -> None:
    with serving(tmp_path, "::1") as served, socket.create_connection(("::1", served.port), timeout=PATIENCE) as connection:
        assert seen(talk(connection, get()))["client"][0] == "::1"


# -- limits


@pytest.mark.parametrize(
    "target", [b"http://x/", b"//x/\xff".replace(b"\xff", b"%ff#f"), b"/a#fragment", b"*", b"x", b"http://evil.test/?Action=ListUsers"]
)
def test_targets_that_are_not_in_origin_form(served: Served, target: bytes) -> None:
    assert status(served.exchange(get(target))) == 400


def test_connect_is_refused(served: Served) -> None:
    assert status(served.exchange(get(b"x:443", method=b"CONNECT"))) == 400


@pytest.mark.parametrize(("count", "expected"), [(MAX_HEADERS, 200), (MAX_HEADERS + 1, 431)])
def test_the_number_of_headers(served: Served, count: int, expected: int) -> None:
    own = [b"X-%d: 1" % number for number in range(count - 2)]  # Host and Connection are two more
    assert status(served.exchange(get(b"/", *own))) == expected


@pytest.mark.parametrize(("spare", "expected"), [(100, 200), (-100, 431)])
def test_the_size_of_the_head(served: Served, spare: int, expected: int) -> None:
    pieces = [b"X-%d: " % number + b"a" * 8000 for number in range(8)]
    filled = sum(len(piece) - 2 for piece in pieces)
    pieces.append(b"Y: " + b"b" * (MAX_HEAD - filled - spare - len(b"/HostxConnectioncloseY")))
    assert status(served.exchange(get(b"/", *pieces))) == expected


def test_the_size_of_the_head_of_a_later_request(served: Served) -> None:
    """On a connection that is kept, and when the head comes in the same piece as what went before."""
    big = b"X: " + b"a" * MAX_HEAD
    with served.connection() as connection:
        connection.sendall(get(close=False))
        assert status(connection.recv(65536)) == 200
        assert status(talk(connection, get(b"/", big))) == 431
    answers = served.exchange(get(close=False) + get(b"/", big))
    assert statuses(answers) == [200, 431]


def test_an_answer_whose_header_is_two_lines_is_not_sent(tmp_path: Path) -> None:
    class Splitting(Plane):
        def start(self, request: Request, answer: Callable[[Response], None]) -> None:
            answer(Response(200, ((b"x-a", request.raw_query.replace(b"%0A", b"\n")),), b""))

    with serving(tmp_path, application=Splitting()) as served:
        assert b"\r\nx-a: b\r\n" in served.exchange(get(b"/?b"))
        assert served.exchange(get(b"/?b%0Aset-cookie:%20c=d")) == b""


def test_nothing_follows_an_answer_that_is_given_twice(tmp_path: Path) -> None:
    """What broke while it answered is told to answer 500: another answer there would be taken for that of the next request."""

    class Stuttering(Plane):
        def start(self, request: Request, answer: Callable[[Response], None]) -> None:
            answer(Response(200, (), b"first"))
            answer(Response(500, (), b"again"))

    with serving(tmp_path, application=Stuttering()) as served:
        assert b"again" not in served.exchange(get(close=False))


def test_a_message_that_cannot_be_taken_is_refused_and_waits_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-36: its connection ends, though no answer will ever come."""

    def no_memory(*_: object) -> None:
        raise MemoryError

    with serving(tmp_path, application=Plane()) as served:
        with monkeypatch.context() as short:
            short.setattr("daypass.doors.protocol.Request", no_memory)
            assert status(served.exchange(get(close=False))) == 400
        assert status(served.exchange(get())) == 200


def test_an_endless_target(served: Served) -> None:
    assert status(served.exchange(b"GET /" + b"a" * (MAX_HEAD + 1), get()[5:])) == 414


def test_an_endless_header(served: Served) -> None:
    answer = served.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *[b"a" * 65536] * 40)
    assert status(answer) in (400, 431)


@pytest.mark.parametrize(("size", "expected"), [(MAX_BODY, 200), (MAX_BODY + 1, 413)])
def test_the_size_of_the_body(served: Served, size: int, expected: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % size
    answer = served.exchange(head, b"a" * size)
    assert status(answer) == expected
    assert expected != 200 or seen(answer)["body"] == size


def test_a_chunked_body_has_the_same_limit(served: Served) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    assert status(served.exchange(head, *[chunk] * 17)) == 413


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 1\r\nContent-Length: 2",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: +5",
        b"Transfer-Encoding: x",
        b"X : spaced",
        b" folded: x",
    ],
)
def test_heads_that_could_be_read_in_two_ways(served: Served, head: bytes) -> None:
    answer = served.exchange(b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\nConnection: close\r\n\r\nhello")
    assert status(answer) == 400


# -- time


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "start",
    [
        b"",  # nothing at all
        b"GET / HT",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe",
        get(close=False) + b"GET /",
    ],
)
def test_a_request_that_does_not_come_to_its_end(served: Served, start: bytes) -> None:
    assert b"HTTP/1.1 408 " in served.exchange(start)


@pytest.mark.usefixtures("hurried")
def test_a_blank_line_after_an_answer_holds_no_connection(served: Served) -> None:
    """It ends the keep-alive's timer and begins no message."""
    with served.connection() as connection:
        connection.sendall(get(close=False))
        assert status(connection.recv(65536)) == 200
        assert status(talk(connection, b"\r\n")) == 408


@pytest.mark.usefixtures("hurried")
def test_dribbling_does_not_help(served: Served) -> None:
    with served.connection() as connection:
        connection.settimeout(SHORT / 4)
        got = b""
        for _ in range(100):
            try:
                connection.sendall(b"a")
                got += connection.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if got:
                break
        assert status(got) in (400, 408)


@pytest.mark.usefixtures("hurried")
def test_an_idle_connection_between_requests_is_left_alone(served: Served) -> None:
    with served.connection() as connection:
        connection.sendall(get(close=False))
        assert status(connection.recv(65536)) == 200
        connection.settimeout(SHORT * 2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(PATIENCE)
        assert status(talk(connection, get())) == 200


def test_the_protocol_is_the_one_that_is_served() -> None:
    assert configure(mirror).http is ApiProtocol
