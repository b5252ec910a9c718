"""Where the doors stand: the sockets, and a uvicorn server that serves TCP and the operator's unix socket and exits 0 on SIGTERM.

Does not know what is served.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from daypass.doors.protocol import ApiProtocol
from daypass.values.errors import ConfigError

SOCKET_NAME = "control.sock"
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 25  # F-38: drain ≤ 30 s


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


def is_loopback(host: str) -> bool:
    """Whether `host` is an address of this host alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class ApiServer(uvicorn.Server):
    """uvicorn's server on one TCP socket (TLS when configured) and one unix socket (never TLS).

    `on_ready` is called once both serve. What stands `beside` them, other applications on sockets of their own, comes and goes with them.
    """

    def __init__(self, config: uvicorn.Config, unix: socket.socket, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._unix = unix
        self._on_ready = on_ready
        self.beside: list[tuple[uvicorn.Config, socket.socket]] = []

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self.server_state.connections)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        loop = asyncio.get_running_loop()
        for config, listener in self.beside:
            factory = partial(ApiProtocol, config, self.server_state, {}, loop)
            self.servers.append(await loop.create_server(factory, sock=listener, ssl=config.ssl, backlog=BACKLOG))
        plain = configure(self.config.loaded_app)
        factory = partial(ApiProtocol, plain, self.server_state, {}, loop)
        self.servers.append(await loop.create_unix_server(factory, sock=self._unix, backlog=BACKLOG))
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT start the drain and are then done with: the process exits 0 (DESIGN §5)."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def configure(app: Callable[..., object], *, certificate: str = "", key: str = "") -> uvicorn.Config:
    """How uvicorn serves `app`; with `certificate` (PEM chain) and `key` (PEM) over TLS. Raises ConfigError for such as cannot be used."""
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
        ssl_certfile=certificate or None,
        ssl_keyfile=key or None,
    )
    try:
        config.load()
    except OSError as error:  # SSLError is one
        raise ConfigError(f"the certificate {certificate} with the key {key} cannot be used: {error.strerror or error}") from error
    return config
