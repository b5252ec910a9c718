import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daypass.store.ledger import Head, Ledger, Reader, verify
from daypass.store.ledger import opening as opening_module
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

MakeLedger = Callable[..., Ledger]
Body = Callable[..., bytes]
KEY = Secret(b"ledger key of the tests, 32 byte")
NODE = "node-1"


def filled(ledger: MakeLedger, body: Body, count: int = 5, max_segment: int = 1 << 20) -> Head:
    one = ledger(max_segment=max_segment)
    for n in range(count):
        one.append_sync([body(n)])
    one.close()
    return one.head


def last(directory: Path) -> Path:
    return max(directory.glob("*.jsonl"))


def test_an_empty_directory_is_an_empty_ledger(ledger: MakeLedger, directory: Path) -> None:
    one = ledger()
    assert one.head == (NODE, 0, bytes(32))
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("torn", [b"{", b'{"seq":6,"a":', b"\0" * 4096, b"junk\nmore junk\n", b'{"seq":6,"eventVersion":"1.11"}\n'])
def test_a_torn_tail_is_cut_kept_aside_and_told(ledger: MakeLedger, body: Body, directory: Path, torn: bytes) -> None:
    head = filled(ledger, body)
    whole = last(directory).read_bytes()
    last(directory).write_bytes(whole + torn)
    one = ledger(anchored=head)
    assert one.head.seq == head.seq + 1
    assert last(directory).read_bytes().startswith(whole)
    notice = json.loads(last(directory).read_bytes()[len(whole) :])
    assert (notice["eventName"], notice["daypass"]["recovered"]) == ("LedgerRecovered", {"cutBytes": len(torn), "lostLines": 0})
    assert last(directory).with_suffix(".torn").read_bytes() == torn
    assert (last(directory).with_suffix(".torn").stat().st_mode & 0o777) == 0o600
    one.append_sync([body(9)])
    assert verify(directory, KEY, NODE, anchored=one.head).sound


def test_a_whole_ledger_is_opened_without_a_word(ledger: MakeLedger, body: Body, directory: Path) -> None:
    head = filled(ledger, body)
    before = last(directory).read_bytes()
    assert ledger(anchored=head).head == head
    assert last(directory).read_bytes() == before
    assert list(directory.glob("*.torn")) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_000))
def test_cut_anywhere_every_whole_line_survives(ledger: MakeLedger, body: Body, directory: Path, cut: int) -> None:
    """F-01: a crash in the middle of a write."""
    for path in directory.glob("*") if directory.exists() else ():
        path.unlink()
    filled(ledger, body)
    whole = last(directory).read_bytes()
    kept = whole[: cut % (len(whole) + 1)]
    last(directory).write_bytes(kept)
    one = ledger()
    lines = [line.entry for line in Reader(directory).read()]
    names = [entry.requestID for entry in lines if entry is not None and entry.requestID]
    assert names == [f"request-{n}" for n in range(kept.count(b"\n"))]
    assert all(lines)
    one.append_sync([body("after")])
    one.close()
    assert verify(directory, KEY, NODE, anchored=one.head).sound


def test_a_hole_inside_the_last_batch_is_part_of_the_tail(ledger: MakeLedger, body: Body, directory: Path) -> None:
    """After a power loss a page in the middle of a batch can be missing; nothing behind it was acknowledged."""
    filled(ledger, body)
    lines = last(directory).read_bytes().splitlines(keepends=True)
    last(directory).write_bytes(b"".join(lines[:3]) + b"\0" * len(lines[3]) + lines[4][:100])
    assert ledger().head.seq == 4  # three lines and the notice
    assert [line.entry.requestID for line in Reader(directory).read() if line.entry] == ["request-0", "request-1", "request-2", ""]


def test_whole_lines_behind_a_hole_were_not_acknowledged_either(ledger: MakeLedger, body: Body, directory: Path) -> None:
    """Their own MACs hold, but nobody can verify what they follow: they go with the hole, down to what was durable for certain."""
    filled(ledger, body, count=8)
    lines = last(directory).read_bytes().splitlines(keepends=True)
    last(directory).write_bytes(b"".join([*lines[:3], b"\0" * (len(lines[3]) - 1) + b"\n", *lines[4:]]))
    one = ledger(anchored=Head(NODE, 3, bytes(32)))
    assert one.head.seq == 4
    assert verify(directory, KEY, NODE).findings == []
    assert last(directory).with_suffix(".torn").read_bytes().endswith(lines[7])


