"""The HTTP protocol of the API on real sockets, before an application that says what it was given: limits, timeouts, targets, peers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daypass.doors import protocol
from daypass.doors.listen import SOCKET_NAME, ApiServer, configure, listen_tcp, listen_unix
from daypass.doors.protocol import MAX_BODY, MAX_HEAD, MAX_HEADERS, ApiProtocol
from daypass.values.request import Request, Response
from rig.wait import until

SHORT = 0.2  # seconds in the place of REQUEST_SECONDS
PATIENCE = 5.0


async def mirror(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what arrived; nothing when the client went away."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    seen = {"method": scope["method"], "path": scope["raw_path"].decode(), "body": len(body), "client": scope["client"]}
    answer = json.dumps(seen).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer})


class Plane:
    """The mirror as an application that takes whole requests; ASGI is still there for what does not come alone."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await mirror(scope, receive, send)

    def start(self, request: Request, answer: Callable[[Response], None]) -> None:
        """Answers in the next turn of the loop, as one that waits for its ledger."""
        self.taken += 1
        seen = {"method": request.method, "path": request.raw_path.decode(), "body": len(request.body), "client": [request.peer, 0]}
        response = Response(200, ((b"content-type", b"application/json"),), json.dumps(seen).encode())
        asyncio.get_running_loop().call_soon(answer, response)


class Served:
    """Where the mirror is served."""

    def __init__(self, port: int, unix: str, server: ApiServer) -> None:
        self.port, self.unix, self.server = port, unix, server

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as made:
            yield made

    def exchange(self, *parts: bytes) -> bytes:
        """Everything that is answered to `parts` until the server closes the connection."""
        with self.connection() as made:
            return talk(made, *parts)


def talk(connection: socket.socket, *parts: bytes) -> bytes:
    try:
        for part in parts:
            connection.sendall(part)
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before everything was sent; what was answered is read all the same
    return until_closed(connection)


def until_closed(connection: socket.socket) -> bytes:
    got = b""
    try:
        while more := connection.recv(65536):
            got += more
    except ConnectionResetError:
        pass  # closed with something of ours unread
    return got


@contextmanager
def serving(directory: Path, host: str = "127.0.0.1", application: Any = mirror) -> Iterator[Served]:
    listener = listen_tcp(host, 0)
    ready = threading.Event()
    server = ApiServer(configure(application), listen_unix(directory), ready.set)
    thread = threading.Thread(target=lambda: asyncio.run(server._serve([listener])))  # not serve(): signals are for the main thread
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield Served(listener.getsockname()[1], str(directory / SOCKET_NAME), server)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture(scope="module", params=["asgi", "plane"])
def served(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Served]:
    application = Plane() if request.param == "plane" else mirror
    with serving(tmp_path_factory.mktemp("served"), application=application) as made:
        yield made


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", SHORT)


def get(path: bytes = b"/", *headers: bytes, method: bytes = b"GET", close: bool = True) -> bytes:
    """A request without a body."""
    ending = (b"Connection: close",) if close else ()
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", b"Host: x", *headers, *ending, b"", b""])


def status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer[9:12])


def statuses(answers: bytes) -> list[int]:
    """Of every answer, in order."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", answers)]


def seen(answer: bytes) -> dict[str, Any]:
    """What the mirror saw."""
    assert status(answer) == 200, answer[:200]
    found: dict[str, Any] = json.loads(answer.rpartition(b"\r\n\r\n")[2])
    return found


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


# -- what may be read in two ways, and what comes behind it

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
        await asyncio.sleep(SHORT)
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


def test_a_head_in_too_many_turns(served: Served) -> None:
    with served.connection() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        answer = talk(connection, *[b"a"] * (protocol.MAX_TURNS * 40))
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
