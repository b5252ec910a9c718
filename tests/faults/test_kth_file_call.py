"""Whichever call to a file fails while an operation writes (F-02): SQLite's and the ledger's, in a real server on files of its own.

What each writing operation does to its files is recorded first. There are few ways of it, since all of them write by the same road; one
operation of each way is then tried with every call of it failing, as a disk fails (EIO) and as one that is full (ENOSPC). With
`DAYPASS_EVERY_OPERATION=1` each operation is tried, not only one of each way.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from daypass.store.tables import TABLES
from daypass.way.operation import OPERATIONS
from matrix.samples import _SAMPLES, EXPECTED_ERROR, World, sample
from rig.filecalls import FileCalls, build
from rig.invariants import Invariants, Tail
from rig.node import START, Refused, TestNode
from rig.remote import Remote
from rig.still import environment
from rig.wait import until
from rig.warm import Warm

Row = tuple[str, str]
Rows = list[set[Any]]
Shape = list[tuple[int, int]]  # of each table: how many rows are gone, how many are new; a changed one counts as both

# Those that mint write as well: a ledger line.
WRITING = sorted(row for row, operation in OPERATIONS.items() if row in _SAMPLES and (operation.writes or row[0] == "sts"))
BY_THE_BOOK = EXPECTED_ERROR | {("sts", name): "AccessDenied" for name in ("GetSessionToken", "GetFederationToken")}  # for a session
EVERY = os.environ.get("DAYPASS_EVERY_OPERATION") == "1"
KEPT = [*(table.name for table in TABLES.values()), "changes"]
NOTHING = [(0, 0)] * len(KEPT)
MOST_WAYS = 20  # in which operations use their files
ERRORS = (errno.EIO, errno.ENOSPC)
NEVER = 3600.0
AS_LONG = 10  # calls more, and what was not done before is being made up for
UNAVAILABLE = ("ServiceUnavailable", "ServiceUnavailableException")


@dataclass
class Tried:
    """A request of an operation: what the database held `before`, its calls to files, the `number` of the one that failed (0: none)."""

    row: Row
    before: Rows = field(repr=False)
    number: int
    error: int
    request: str
    refused: Refused | None
    calls: tuple[str, ...] = field(repr=False)

    @property
    def call(self) -> str:
        """The one that failed."""
        return self.calls[self.number - 1]

    def verify_refusal(self) -> None:
        """If it was refused for that, it was for the time being, and nothing was handed out."""
        if self.refused is not None and self.refused.code != BY_THE_BOOK.get(self.row):
            assert self.refused.code in UNAVAILABLE, (self, self.call)
            assert self.refused.status == 503, (self, self.call)
            assert b"SecretAccessKey" not in self.refused.answer.body


class Site:
    """A server whose calls to its files are counted, and a world for it, made once and prepared anew for each operation."""

    def __init__(self, folder: Path, *, turning: bool = False) -> None:
        self._template = folder / "template"
        self._template.mkdir()
        self._world = World(TestNode(self._template))
        self._world.node.close()
        (self._template / "node").write_text("node-test\n")
        disk = folder / "disk"
        disk.mkdir()
        self.data, self._prepared = disk / "data", folder / "prepared"
        self.calls = FileCalls(disk, build(folder), folder / "control")
        self._said = folder / "stderr"
        self._warm = Warm(self._said, self.calls.environment | environment(NEVER, turning=turning), "rig.still")
        self.admin, self.role = self._world.admin, self._world.role_arn("spare")
        self.failed: set[str] = set()
        self._probes = count(1)
        self.row: Row = ("", "")
        self.given: dict[str, Any] = {}

    def close(self) -> None:
        self._warm.close()

    def prepare(self, row: Row) -> None:
        """What a call of this operation needs is there, as are the parameters."""
        shutil.rmtree(self._prepared, ignore_errors=True)
        world = self._world.copied(self._prepared)
        world.node.call("iam", "CreateUser", {"UserName": "spare"}, self.admin)
        self.row, self.given = row, sample(world, *row)
        world.node.close()

    def begin(self) -> None:
        """A server on what was prepared."""
        self.end()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self._prepared, self.data)
        self.start()

    def end(self) -> None:
        if self._warm.pid:
            self._warm.kill()

    def start(self) -> None:
        """Start on what is there."""
        self.end()
        said = self._warm.start("up", "--data", str(self.data), "--listen", "127.0.0.1:0")
        assert said.startswith("ready "), self._said.read_text()[-3000:]
        self.remote = Remote(said.split()[1])

    def call(self, service: str, operation: str, given: dict[str, Any] | None = None, keys: Any = None) -> Any:
        return self.remote.call(service, operation, given, keys or self.admin, now=START)

    def ask(self) -> tuple[str, Refused | None]:
        """The operation's own call: its request id, and how it was refused."""
        try:
            return self.remote.told(*self.row, self.given, self.admin, now=START)[1], None
        except Refused as refused:
            return refused.answer.headers["x-amzn-requestid"], refused

    def failing(self, number: int, error: int, first: Callable[[], None] = lambda: None) -> Tried:
        """Ask, with the call of that number failing; on a new server when this one has in memory what others would read."""
        for server in ("this", "new"):
            if server == "new":
                self.begin()
            first()
            before = self.rows()
            self.calls.at(number, error)
            request, refused = self.ask()
            came, calls = self.calls.disarm(), self.calls.made
            if came or number == 0:
                break
        assert came == (number > 0)
        return Tried(self.row, before, number, error, request, refused, calls)

    def is_stopped(self, tried: Tried) -> bool:
        """Whether nothing is changed any more until a restart, after that call failed. It must be so where it is not known what the disk
        holds, and must not be so where it was only full."""
        self.failed.add(tried.call)
        what, file = tried.call.split()
        assert self.reads() or not file.startswith("daypass.db")
        if tried.error == errno.ENOSPC and (what == "write" or (what == "open" and file.endswith(".jsonl"))):
            until(self.change, "it goes on by itself")
            return False
        goes_on = self.change()
        assert not (goes_on and tried.refused is not None and what == "sync"), tried
        return not goes_on and not self.change()

    def reads(self) -> bool:
        """Whether it answers what changes nothing."""
        try:
            self.call("sts", "GetCallerIdentity")
        except Refused as refused:
            assert refused.status == 503
            return False
        return True

    def change(self) -> bool:
        """Whether a change is made now."""
        try:
            self.call("iam", "TagUser", {"UserName": "spare", "Tags": [{"Key": "probe", "Value": str(next(self._probes))}]})
        except Refused as refused:
            assert (refused.code, refused.status) == (UNAVAILABLE[0], 503)
            return False
        return True

    def rows(self) -> Rows:
        """All that the database holds of the state. Takes the write lock: nobody may be holding it."""
        with closing(sqlite3.connect(self.data / "daypass.db", timeout=0, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            rows = [set(database.execute(f"SELECT * FROM {name}")) for name in KEPT]
            database.execute("ROLLBACK")
        return rows

    def outbox(self) -> int:
        """How many lines are kept beside their changes, until the ledger has them."""
        with closing(sqlite3.connect(self.data / "daypass.db")) as database:
            return int(database.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def lines(self) -> Counter[tuple[str, str]]:
        """How many lines there are, by the request's id and the error code."""
        tail = Tail(self.data / "ledger")
        tail.read()
        assert tail.broken == []
        return tail.codes


def shape(before: Rows, after: Rows) -> Shape:
    return [(len(old - new), len(new - old)) for old, new in zip(before, after, strict=True)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("files"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def turning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("turning"), turning=True)
    yield made
    made.close()


def test_F02_whichever_call_to_a_file_fails(site: Site) -> None:
    ways = recorded(site)
    assert len(ways) <= MOST_WAYS
    for way in ways:
        assert way[-2:] == ("write 000001.jsonl", "sync 000001.jsonl")  # the line comes last, and is durable
        assert "write daypass.db-wal" not in way or "sync daypass.db-wal" in way
    for rows in ways.values():
        tried = sorted(rows, key=lambda row: row in BY_THE_BOOK)  # those that do something first
        for row in tried if EVERY else tried[:1]:
            for error in ERRORS:
                fail_each(site, row, error)


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_F02_whichever_call_to_a_file_fails_where_files_turn(turning: Site, error: int) -> None:
    """The same where the commit moves the WAL into the database, and where the line begins a new file of the ledger."""
    fail_each(turning, ("iam", "CreateUser"), error)
    assert {"write daypass.db", "sync daypass.db", "open 000002.jsonl", "sync ledger"} <= turning.failed


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_F02_whichever_call_to_a_file_fails_behind_the_requests(site: Site, error: int) -> None:
    """What upkeep keeps: the passes that were minted, and which lines need not be kept beside their changes any more."""
    site.prepare(("daypass", "ListSessions"))  # waits for a round
    site.begin()
    minted: list[str] = []

    def mint_and_change() -> None:
        asked = {"RoleArn": site.role, "RoleSessionName": "behind"}
        minted.append(site.call("sts", "AssumeRole", asked)["Credentials"]["AccessKeyId"])
        assert site.change()

    longest = len(site.failing(0, 0, mint_and_change).calls)
    for number in range(1, longest + 1):
        tried = site.failing(number, error, mint_and_change)
        tried.verify_refusal()
        if site.is_stopped(tried):
            site.start()
        assert minted[-1] in {session["AccessKeyId"] for session in site.call("daypass", "ListSessions")["Sessions"]}
        assert site.outbox() == 0
    assert longest > 25
    assert {"write daypass.db-wal", "sync daypass.db-wal", "write 000001.jsonl", "sync 000001.jsonl"} <= site.failed


def recorded(site: Site) -> dict[tuple[str, ...], list[Row]]:
    """The sequences of calls to files, each with the operations that make it."""
    ways: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in WRITING:
        site.prepare(row)
        site.begin()
        tried = site.failing(0, 0)
        assert (tried.refused.code if tried.refused else None) == BY_THE_BOOK.get(row), row
        ways[tried.calls].append(row)
    return ways


def fail_each(site: Site, row: Row, error: int) -> None:
    """Whichever call fails, the answer is 503, and all of the change is there or nothing, before as well as after a restart."""
    site.prepare(row)
    made, longest = succeeded(site)
    site.begin()
    for number in range(1, longest + 1):
        tried = site.failing(number, error)
        tried.verify_refusal()
        changes = [shape(tried.before, site.rows())]
        if site.is_stopped(tried):
            site.start()
            changes.append(shape(tried.before, site.rows()))
            assert site.change(), tried
        assert all(change in (NOTHING, whole) for change, whole in zip(changes, made, strict=False)), (tried, changes, made)
        are_made = [change != NOTHING for change in changes]
        assert are_made == sorted(are_made), tried  # what is there stays
        assert tried.refused is not None or changes == made[: len(changes)], tried
        verify_lines(site, tried, changed=are_made[-1], changes=made[0] != NOTHING)
        if are_made[-1] or len(tried.calls) > longest + AS_LONG:
            site.begin()
    before = site.rows()
    _, refused = site.ask()
    assert (refused.code if refused else None) == BY_THE_BOOK.get(row)  # the same request, made again, succeeds
    site.start()
    assert shape(before, site.rows()) == made[1]
    assert Invariants(site.call, site.data, site.admin, good=[site.admin]).violations() == []


def succeeded(site: Site) -> tuple[list[Shape], int]:
    """What the operation changes when nothing fails, before and after a restart, and how many calls a new server makes for it."""
    site.begin()
    tried = site.failing(0, 0)
    made = shape(tried.before, site.rows())
    site.start()  # which may take the replacement of a key a step further
    return [made, shape(tried.before, site.rows())], len(tried.calls)


def verify_lines(site: Site, tried: Tried, *, changed: bool, changes: bool) -> None:
    """One line a request, or none where no disk takes it; a refused change that was made all the same has its own as well."""
    codes = site.lines()
    told, own = codes[tried.request, UNAVAILABLE[0]], codes[tried.request, BY_THE_BOOK.get(site.row, "")]
    assert told <= (tried.refused is not None), tried
    assert own <= 1, tried
    if changed or tried.refused is None:
        assert own == 1, tried
    elif changes:
        assert own == 0, tried
