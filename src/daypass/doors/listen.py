"""Where the doors stand: the sockets, and a uvicorn server that serves TCP and the operator's unix socket and exits 0 on SIGTERM.

Does not know what is served.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from daypass.doors.crowd import MAX_CONNECTIONS, Crowd
from daypass.doors.protocol import REQUEST_SECONDS, ApiProtocol, State
from daypass.doors.tls import Certificate
from daypass.values.errors import ConfigError

SOCKET_NAME = "control.sock"
# From Python 3.13 on an event loop takes a socket away by its name when it closes it; ours was bound by a name that is gone by then.
LEAVE_SOCKET: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 25  # F-38: drain ≤ 30 s
FILES_KEPT = 256  # of those that the system lets a process open, for the state, the ledger, identity providers and the operator

log = logging.getLogger(__name__)


def listen_tcp(host: str, port: int) -> socket.socket:
    """A listening socket on `host:port` (port 0 lets the system choose). Raises ConfigError naming the address."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another with --listen HOST:PORT") from error


def listen_unix(directory: Path) -> socket.socket:
    """The operator's socket in `directory`, mode 0600. A socket left by a dead process is replaced (the directory is locked by ours)."""
    (directory / SOCKET_NAME).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    anchor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    before = os.umask(0o177)
    try:
        listener.bind(f"/proc/self/fd/{anchor}/{SOCKET_NAME}")  # through the descriptor, since a socket's path has at most 108 bytes
    finally:
        os.umask(before)
        os.close(anchor)
    return listener


def make_room(connections: int = MAX_CONNECTIONS) -> Crowd:
    """The crowd that `connections` bounds, or the system's limit of open files when that is lower: it is raised as far as it goes."""
    files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        files = hard
    except OSError as error:  # a service manager may keep the call from us
        log.warning("the limit of open files cannot be raised", extra={"reason": str(error)})
    room = connections if files == resource.RLIM_INFINITY else min(connections, max(files - FILES_KEPT, 1))
    if room < connections:
        log.warning("the limit of open files leaves room for fewer connections", extra={"connections": room, "wanted": connections})
    return Crowd(room)


class ApiServer(uvicorn.Server):
    """uvicorn's server on one TCP socket (TLS when configured) and one unix socket (never TLS).

    `on_ready` is called once both serve, `on_drain` when the end begins. What stands `beside` them, other applications on sockets of their
    own, comes and goes with them.

    The end: at the first signal the node is no longer ready and each answer is its connection's last; after `delay` seconds, in which a
    load balancer sees the first, nothing new is accepted, and what is under way has DRAIN_SECONDS. A second signal ends the delay, a
    third what is under way.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        unix: socket.socket,
        on_ready: Callable[[], None],
        on_drain: Callable[[], None] = lambda: None,
        delay: float = 0.0,
        state: State | None = None,
    ) -> None:
        super().__init__(config)
        self.server_state: State = state or State()
        self._on_drain = on_drain
        self._delay = delay
        self._unix = unix
        self._on_ready = on_ready
        self.beside: list[tuple[uvicorn.Config, socket.socket]] = []

    @property
    def draining(self) -> bool:
        """Whether the end has begun."""
        return self.server_state.draining

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self.server_state.connections)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        if self.should_exit:
            return
        loop = asyncio.get_running_loop()
        for config, listener in [*((self.config, listener) for listener in sockets or ()), *self.beside]:
            factory = partial(ApiProtocol, config, self.server_state, {}, loop)
            patience = REQUEST_SECONDS if config.ssl else None  # for a handshake, as for a head (F-30)
            made = await loop.create_server(factory, sock=listener, ssl=config.ssl, backlog=BACKLOG, ssl_handshake_timeout=patience)
            self.servers.append(made)
        plain = configure(self.config.loaded_app)
        factory = partial(ApiProtocol, plain, self.server_state, {}, loop)
        self.servers.append(await loop.create_unix_server(factory, sock=self._unix, backlog=BACKLOG, **LEAVE_SOCKET))
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        elif self.draining or not self._delay:
            self.should_exit = True
        if not self.draining:
            self.server_state.draining = True
            self._drain_at = time.monotonic() + self._delay
            self._on_drain()

    async def on_tick(self, counter: int) -> bool:
        if self.draining and time.monotonic() >= self._drain_at:
            self.should_exit = True
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT start the drain and are then done with: the process exits 0 (DESIGN §5)."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def configure(app: Callable[..., object], certificate: Certificate | None = None) -> uvicorn.Config:
    """How uvicorn serves `app`; with a `certificate` over TLS."""
    config = uvicorn.Config(
        app,
        http=ApiProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_context_factory=None if certificate is None else lambda *_: certificate.context,
    )
    config.load()
    return config
