"""The application: settings → store → doors. The only place where the parts are joined; holds no rule of its own."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import shlex
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import uvloop

import daypass.services  # noqa: F401  # importing it is what offers the operations
from daypass import passes
from daypass.doors import log as logs
from daypass.doors.aws import AwsDoor
from daypass.doors.listen import ApiServer, configure, listen_tcp, listen_unix, make_room
from daypass.doors.notify import tell
from daypass.doors.protocol import State
from daypass.doors.proxies import Proxies
from daypass.doors.sealed import SealedDoor, wait_sealed
from daypass.doors.tls import Certificate, self_signed
from daypass.doors.watch import watch
from daypass.outside.jwks import FetchSettings, KeyFetcher
from daypass.proof.sigv4 import SigningKeys
from daypass.services.daypass.first_start import first_records
from daypass.settings import Settings, hosts_of, listeners_of, operators_of, rails_of, root_key_of, secret_of, url_of, verify
from daypass.store import Store, StoreFailed, Told, open_store, say_nothing
from daypass.store.durable import write_file
from daypass.store.engine import files_of
from daypass.store.keys import RootKey
from daypass.store.ledger import Ledger, LedgerFailed, Shipper, body_of
from daypass.store.lock import DirectoryLock, lock_directory, verify_whole
from daypass.store.presence import Presence
from daypass.values import ids
from daypass.values.errors import ConfigError, KeyAway
from daypass.values.event import Event
from daypass.values.secret import Secret
from daypass.way.clock import Clock
from daypass.way.context import Node, Rules
from daypass.way.peers import Peers
from daypass.way.retention import Retention
from daypass.way.throttle import Throttle
from daypass.way.upkeep import Upkeep

if TYPE_CHECKING:
    from daypass.doors.traces import Tracer

BURST_SECONDS = 10.0  # of unproven requests at the full rate, before they are throttled
OUTSIDE_THREADS = 8
YOUNG_OBJECTS = 10_000  # before the collector looks at them: requests leave no cycles, and 64 under way are more than its 700
TRACES_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
DATABASE_FILE = "database"  # in DIR: the URL of the database that it was used with last

Result = TypeVar("Result")

log = logging.getLogger(__name__)


def serve(settings: Settings, wall: Callable[[], datetime] | None = None, told: Told = say_nothing) -> None:
    """Open everything, serve until SIGTERM or SIGINT, drain and close. `wall` replaces the wall clock (tests, demo), `told` is told how far
    loading is.

    Raises ConfigError, before anything listens, for settings that cannot be served.
    """
    logs.log_to_stderr(settings.log_format, settings.log_level)
    verify(settings)
    os.umask(0o077)  # what is made from here on is nobody else's to read or write, whatever was set before (attack row H79)
    data = settings.data.resolve()
    verify_whole(data)
    with lock_directory(data) as lock, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, data, lock, wall, told))


async def _serve(settings: Settings, data: Path, lock: DirectoryLock, wall: Callable[[], datetime] | None, told: Told) -> None:
    listener = listen_tcp(settings.host, settings.port)
    beside = listen_tcp(*settings.metrics) if settings.metrics else None
    url = settings.public_url or url_of(settings, listener.getsockname()[1])
    certificate = _certificate(settings, data, hosts_of(settings, url), Clock(wall=wall)())
    with ThreadPoolExecutor(1, "storage") as storage, ThreadPoolExecutor(OUTSIDE_THREADS, "outside") as outside:
        start = _Start(settings, data, url, certificate, storage)
        opened = await start.open_store(wall, told, listener, beside)
        if opened is None:
            return
        upkeep, ledger = await start.open_ledger(opened, lock)
        node = _node(settings, data, url, opened, ledger)
        door = AwsDoor(node, opened.clock, {"storage": storage, "outside": outside}, upkeep)
        door.tracer = _tracer(settings)
        server = start.server(door)
        if beside is not None:
            start.add_metrics(server, beside, node, door, upkeep, opened.clock)
        await start.take_part(opened, upkeep)
        gc.freeze()  # modules and state stay: the collector need not go through them again and again
        gc.set_threshold(YOUNG_OBJECTS)
        gc.enable()
        behind = [asyncio.create_task(work) for work in (upkeep.run(), watch(certificate, opened.clock), ledger.watch())]
        try:
            await server.serve(sockets=[listener])
        finally:
            for task in behind:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await start.close(opened, upkeep, ledger)
            if door.tracer is not None:
                await asyncio.get_running_loop().run_in_executor(outside, door.tracer.close)


class _Opened(NamedTuple):
    """A store that is open; `unsealed` names who brought the root key, "" when it was there."""

    store: Store
    clock: Clock
    ledger_key: Secret
    account: str  # the operator's
    unsealed: str


class _Start:
    """One start of a server, step by step, and its end. What belongs to the store is done on the `storage` thread."""

    def __init__(self, settings: Settings, data: Path, url: str, certificate: Certificate | None, storage: ThreadPoolExecutor) -> None:
        self._settings = settings
        self._data = data
        self._url = url
        self._certificate = certificate
        self._storage = storage
        self._name = _node_name(data)
        self._peers: Peers | None = None

    async def open_store(
        self, wall: Callable[[], datetime] | None, told: Told, listener: socket, beside: socket | None
    ) -> _Opened | None:
        """The store, once there is a root key; until then the listeners say that this node is sealed. None when it was ended meanwhile."""

        async def attempt(key: RootKey | None) -> tuple[Store, Clock, Secret, str]:
            try:
                return await self._stored(_open_store, self._settings, self._data, self._name, wall, told, key)
            except StoreFailed as failure:
                raise ConfigError(f"the database fell away during the start: {failure}") from failure

        try:
            return _Opened(*await attempt(None), "")
        except KeyAway as away:
            sealed = SealedDoor(attempt, away, operators_of(self._settings), secrets.token_bytes)
            opened = await wait_sealed(sealed, away, self._data, self._url, self._certificate, listener, beside)
            return None if opened is None else _Opened(*opened, sealed.by)

    async def open_ledger(self, opened: _Opened, lock: DirectoryLock) -> tuple[Upkeep, Ledger]:
        """The ledger, with what a crash kept from it, and the upkeep that ships its lines."""
        store, clock, settings = opened.store, opened.clock, self._settings
        directory = self._data / "ledger"
        shipper = Shipper(directory, store.shipped_line(self._name))
        upkeep = Upkeep(self._name, store, shipper, self._storage, clock)
        beside = [lock.presence, *map(Presence, files_of(_database(settings, self._data)))]
        ledger = Ledger(
            directory, opened.ledger_key, self._name, durable=settings.durable, beside=beside, anchor=upkeep.anchor, on_minted=shipper.note
        )
        ledger.open(clock(), store.anchored(self._name))
        if opened.unsealed:
            ledger.append_sync([_unseal_line(opened.unsealed, clock())])
        outbox = store.outbox_lines()
        ledger.recover(outbox)
        await self._stored(store.forget_outbox, [request_id for request_id, _ in outbox])
        store.rotation.after = timedelta(days=settings.rotate_keys_after) if settings.rotate_keys_after else None
        store.rotation.staleness = settings.max_staleness
        upkeep.ledger = ledger
        if store.shared:
            self._peers = Peers(store, ledger, self._url)
            upkeep.share(self._peers)
        if settings.keep_ledger:
            upkeep.retention = Retention(store, ledger.directory, timedelta(days=settings.keep_ledger))
        return upkeep, ledger

    def server(self, door: AwsDoor) -> ApiServer:
        """The server that brings `door` its requests."""
        settings = self._settings
        say_ready = partial(_say_ready, settings, self._data, self._url)
        state = State(make_room(settings.max_connections), Proxies(settings.trusted_proxies))
        config, stopping = configure(door, self._certificate), partial(tell, "STOPPING")
        server = ApiServer(config, listen_unix(self._data), say_ready, stopping, settings.shutdown_delay, state)
        door.is_draining = lambda: server.draining
        return server

    def add_metrics(self, server: ApiServer, listener: socket, node: Node, door: AwsDoor, upkeep: Upkeep, clock: Clock) -> None:
        """Have metrics told of on a listener of their own."""
        from daypass.doors.metrics import Gauges, MetricsDoor  # Prometheus' imports are for those who have it

        gauges = Gauges(node, clock, upkeep, door.tally, lambda: server.connections, self._certificate)
        server.beside.append((configure(MetricsDoor(gauges), self._certificate), listener))
        sys.stderr.write(f"metrics on port {listener.getsockname()[1]}\n")

    async def take_part(self, opened: _Opened, upkeep: Upkeep) -> None:
        """Hear of others' changes from now on, and be known to them."""
        opened.store.listen(partial(_hear, asyncio.get_running_loop(), opened.store, upkeep))
        if self._peers is not None:
            await self._stored(self._peers.join, opened.clock())
        await upkeep.round()

    async def close(self, opened: _Opened, upkeep: Upkeep, ledger: Ledger) -> None:
        """Nothing that was said is lost; others need not wait for this node. Raises ConfigError for lines that have no disk to go to."""
        unwritten = ""
        try:
            await ledger.drain()
        except LedgerFailed as failure:
            unwritten = str(failure)
        ledger.close()
        try:
            await upkeep.round()
            await self._stored(_take_leave, opened.store, opened.clock())
        except StoreFailed as failure:  # the next start brings the database what is on disk here
            log.warning("the database is away at the end", extra={"reason": str(failure)})
        opened.store.close()
        if unwritten:
            raise ConfigError(f"{unwritten}: they tell of requests that were refused, or only read.")

    async def _stored(self, work: Callable[..., Result], *given: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._storage, work, *given)


