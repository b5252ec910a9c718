"""The door of a sealed node: it lives, says so, and waits for its root key. It holds no store, so there is no secret that it could touch.

While KMS or token are away it tries again by itself; without a passphrase it waits for `daypass unseal` on the operator's socket, which is
no operation of the model: there is no state yet to decide on and no ledger to write to (decision 16). Nothing else is served.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from daypass import wire
from daypass.doors.asgi import Message, Receive, Send, serve_asgi
from daypass.doors.health import PATHS, sealed_health
from daypass.doors.listen import ApiServer, configure, listen_unix
from daypass.doors.notify import tell
from daypass.doors.tls import Certificate
from daypass.proof.peer import verify_peer
from daypass.store.keys import PassphraseKey, RootKey
from daypass.values import ids
from daypass.values.errors import ConfigError, KeyAway, ProofError, Refusal
from daypass.values.request import Request, Response
from daypass.values.secret import Secret

UNSEAL = b"Daypass_20261124.Unseal"
RETRY_AFTER = b"5"  # seconds, as a client is told
FIRST_PAUSE = 0.5  # seconds between two tries, doubled each time up to the next line
MAX_PAUSE = 15.0
_JSON = (b"content-type", b"application/x-amz-json-1.1")

Opened = TypeVar("Opened")

log = logging.getLogger(__name__)


class _Unseal(msgspec.Struct, forbid_unknown_fields=True, rename="pascal"):
    passphrase: str
    new: bool = False


class SealedDoor(Generic[Opened]):
    """Answers for a node whose root key is `away`, until `open` gives what it opens (with the key that somebody brought, or None).

    `by` is the peer who brought the passphrase, "" when nobody had to.
    """

    def __init__(
        self, open: Callable[[RootKey | None], Awaitable[Opened]], away: KeyAway, operators: Collection[int], random: Callable[[int], bytes]
    ) -> None:
        self._open = open
        self._away = away
        self._operators = operators
        self._random = random
        self._turn = asyncio.Lock()
        self._done: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self.by = ""

    async def opened(self) -> Opened:
        """What was opened. Raises ConfigError when trying again is in vain: the key is there, and is not the database's."""
        pause = FIRST_PAUSE
        while not self._done.done():
            await asyncio.wait([self._done], timeout=pause if self._away.by_itself else None)
            pause = min(2 * pause, MAX_PAUSE)
            if not self._done.done():
                await self._try()
        return self._done.result()

    async def _try(self) -> None:
        try:
            self._done.set_result(await self._open(None))
        except KeyAway as away:
            if str(away) != str(self._away):
                log.warning("still sealed", extra={"reason": str(away)})
            self._away = away
        except ConfigError as error:
            self._done.set_exception(error)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await serve_asgi(self.start, scope, receive, send)

    def start(self, request: Request, answer: Callable[[Response], None]) -> None:
        """Answer: health to everybody, `Unseal` to an operator on the socket, that it is sealed to all else."""
        if request.raw_path in PATHS and request.method in ("GET", "HEAD"):
            answer(sealed_health(self._away.told, request.raw_path))
        elif request.peer.startswith("uid:") and request.first(b"x-amz-target") == UNSEAL:
            task = asyncio.get_running_loop().create_task(self._unseal(request, answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            answer(self._refused(request, self._sealed(request)))

    def _sealed(self, request: Request) -> Refusal:
        why = str(self._away) if self._is_operator(request) else self._away.told
        return Refusal("ServiceUnavailable", f"This node is sealed: {why}", 503)

    def _is_operator(self, request: Request) -> bool:
        try:
            verify_peer(request.peer, self._operators)
        except ProofError:
            return False
        return True

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        """In the envelope of the operation's protocol, as far as that can be told from outside."""
        try:
            shape = wire.find_operation(request)
        except Refusal:
            shape = None
        response = wire.render_refusal(shape, refusal, ids.request_id(self._random(16)), request)
        headers = (*response.headers, (b"retry-after", RETRY_AFTER), (b"cache-control", b"no-store"))
        return Response(response.status, headers, response.body)

    async def _unseal(self, request: Request, answer: Callable[[Response], None]) -> None:
        try:
            opened = await self._with_passphrase(request)
        except Refusal as refusal:
            answer(self._refused(request, refusal))
            return
        except Exception:
            log.exception("unsealing broke")
            answer(Response(500, (), b""))
            return
        answer(Response(200, (_JSON,), b"{}"))
        if not self._done.done():
            self.by = request.peer
            self._done.set_result(opened)

    async def _with_passphrase(self, request: Request) -> Opened:
        if not self._is_operator(request):
            raise Refusal("AccessDenied", "Only an operator of this node unseals it")
        if self._away.by_itself:
            raise Refusal("ValidationError", f"This node waits for no passphrase: {self._away}")
        try:
            given = msgspec.json.decode(request.body, type=_Unseal)
        except msgspec.DecodeError:  # its text could quote the passphrase
            raise Refusal("ValidationError", "Unseal takes Passphrase, and New for a new installation") from None
        async with self._turn:  # one derivation at a time: each takes 64 MiB
            if self._done.done():
                return self._done.result()
            try:
                return await self._open(PassphraseKey(Secret(given.passphrase), may_begin=given.new))
            except ConfigError as error:
                raise Refusal("AccessDenied", str(error)) from None


async def wait_sealed(
    door: SealedDoor[Opened],
    away: KeyAway,
    data: Path,
    url: str,
    certificate: Certificate | None,
    listener: socket.socket,
    beside: socket.socket | None,
) -> Opened | None:
    """Serve `door`, on twins of the sockets, until it has opened; None when the process was told to end. Raises ConfigError."""
    gc.enable()  # this may last

    def say_sealed() -> None:
        tell("READY")  # it serves what it can: no service manager has to kill it
        sys.stderr.write(f"sealed {url}: {away}\n")
        sys.stderr.flush()

    server = ApiServer(configure(door, certificate), listen_unix(data), say_sealed, partial(tell, "STOPPING"))
    if beside is not None:
        server.beside.append((configure(door, certificate), beside.dup()))
    serving, opening = asyncio.create_task(server.serve(sockets=[listener.dup()])), asyncio.create_task(door.opened())
    await asyncio.wait({serving, opening}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    gc.disable()
    if opening.done() and not server.draining:  # told to end in the very moment in which it opened, it ends
        return opening.result()
    opening.cancel()
    return None
