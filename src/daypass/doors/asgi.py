"""A plane as an ASGI application: one whole request in, one whole answer out. Knows nothing of either."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from daypass.values.request import Request, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Start = Callable[[Request, Callable[[Response], None]], None]


async def serve_asgi(start: Start, scope: Message, receive: Receive, send: Send) -> None:
    """Serve one request (ASGI 3, type "http"; there is no lifespan to take part in) by a plane's `start`."""
    if scope["type"] != "http":
        raise RuntimeError(f"no door for {scope['type']}")
    body = await _read_body(receive)
    if body is None:
        return
    client = scope.get("client")
    request = Request(
        method=scope["method"],
        raw_path=scope["raw_path"],
        raw_query=scope["query_string"],
        headers=tuple(scope["headers"]),
        body=body,
        peer=client[0] if client else "",
        secure=scope["scheme"] == "https",
    )
    answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    start(request, lambda response: None if answered.done() else answered.set_result(response))
    response = await answered
    headers = [*response.headers, (b"content-length", b"%d" % len(response.body))]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body (the protocol bounds it), or None when the client went away."""
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
    return b"".join(parts)