def _unseal_line(peer: str, now: datetime) -> bytes:
    """The ledger line that tells who brought the root key, written as soon as there is a ledger."""
    event = Event(ids.request_id(secrets.token_bytes(16)), now, "daypass", "Unseal", peer, "", status=200, read_only=False)
    return body_of(event)


def backup_line(file: str) -> bytes:
    """The ledger line of a backup that is taken while no server runs, as NoteBackup writes it on one that does."""
    now, peer = Clock()(), f"uid:{os.geteuid()}"
    event = Event(ids.request_id(secrets.token_bytes(16)), now, "daypass", "NoteBackup", peer, "", status=200, read_only=False)
    event.parameters = {"File": file}
    return body_of(event)


def _certificate(settings: Settings, data: Path, hosts: Iterable[str], now: datetime) -> Certificate | None:
    """What the listeners show; None without TLS. Raises ConfigError."""
    if settings.tls_self_signed:
        renew = partial(self_signed, data / "tls", [name.strip("[]") for name in hosts])
        return Certificate(*renew(now), renew)
    return Certificate(Path(settings.tls_certificate), Path(settings.tls_key)) if settings.tls_certificate else None


def _tracer(settings: Settings) -> Tracer | None:
    """What exports traces, when they are on: by --traces, or by OpenTelemetry's own environment."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp"
    if not settings.traces and (off or not any(map(os.environ.get, TRACES_VARIABLES))):
        return None
    from daypass.doors.traces import Tracer  # OpenTelemetry's imports are for those who have it

    return Tracer(settings.traces)


def _hear(loop: asyncio.AbstractEventLoop, store: Store, upkeep: Upkeep, seq: int) -> None:
    """Have upkeep look for the change of that number (0: for any), unless it is known. On the listener's thread."""
    if seq == 0 or seq > store.position:
        loop.call_soon_threadsafe(upkeep.hear)


