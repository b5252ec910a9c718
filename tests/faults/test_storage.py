"""Disks that are full, read-only or fail (F-03 to F-06), the clock (F-19), a wrong root key (F-22): in process, before a real ledger."""

from __future__ import annotations

import asyncio
import errno
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daypass.doors.aws import AwsDoor
from daypass.doors.health import health
from daypass.store import open_store
from daypass.store.keys import root_key
from daypass.store.ledger import Ledger, Shipper
from daypass.store.ledger.segments import SegmentFile
from daypass.values.errors import ConfigError
from daypass.values.request import Response
from daypass.way.clock import Clock
from daypass.way.upkeep import Upkeep
from rig.node import Keys, Refused, request_for
from unit.way.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.it.close()


class Disk:
    """Has space, or has none, or is broken."""

    def __init__(self) -> None:
        self.error = 0

    def opener(self, path: Path) -> SegmentFile:
        disk = self

        class File(SegmentFile):
            def write(self, data: bytes) -> None:
                if disk.error:
                    raise OSError(disk.error, "the disk")
                super().write(data)

        return File(path)


class Door:
    """The AWS door before the node of a town, with a ledger on a disk that tests spoil."""

    def __init__(self, town: Town) -> None:
        self.town, self.disk = town, Disk()
        town.it.node.ledger.close()
        name = "node-test"
        self.ledger = Ledger(town.it.directory / "ledger", town.it.node.ledger_key, name, opener=self.disk.opener)
        self.ledger.open(town.it.now)
        town.it.node.ledger = self.ledger
        self.storage = ThreadPoolExecutor(1)
        upkeep = Upkeep(name, town.it.store, Shipper(town.it.directory / "ledger", 0), self.storage, lambda: town.it.now)
        self.door = AwsDoor(town.it.node, lambda: town.it.now, {"storage": self.storage, "outside": self.storage}, upkeep)

    async def call(self, operation: str, parameters: dict[str, Any] | None = None, service: str = "iam") -> Response:
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.door.start(request_for(service, operation, parameters or {}, self.town.operator, self.town.it.now), answered.set_result)
        return await answered

    def users(self) -> set[str]:
        return {user.name for user in self.town.it.store.snapshot.users.of(self.town.account)}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_F04_a_full_disk_of_the_ledger(town: Town, error: int) -> None:
    """Changes and new passes are refused, reading goes on, and all is well when there is space again; no line is lost."""

    async def scene(door: Door) -> None:
        assert (await door.call("CreateUser", {"UserName": "before"})).status == 200
        lines = door.ledger.head.seq
        door.disk.error = error
        assert (await door.call("ListUsers")).status == 200  # its line waits
        assert door.ledger.state == "full"
        assert health(town.it.node, town.it.now).status == 503
        assert (await door.call("CreateUser", {"UserName": "refused"})).status == 503
        assert (await door.call("ListUsers")).status == 200
        arn = f"arn:aws:iam::{town.account}:role/r"
        passes = await door.call("AssumeRole", {"RoleArn": arn, "RoleSessionName": "s1"}, "sts")
        assert passes.status == 503
        assert b"SecretAccessKey" not in passes.body
        assert door.users() == {"before"}
        door.disk.error = 0
        await asyncio.wait_for(_until_ok(door), 10)
        assert (await door.call("CreateUser", {"UserName": "after"})).status == 200
        assert door.ledger.head.seq == lines + 5
        assert health(town.it.node, town.it.now).status == 200
        await door.ledger.drain()

    town.role("r")
    door = Door(town)
    asyncio.run(scene(door))
    assert door.users() == {"before", "after"}


def test_F06_a_volume_that_became_read_only(town: Town) -> None:
    """A write that is refused has written nothing: as with a full disk, verifying goes on, and all is well when it can be written again."""
    test_F04_a_full_disk_of_the_ledger(town, errno.EROFS)


async def _until_ok(door: Door) -> None:
    while door.ledger.state != "ok":
        await asyncio.sleep(0.02)


def test_F05_a_ledger_that_fails_acknowledges_nothing_more(town: Town) -> None:
    async def scene(door: Door) -> None:
        door.disk.error = errno.EIO
        assert (await door.call("ListUsers")).status == 503
        door.disk.error = 0
        assert (await door.call("ListUsers")).status == 503  # a disk that works again proves nothing
        assert (await door.call("CreateUser", {"UserName": "u"})).status == 503

    door = Door(town)
    asyncio.run(scene(door))
    assert door.users() == set()


