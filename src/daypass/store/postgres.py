"""PostgreSQL: its connections, bounded in time, and the ear that hears of changes. Does not know what is stored, nor any statement on it.

Many nodes share one database, so that what SQLite's file lock does is done here by an advisory lock: whoever changes the state holds it
from before he reads until his commit is seen by all. INVARIANT: so the numbers of the feed are in the order of the commits, and a reader
who has seen one has seen every smaller one.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import zlib
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from daypass.store.deadline import seconds_left
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

CONNECT_SECONDS = 3
LEAST_SECONDS = 2  # libpq's own least for a connection
STATEMENT_SECONDS = 4  # what the server lets a statement take, waiting for a lock included
PATIENT_SECONDS = 120  # the same for what an operator waits for: loading everything, migrations
POOL = 4  # connections of a node: the storage thread's, and readers of long lists on the outside threads
POOL_SECONDS = 2  # how long one of these waits for a connection of the pool
LISTEN_AGAIN = 1.0  # seconds after a listener's connection broke
LISTEN_SECONDS = 0.25  # how long it listens before it looks whether it has to end
CHANNEL = "daypass"

_STATE = 0x64617970617373  # "daypass": the advisory lock of the state (and of migrations)
_LINES = _STATE + 1  # that of the shipped ledger lines
LOCKS = {"state": _STATE, "lines": _LINES}
_NODE = 0x64617970  # the first of two numbers: the lock that a node holds on its name for as long as it lives

_SERVER_SETTINGS = {
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": "10s",  # a node that hangs with the lock in its hand lets go of it
    "timezone": "UTC",
    "tcp_keepalives_idle": "5",  # the server lets go of what a node held that vanished
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    # keepalives rest while something is not acknowledged: a NOTIFY to a node that vanished kept its session there, and with it its name
    "tcp_user_timeout": "10000",
}
_LIVELY = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}  # a peer that vanished

# What is acknowledged is on disk, whatever the server's default is; `remote_apply` and the like are the owner's to choose.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"

_CLEAR = ("disable", "allow", "prefer")  # modes of libpq that need no TLS ("SSL Support", table "SSL Mode Descriptions")
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)

log = logging.getLogger(__name__)


class Bounded(psycopg.Connection[Any]):
    """A connection that gives up: an answer that does not come before the deadline (deadline.py) breaks it."""

    @classmethod
    def open(cls, arguments: dict[str, Any]) -> Bounded:
        """A connection with the time that is left. Raises psycopg.OperationalError."""
        left = min(seconds_left(CONNECT_SECONDS), CONNECT_SECONDS)
        if left < 1:
            raise psycopg.OperationalError("no time is left to connect")
        return cls.connect(**arguments, connect_timeout=max(int(left), LEAST_SECONDS))

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """What psycopg does whenever it waits for the server, with an end to it."""
        try:
            return super().wait(gen, interval, seconds_left(PATIENT_SECONDS) if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()  # whatever comes of the statement, nobody waits for it any more
            raise psycopg.OperationalError("the database did not answer in time") from None


def read_url(text: str) -> URL:
    """The URL of a database as the operator wrote it. Raises ConfigError, above all for one with a password: others could read it."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError("--db wants postgresql://USER@HOST:PORT/DATABASE") from None
    if url.get_backend_name() != "postgresql" or url.drivername != "postgresql":
        raise ConfigError("--db wants postgresql://USER@HOST:PORT/DATABASE")
    if url.password is not None or {"password", "sslpassword"} & url.query.keys():
        raise ConfigError(
            "--db has a password in it, which every user of this host can read in the list of processes, and which is now to be changed: "
            "leave it out and give --db-password-file FILE, or use ~/.pgpass"
        )
    return url


def _arguments(url: URL, password: Secret | None) -> dict[str, Any]:
    given = url.translate_connect_args(username="user", database="dbname") | dict(url.query)
    if not _stays_here(given):
        if "sslmode" not in given:
            given["sslmode"] = "verify-full"  # libpq's own default takes any server, and plain text
            given.setdefault("sslrootcert", os.environ.get("PGSSLROOTCERT", "system"))
        if given["sslmode"] in _CLEAR:
            raise ConfigError(
                f"--db has sslmode={given['sslmode']}, by which every row, and the password, may cross the network in the clear: use "
                "?sslmode=verify-full&sslrootcert=FILE, with the CA of the database's certificate in FILE"
            )
        if given["sslmode"] == "require" and "sslrootcert" not in given:
            log.warning("TLS to the database verifies nobody", extra={"sslmode": "require", "use": "?sslmode=verify-full&sslrootcert=FILE"})
    if password is not None:
        given["password"] = password.reveal().decode()
    options = " ".join(f"-c {name}={value}" for name, value in _SERVER_SETTINGS.items())
    named = {"application_name": "daypass", "options": f"{given.pop('options', '')} {options}".strip()}
    return _LIVELY | given | named


