"""Hello-world on daypass's own HTTP server: same uvicorn, same protocol class, an application that answers at once. What HTTP costs us."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
import uvloop

from daypass.doors.listen import configure, listen_tcp
from daypass.doors.protocol import State

BODY = b"hello, world"
HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(BODY))]


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI 3: twelve bytes, without a look at the request."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def main() -> None:
    """Serve until SIGTERM."""
    listener = listen_tcp("127.0.0.1", 0)
    print(f"ready http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        server = uvicorn.Server(configure(hello))
        server.server_state = State()
        runner.run(server.serve(sockets=[listener]))


if __name__ == "__main__":
    main()
