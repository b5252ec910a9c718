"""The HTTP protocol on real sockets, before an application that answers with what it was given."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daypass.doors.listen import SOCKET_NAME, ApiServer, configure, listen_tcp, listen_unix
from daypass.values.request import Request, Response

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