def test_a_first_batch_without_its_beginning_is_taken_away(ledger: MakeLedger, body: Body, directory: Path) -> None:
    filled(ledger, body, count=4)
    lines = last(directory).read_bytes().splitlines(keepends=True)
    last(directory).write_bytes(b"\0" * len(lines[0]) + b"".join(lines[1:]))
    assert ledger().head.seq == 1
    assert verify(directory, KEY, NODE).findings == []


def test_a_line_altered_before_good_ones_is_not_cut(ledger: MakeLedger, body: Body, directory: Path) -> None:
    """That is no tear but an alteration: it stays, for verify to show."""
    head = filled(ledger, body)
    data = last(directory).read_bytes().replace(b"request-2", b"request-X")
    last(directory).write_bytes(data)
    one = ledger(anchored=head)
    assert one.head == head
    assert last(directory).read_bytes() == data
    assert [finding.line for finding in verify(directory, KEY, NODE).findings] == [3]


def test_lines_that_were_anchored_and_are_gone_are_told_for_good(ledger: MakeLedger, body: Body, directory: Path) -> None:
    head = filled(ledger, body)
    lines = last(directory).read_bytes().splitlines(keepends=True)
    last(directory).write_bytes(b"".join(lines[:2]))
    one = ledger(anchored=head)
    for n in range(10):  # grow beyond the anchored number
        one.append_sync([body(n)])
    one.close()
    report = verify(directory, KEY, NODE, anchored=one.head)
    assert [(finding.kind, finding.line) for finding in report.findings] == [("lost", 3)]
    assert "3 lines" in report.findings[0].text


def test_another_key_cuts_nothing(ledger: MakeLedger, body: Body, directory: Path) -> None:
    filled(ledger, body)
    before = last(directory).read_bytes()
    for wrong in ({"key": Secret(b"o" * 32)}, {"node": "node-2"}):
        with pytest.raises(ConfigError, match="does not fit its key"):
            ledger(**wrong)
    assert last(directory).read_bytes() == before
    assert list(directory.glob("*.torn")) == []


def test_a_segment_whose_first_batch_was_torn_is_taken_away(ledger: MakeLedger, body: Body, directory: Path) -> None:
    head = filled(ledger, body)
    for content in (b"", b'{"seq":6,"prev":"'):
        (directory / "000002.jsonl").write_bytes(content)
        one = ledger(anchored=head)
        one.close()
        head = one.head
        assert sorted(path.name for path in directory.glob("*.jsonl")) == ["000001.jsonl"]
        assert verify(directory, KEY, NODE, anchored=head).sound


def test_the_end_of_a_long_segment_is_found_in_its_last_part(
    ledger: MakeLedger, body: Body, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening_module, "_WINDOW", 2000)
    head = filled(ledger, body, count=40)
    with last(directory).open("ab") as file:
        file.write(b'{"seq":41,')
    one = ledger(anchored=head)
    assert one.head.seq == 41
    one.close()
    with pytest.raises(ConfigError):
        ledger(key=Secret(b"o" * 32))


def test_stopped_again_and_again(ledger: MakeLedger, body: Body, directory: Path) -> None:
    """F-01 in small: many stops at random places, over several segments; the chain holds at the end and counts every line."""
    whole = 0
    for round_ in range(25):
        one = ledger(max_segment=1500)
        one.append_sync([body(f"{round_}-{n}") for n in range(1 + round_ * 7 % 4)])
        one.close()
        whole = one.head.seq
        with last(directory).open("ab") as file:
            file.write(body("torn")[: round_ * 53 % 200])
    one = ledger(max_segment=1500)
    one.close()
    report = verify(directory, KEY, NODE, anchored=one.head)
    assert report.sound, report.findings
    assert report.lines == report.last >= whole
