"""The product's own HTTP protocol before an application that notes what it was given and answers with it: shows what a proxy passed on."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daypass.doors.listen import ApiServer, configure, listen_tcp, listen_unix
from daypass.values.request import Request, Response

READY_SECONDS = 10.0


class Mirror:
    """`seen` holds every request, in order; each answer says its path and its X-Who."""

    def __init__(self, port: int, server: ApiServer) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.seen: list[Request] = []
        self.server = server

    def answer(self, request: Request) -> Response:
        """Note `request`, and tell of it."""
        self.seen.append(request)
        who = request.first(b"x-who") or b""
        told = {"path": request.raw_path.decode("latin-1"), "who": who.decode("latin-1"), "size": len(request.body)}
        return Response(200, ((b"content-type", b"application/json"),), json.dumps(told).encode())


class Noting:
    """An application in both forms that the protocol knows: `note` gives the answer to each request."""

    note: Callable[[Request], Response]

    def start(self, request: Request, answer: Callable[[Response], None]) -> None:
        """Answers in the next turn of the loop, as a node does."""
        asyncio.get_running_loop().call_soon(answer, self.note(request))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """What does not come alone arrives by ASGI."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
        request = Request(scope["method"], scope["raw_path"], scope["query_string"], tuple(scope["headers"]), body, scope["client"][0])
        response = self.note(request)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(response.body))]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else response.body})


@contextmanager
def mirror(directory: Path) -> Iterator[Mirror]:
    """A mirror on a port of its own, in a thread of this process."""
    directory.mkdir(exist_ok=True)
    listener, application, ready = listen_tcp("127.0.0.1", 0), Noting(), threading.Event()
    server = ApiServer(configure(application), listen_unix(directory), ready.set)
    made = Mirror(listener.getsockname()[1], server)
    application.note = made.answer
    thread = threading.Thread(target=lambda: asyncio.run(server._serve([listener])))  # not serve(): signals are for the main thread
    thread.start()
    try:
        assert ready.wait(READY_SECONDS)
        yield made
    finally:
        server.should_exit = True
        thread.join(READY_SECONDS)
        assert not thread.is_alive()