def _take_leave(store: Store, now: datetime) -> None:
    store.raise_clock(now)
    if store.shared:
        store.leave()


def _open_store(
    settings: Settings, data: Path, node: str, wall: Callable[[], datetime] | None, told: Told, key: RootKey | None = None
) -> tuple[Store, Clock, Secret, str]:
    """The store, made at the first start, the clock that goes on from what it has seen, the ledger's key, the operator's account. On the
    storage thread.

    `key` is the root key when somebody brought it, in place of that of the settings. Raises ConfigError, KeyAway among them.
    """
    key = key or root_key_of(settings, data)
    started = Clock(wall=wall)()
    password = secret_of(settings.db_password_file, "database's password")
    # alone: by the directory's lock
    store = open_store(_database(settings, data), key, started, alone=True, node=node, password=password, told=told)
    clock = Clock(store.clock_high_water, wall)
    with store.turn():  # several nodes may start at once
        store.catch_up(started)
        if not len(store.snapshot.accounts):
            store.write(first_records(clock().replace(microsecond=0), secrets.token_bytes))
    if (own := store.own_organization()) is None:
        store.close()
        raise ConfigError(f"{data} holds no organization of its own that can be read: restore it from a backup")
    store.snapshot.compile_ahead(told)
    if settings.db:
        write_file(data / DATABASE_FILE, f"{settings.db}\n".encode())
    return store, clock, store.secret("ledger"), own.account


