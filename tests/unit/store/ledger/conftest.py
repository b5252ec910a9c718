"""A ledger in a directory of its own, with files that can fail, for the tests of the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Gate
from typing import Any

import pytest

from daypass.store.ledger import Head, Ledger, LedgerFailed, body_of
from daypass.store.ledger.segments import SegmentFile
from daypass.values.event import Event
from daypass.values.secret import Secret

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
KEY = Secret(b"ledger key of the tests, 32 byte")
NODE = "node-1"


@dataclass
class Disk:
    """What happens to the files: `fail_write` and `fail_sync` are raised by the next calls, `gate` holds every sync until it is opened."""

    fail_write: Exception | None = None
    write_before_failing: int = 0
    fail_sync: Exception | None = None
    fail_truncate: Exception | None = None
    gate: Gate | None = None
    syncs: int = 0
    writes: int = 0
    synced_bytes: int = 0
    at_once: int = 0
    worst_at_once: int = 0
    opened: list[Path] = field(default_factory=list)

    def open(self, path: Path) -> FailingFile:
        self.opened.append(path)
        return FailingFile(path, self)


class FailingFile(SegmentFile):
    """A segment on a `Disk`."""

    def __init__(self, path: Path, disk: Disk) -> None:
        super().__init__(path)
        self._disk = disk

    def write(self, data: bytes) -> None:
        self._disk.writes += 1
        self._disk.at_once += 1
        self._disk.worst_at_once = max(self._disk.worst_at_once, self._disk.at_once)
        try:
            if self._disk.fail_write is not None:
                super().write(data[: self._disk.write_before_failing])
                raise self._disk.fail_write
            super().write(data)
        finally:
            self._disk.at_once -= 1

    def truncate(self, size: int) -> None:
        if self._disk.fail_truncate is not None:
            raise self._disk.fail_truncate
        super().truncate(size)

    def sync(self) -> None:
        self._disk.syncs += 1
        self._disk.at_once += 1
        try:
            if self._disk.gate is not None:
                assert self._disk.gate.wait(10)
            if self._disk.fail_sync is not None:
                raise self._disk.fail_sync
            super().sync()
            self._disk.synced_bytes = self.size
        finally:
            self._disk.at_once -= 1


class AwaitedLedger(Ledger):
    """A ledger whose lines can be awaited."""

    def wait_for(self, body: bytes, **how: Any) -> asyncio.Future[None]:
        """Append, and give what is done when the answer may go. Raises LedgerFailed when it is refused at once."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell(failure: LedgerFailed | None) -> None:
            if not told.done():
                told.set_result(None) if failure is None else told.set_exception(failure)

        self.append(body, tell, **how)
        if told.done() and (failure := told.exception()) is not None and not self._waiting:
            raise failure
        return told


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def ledger(tmp_path: Path, disk: Disk) -> Iterator[Callable[..., AwaitedLedger]]:
    """`ledger(**settings)`: a ledger, opened; the same directory each time. `heads` on it lists what was anchored."""
    made: list[AwaitedLedger] = []

    def make(*, anchored: Head | None = None, key: Secret = KEY, node: str = NODE, **settings: Any) -> AwaitedLedger:
        one = AwaitedLedger(tmp_path / "ledger", key, node, opener=disk.open, **settings)
        one.open(NOW, anchored)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def body(number: int | str = 0, **members: str) -> bytes:
    """The body of a line whose request id is `request-<number>`; `members` go into its parameters."""
    event = Event(
        f"request-{number}", NOW, "sts", "GetCallerIdentity", "10.0.0.1", "agent", "us-east-1", parameters=members, status=200
    )  # fmt: skip
    return body_of(event)


@pytest.fixture(name="body")
def body_fixture() -> Callable[..., bytes]:
    return body
