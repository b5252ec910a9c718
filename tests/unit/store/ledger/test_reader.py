from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daypass.store.ledger import Ledger, Line, Reader, Wanted, body_of
from daypass.store.ledger import reader as reader_module
from daypass.values.caller import Caller
from daypass.values.event import Event
from daypass.values.session import Ancestor, Origin, Session

MakeLedger = Callable[..., Ledger]
Body = Callable[..., bytes]
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def names(lines: Any) -> list[str]:
    return [line.entry.requestID if line.entry else "?" for line in lines]


@pytest.fixture
def six(ledger: MakeLedger, body: Body) -> Ledger:
    one = ledger(max_segment=900)
    for n in range(1, 7):
        one.append_sync([body(n)])
    return one


@pytest.mark.parametrize("after", range(8))
def test_lines_come_in_order_after_a_number(six: Ledger, directory: Path, after: int) -> None:
    assert len(list(directory.iterdir())) > 1
    assert names(Reader(directory, after).read()) == [f"request-{n}" for n in range(after + 1, 7)]


def test_reading_goes_on_where_it_stopped(six: Ledger, body: Body, directory: Path) -> None:
    reader = Reader(directory, after=4)
    assert names(reader.read()) == ["request-5", "request-6"]
    assert names(reader.read()) == []
    for n in range(7, 12):
        six.append_sync([body(n)])
        assert names(reader.read()) == [f"request-{n}"]
    six.append_sync([body(n) for n in range(12, 20)])
    part = reader.read()
    assert next(part).entry is not None
    part.close()
    assert names(reader.read()) == [f"request-{n}" for n in range(13, 20)]


def test_a_reader_may_come_before_the_first_line(ledger: MakeLedger, body: Body, directory: Path) -> None:
    one = ledger()
    reader = Reader(directory)
    assert names(reader.read()) == []
    one.append_sync([body(1)])
    assert names(reader.read()) == ["request-1"]


def test_a_line_that_is_being_written_is_left_for_later(six: Ledger, directory: Path) -> None:
    path = max(directory.glob("*.jsonl"))
    whole = path.read_bytes()
    reader = Reader(directory, after=5)
    path.write_bytes(whole[:-20])
    assert names(reader.read()) == []
    path.write_bytes(whole)
    assert names(reader.read()) == ["request-6"]


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_the_size_of_the_pieces_does_not_matter(six: Ledger, directory: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(reader_module, "_CHUNK", chunk)
    assert names(Reader(directory).read()) == [f"request-{n}" for n in range(1, 7)]


def test_what_cannot_be_read_is_shown_and_not_passed_over(six: Ledger, directory: Path) -> None:
    path = min(directory.glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"junk\n" + b"".join(lines))
    assert next(Reader(directory).read(Wanted(account="none"))) == Line(b"junk\n", None)
    assert names(Reader(directory, after=1).read())[0] == "request-2"
    path.write_bytes(lines[0] + b"junk\n" + b"".join(lines[1:]))
    assert names(Reader(directory, after=1).read())[:2] == ["?", "request-2"]
    assert "?" not in names(Reader(directory, after=2).read())


def session(number: int, *ancestors: Ancestor) -> Session:
    return Session(
        bytes([number] * 16), f"ASIA{number:016d}", "role", "123456789012", "AROAX", "n", 1, 2, Origin("sigv4", "AKIA"), ancestors=ancestors
    )


def ancestor(one: Session) -> Ancestor:
    return Ancestor(one.id, one.principal_id, one.issued)


FIRST = session(1)
SECOND = session(2, ancestor(FIRST))
THIRD = session(3, ancestor(FIRST), ancestor(SECOND))
ALICE = Caller("user", "111111111111", "arn:aws:iam::111111111111:user/alice", "AIDAALICE", "arn:alice", "AIDAALICE", "AKIAALICE")


def role(one: Session) -> Caller:
    arn = "arn:aws:sts::123456789012:assumed-role/App/n"
    return Caller("role", "123456789012", arn, "AROAX:n", "arn:aws:iam::123456789012:role/App", "AROAX", one.key_id, session=one)


EVENTS = {
    "a": {"caller": ALICE, "operation": "AssumeRole", "minted": FIRST},
    "b": {"caller": role(FIRST), "operation": "AssumeRole", "minted": SECOND},
    "c": {"caller": role(SECOND), "operation": "AssumeRole", "minted": THIRD, "time": NOW + timedelta(hours=1)},
    "d": {"caller": role(THIRD), "operation": "GetCallerIdentity"},
    "e": {"caller": ALICE, "service": "iam", "operation": "CreateRole", "error_code": "AccessDenied"},
    "f": {"caller": None, "operation": "AssumeRole", "error_code": "InvalidClientTokenId", "claimed_key_id": "AKIAGHOST"},
}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), "abcdef"),
        (Wanted(account="111111111111"), "ae"),
        (Wanted(account="123456789012"), "bcd"),
        (Wanted(operation="AssumeRole"), "abcf"),
        (Wanted(operation="sts:AssumeRole"), "abcf"),
        (Wanted(operation="iam:AssumeRole"), ""),
        (Wanted(operation="assumerole"), ""),
        (Wanted(principal=ALICE.arn), "ae"),
        (Wanted(principal="AIDAALICE"), "ae"),
        (Wanted(principal="AKIAALICE"), "ae"),
        (Wanted(principal="AROAX"), "bcd"),
        (Wanted(principal="AROAX:n"), "bcd"),
        (Wanted(principal=SECOND.key_id), "c"),
        (Wanted(principal="AKIAGHOST"), "f"),
        (Wanted(error="*"), "ef"),
        (Wanted(error="AccessDenied"), "e"),
        (Wanted(session=FIRST.id.hex()), "abcd"),
        (Wanted(session=SECOND.id.hex()), "bcd"),
        (Wanted(session=THIRD.id.hex()), "cd"),
        (Wanted(since=NOW), "abcdef"),
        (Wanted(since=NOW + timedelta(seconds=1)), "c"),
        (Wanted(since=NOW + timedelta(hours=2)), ""),
        (Wanted(account="111111111111", error="*"), "e"),
    ],
)
def test_lines_are_found_by_what_they_say(ledger: MakeLedger, directory: Path, wanted: Wanted, found: str) -> None:
    one = ledger()
    defaults = {"time": NOW, "service": "sts", "source_ip": "", "user_agent": ""}
    arguments: list[dict[str, Any]] = [{"request_id": name, **defaults, **members} for name, members in EVENTS.items()]
    one.append_sync([body_of(Event(**each)) for each in arguments])
    assert "".join(names(Reader(directory).read(wanted))) == found


def test_files_that_retention_takes_meanwhile_are_passed_over(six: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are listed, and gone when they are opened."""
    listed = reader_module.segment_numbers(six.directory)
    assert len(listed) == 3
    monkeypatch.setattr(reader_module, "segment_numbers", lambda directory: listed)
    everything = [line.entry.seq for line in Reader(six.directory).read() if line.entry]
    reading = Reader(six.directory)
    for number in listed[:2]:
        (six.directory / f"{number:06}.jsonl").unlink()
    left = [line.entry.seq for line in reading.read() if line.entry]
    assert left
    assert left == everything[-len(left) :] != everything
    assert [line.entry.seq for line in Reader(six.directory, 1).read() if line.entry] == left