def _database(settings: Settings, data: Path) -> str | Path:
    """Where the state is: the given URL, the one that this directory was used with before, or its own file. Raises ConfigError."""
    own, noted = data / "daypass.db", data / DATABASE_FILE
    if settings.db and own.exists():
        mend = f"daypass migrate --data {shlex.quote(str(data))} --to {shlex.quote(settings.db)}"
        raise ConfigError(f"{own} holds a state of its own, which --db would leave behind: {mend}")
    if settings.db:
        return settings.db
    if noted.exists():
        return noted.read_text().strip()
    if not own.exists() and (data / "ledger").exists():  # which is never made before it
        raise ConfigError(f"{own} is gone, its ledger is not: put the file back, or restore a backup elsewhere with `daypass restore`")
    return own


def move_database(data: Path, url: str, password_file: Path | None) -> dict[str, int]:
    """Move the state of `data` into the PostgreSQL at `url` and have the directory name it; gives the rows by table. Raises ConfigError."""
    from daypass.store.moving import move  # PostgreSQL's imports are for those who have it

    with lock_directory(data):
        own = data / "daypass.db"
        if not own.exists():
            raise ConfigError(f"{data} holds no daypass.db to be moved")
        moved = move(own, url, _node_name(data), secret_of(password_file, "database's password"))
        write_file(data / DATABASE_FILE, f"{url}\n".encode())
        # INVARIANT: two databases of one installation never serve: what was ended in one would live in the other
        own.rename(own.with_suffix(".db.moved"))
    return moved.rows


def rewrap_keys(settings: Settings, wanted: Settings) -> tuple[int, str]:
    """Move the data keys of `settings.data` from its root key under that of `wanted`; gives how many they are, and where the new one is.

    Raises ConfigError: a node runs, or one of the root keys does not answer.
    """
    from daypass.store.rewrapping import rewrap

    data = settings.data.resolve()
    verify(wanted)
    with lock_directory(data):
        password = secret_of(settings.db_password_file, "database's password")
        key = root_key_of(wanted, data)
        return rewrap(_database(settings, data), root_key_of(settings, data), key, Clock()(), password), key.where


def _node(settings: Settings, data: Path, url: str, opened: _Opened, ledger: Ledger) -> Node:
    rules = Rules(
        operator_uids=operators_of(settings),
        management_account=opened.account,
        max_staleness=settings.max_staleness,
        hosts=hosts_of(settings, url),
        region=settings.region,
        url=url,
        data_directory=str(data),
        process_id=os.getpid(),
        listeners=listeners_of(settings),
        rails=rails_of(settings),
    )
    return Node(
        store=opened.store,
        ledger=ledger,
        ledger_key=opened.ledger_key,
        fetcher=KeyFetcher(FetchSettings(networks=settings.idp_allow, ca_file=settings.idp_ca)),
        signing_keys=SigningKeys(),
        rules=rules,
        random=secrets.token_bytes,
        throttle=Throttle(settings.failure_rate, settings.failure_rate * BURST_SECONDS),
        tokens=passes.OpenedTokens(),
    )


def _node_name(data: Path) -> str:
    """The name of this node, made once: its ledger is chained under it. Raises ConfigError."""
    file = data / "node"
    if not file.exists():
        try:
            write_file(file, f"node-{secrets.token_hex(4)}\n".encode())
        except OSError as error:
            raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
    return file.read_text().strip()


def _say_ready(settings: Settings, data: Path, url: str) -> None:
    """Write the operator's profile, then the one line that scripts wait for."""
    profile = data / "aws" / "config"
    profile.parent.mkdir(mode=0o700, exist_ok=True)
    process = shlex.join([sys.executable, "-P", "-m", "daypass.cli.main", "process", "--data", str(data)])
    draft = profile.with_suffix(".new")
    trust = f"ca_bundle = {data / 'tls' / 'cert.pem'}\n" if settings.tls_self_signed else ""
    draft.write_text(f"[profile operator]\ncredential_process = {process}\nendpoint_url = {url}\nregion = {settings.region}\n{trust}")
    draft.replace(profile)
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()
    tell("READY")
    sys.stderr.write(f"\n  export AWS_CONFIG_FILE={profile} AWS_PROFILE=operator\n  aws sts get-caller-identity\n\n")
    sys.stderr.flush()