def test_F04_a_change_whose_line_fails_is_in_the_outbox(town: Town) -> None:
    """Committed and not acknowledged: its line is written at the next start, from the outbox."""

    async def scene(door: Door) -> None:
        door.disk.error = errno.EIO
        assert (await door.call("CreateUser", {"UserName": "u"})).status == 503

    door = Door(town)
    before = door.ledger.head.seq
    asyncio.run(scene(door))
    door.ledger.close()
    assert door.users() == {"u"}
    again = Ledger(town.it.directory / "ledger", town.it.node.ledger_key, "node-test")
    again.open(town.it.now)
    town.it.node.ledger = again
    assert len(again.recover(town.it.store.outbox_lines())) >= 1
    text = b"".join(path.read_bytes() for path in sorted((town.it.directory / "ledger").iterdir()))
    assert text.count(b'"UserName":"u"') == 1
    assert again.head.seq > before


def test_F03_a_full_disk_of_the_database(town: Town) -> None:
    """SQLite is given no page more: changes are refused as a whole, reading and passes go on, and it recovers by itself."""
    with town.it.store._engine.connect() as held:  # the pool's one connection of this thread
        pages = held.exec_driver_sql("PRAGMA page_count").scalar_one()
        held.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    keys = town.operator
    refused = None
    for number in range(200):
        try:
            town.iam("CreateUser", UserName=f"u{number}", Tags=[{"Key": f"k{n}", "Value": "v" * 250} for n in range(40)])
        except Refused as error:
            refused = error
            break
    assert refused is not None
    assert (refused.code, refused.status) == ("ServiceUnavailable", 503)
    names = {user["UserName"] for user in town.iam("ListUsers")["Users"]}
    assert names == {f"u{n}" for n in range(number)}
    assert town.sts("GetCallerIdentity", keys)
    with town.it.store._engine.connect() as held:
        held.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert town.iam("CreateUser", UserName=f"u{number}")


# -- F-19


def test_F19_a_clock_set_back_revives_nothing_also_over_a_restart(town: Town) -> None:
    keys = town.session(town.user("u"), town.role("r"), DurationSeconds=900)
    wall = [town.it.now]
    clock = Clock(wall=lambda: wall[0])
    wall[0] += timedelta(days=1)
    town.it.store.raise_clock(clock())
    wall[0] -= timedelta(days=1)
    for reading in (clock, Clock(town.it.store.clock_high_water, lambda: wall[0])):
        town.it.now = reading()
        town.it.store.catch_up(town.it.now)
        with pytest.raises(Refused) as refused:
            expired(town, keys)
        assert refused.value.code == "ExpiredToken"


def expired(town: Town, keys: Keys) -> Any:
    return town.sts("GetCallerIdentity", keys)


def test_F19_a_clock_that_jumps_forward_does_not_stop_a_lone_node(town: Town) -> None:
    town.it.store.close()
    key = root_key(town.it.directory / "root.key")
    town.it.store = town.it.node.store = open_store(town.it.directory / "daypass.db", key, town.it.now, alone=True)
    keys = town.user("u")
    town.it.now += timedelta(days=400)
    assert town.sts("GetCallerIdentity", keys)  # with a fresh signature
    assert health(town.it.node, town.it.now).status == 200


# -- F-22


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


@pytest.mark.parametrize("damage", ["another", "short", "gone"])
def test_F22_a_wrong_root_key_opens_nothing_and_overwrites_nothing(tmp_path: Path, damage: str) -> None:
    town = Town(tmp_path / "one")
    town.user("u")
    town.it.close()
    key = tmp_path / "one" / "root.key"
    good = key.read_bytes()
    copy = tmp_path / "before.db"
    shutil.copy(tmp_path / "one" / "daypass.db", copy)
    if damage == "another":
        root_key(tmp_path / "other.key")
        Town(tmp_path / "two").it.close()
        shutil.copy(tmp_path / "two" / "root.key", key)
    elif damage == "short":
        key.write_bytes(good[: len(good) // 2])
    else:
        key.unlink()
    with pytest.raises(ConfigError):
        open_store(tmp_path / "one" / "daypass.db", root_key(key), town.it.now)
    assert dump(copy) == dump(tmp_path / "one" / "daypass.db")
    key.write_bytes(good)
    key.chmod(0o600)
    store = open_store(tmp_path / "one" / "daypass.db", root_key(key), town.it.now)
    assert [user.name for user in store.snapshot.users.of(town.account)] == ["u"]
    store.close()