def _stays_here(given: Mapping[str, Any]) -> bool:
    """Whether libpq, which takes from its environment what it is not given, connects to this machine for sure."""
    if "service" in given or "PGSERVICE" in os.environ:
        return False
    where = given.get("hostaddr") or os.environ.get("PGHOSTADDR") or given.get("host") or os.environ.get("PGHOST", "")
    return all(map(_is_here, str(where).split(",")))


def _is_here(host: str) -> bool:
    """Whether a connection to `host` does not leave this machine: a unix socket, or loopback."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def open_postgres(text: str, password: Secret | None) -> tuple[Engine, Callable[[], psycopg.Connection[Any]]]:
    """An engine for the database at that URL, and what opens a further connection for a Listener. Raises ConfigError for a bad URL."""
    url = read_url(text)
    arguments = _arguments(url, password)
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        creator=lambda: Bounded.open(arguments),
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_pre_ping=True,  # a server that was restarted costs no change
        pool_use_lifo=True,
    )
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine, lambda: psycopg.connect(**arguments, connect_timeout=CONNECT_SECONDS, autocommit=True)


def _connected(connection: Any, record: object) -> None:
    connection.execute(_DURABLE)
    connection.commit()


def _begun(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("patient"):
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{PATIENT_SECONDS}s'")
    lock = LOCKS.get(options.get("lock", "state"))
    if lock is not None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")


def notify(connection: Connection, seq: int) -> None:
    """Tell the listeners of all nodes, when this transaction is committed, that the feed has come to `seq`."""
    connection.exec_driver_sql("SELECT pg_notify(%s, %s)", (CHANNEL, str(seq)))


class Listener:
    """A thread that calls `heard(seq)` when the feed has come to `seq`, and `heard(0)` when it may have missed something.

    A broken connection is made anew. What it misses meanwhile the poll finds: it only makes news come sooner. Its session holds the name
    of the node as well. Raises ConfigError when another process lives under that name: two would write one chain.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], node: str, heard: Callable[[int], None]) -> None:
        self._connect = connect
        self._node = node
        self._heard = heard
        self._ended = threading.Event()
        try:
            first = self._open()
        except psycopg.Error as error:
            raise ConfigError(f"The database cannot be listened to: {error}") from error
        if first is None:
            raise ConfigError(
                f"Another process runs as {node} on this database: a data directory was copied. In one of the two remove the file `node` "
                "and the folder `ledger`, which is the other one's."
            )
        self._thread = threading.Thread(target=self._run, args=(first,), name="listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._thread.join(2 * LISTEN_AGAIN + CONNECT_SECONDS)

    def _open(self) -> psycopg.Connection[Any] | None:
        """A session that listens and holds the node's name; None when another one has it."""
        connection = self._connect()
        taken = connection.execute("SELECT pg_try_advisory_lock(%s, %s::int)", (_NODE, _signed(zlib.crc32(self._node.encode())))).fetchone()
        if taken is None or not taken[0]:
            connection.close()
            return None
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def _run(self, connection: psycopg.Connection[Any] | None) -> None:
        while not self._ended.is_set():
            try:
                connection = connection or self._open()
                if connection is None:
                    log.error("another process runs under the name of this node", extra={"node": self._node})
                else:
                    with connection:
                        self._listen(connection)
            except psycopg.Error as error:
                log.info("the listener lost the database", extra={"error": type(error).__name__})
            connection = None
            self._ended.wait(LISTEN_AGAIN)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        self._heard(0)
        while not self._ended.is_set():
            for told in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                # anybody who may connect may notify; it says no more than "look"
                self._heard(int(told.payload) if _NUMBER.fullmatch(told.payload) else 0)


def _signed(number: int) -> int:
    """32 bits as PostgreSQL's integer."""
    return number - (1 << 32) if number >= 1 << 31 else number
