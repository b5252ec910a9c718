from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daypass.store.ledger import Head, Ledger, Report, verify
from daypass.values.secret import Secret

MakeLedger = Callable[..., Ledger]
Body = Callable[..., bytes]
KEY = Secret(b"ledger key of the tests, 32 byte")
NODE = "node-1"
LINES = 24

Segments = list[list[bytes]]


@pytest.fixture
def head(ledger: MakeLedger, body: Body) -> Head:
    one = ledger(max_segment=2500)
    for n in range(LINES):
        one.append_sync([body(n)])
    one.close()
    return one.head


def read(directory: Path) -> Segments:
    return [path.read_bytes().splitlines(keepends=True) for path in sorted(directory.glob("*.jsonl"))]


def check(directory: Path, segments: Segments, head: Head) -> Report:
    """Verify what `segments` would be, beside the true ones."""
    other = directory.with_name("other")
    other.mkdir(exist_ok=True)
    for path in other.iterdir():
        path.unlink()
    for number, lines in enumerate(segments, 1):
        (other / f"{number:06d}.jsonl").write_bytes(b"".join(lines))
    return verify(other, KEY, NODE, anchored=head)


def place(segments: Segments, number: int) -> tuple[int, int]:
    """Segment (from 0) and position (from 0) of line `number` (from 0)."""
    for segment, lines in enumerate(segments):
        if number < len(lines):
            return segment, number
        number -= len(lines)
    raise AssertionError(number)


fixtures = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = st.integers(0, LINES - 1)


def test_an_untouched_ledger_is_sound(directory: Path, head: Head) -> None:
    assert len(read(directory)) > 3
    assert check(directory, read(directory), head) == Report(LINES, 1, LINES, [], 0)


@fixtures
@given(number=numbers, at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_byte_is_found_at_its_line(directory: Path, head: Head, number: int, at: int, flip: int) -> None:
    segments = read(directory)
    segment, position = place(segments, number)
    line = bytearray(segments[segment][position])
    line[at % len(line)] ^= flip
    segments[segment][position] = bytes(line)
    report = check(directory, segments, head)
    assert not report.sound
    assert (report.findings[0].segment, report.findings[0].line) == (segment + 1, position + 1)


@fixtures
@given(number=numbers)
def test_a_missing_line_is_found(directory: Path, head: Head, number: int) -> None:
    segments = read(directory)
    segment, position = place(segments, number)
    del segments[segment][position]
    report = check(directory, segments, head)
    kinds = {finding.kind for finding in report.findings}
    assert kinds & {"missing", "cut"}
    if number < LINES - 1:
        assert f"line {number + 1} is not here" in report.findings[0].text
    else:
        assert f"ends with line {LINES - 1}" in report.findings[0].text


@fixtures
@given(number=numbers, other=numbers)
def test_two_lines_exchanged_are_found(directory: Path, head: Head, number: int, other: int) -> None:
    segments = read(directory)
    (one, at), (two, there) = place(segments, number), place(segments, other)
    segments[one][at], segments[two][there] = segments[two][there], segments[one][at]
    report = check(directory, segments, head)
    assert report.sound == (number == other)
    if number != other:
        first = min((one, at), (two, there))
        assert (report.findings[0].segment, report.findings[0].line) == (first[0] + 1, first[1] + 1)


@fixtures
@given(number=numbers, other=numbers)
def test_a_line_that_stands_twice_is_found(directory: Path, head: Head, number: int, other: int) -> None:
    segments = read(directory)
    (one, at), (two, there) = place(segments, number), place(segments, other)
    segments[two].insert(there, segments[one][at])
    assert not check(directory, segments, head).sound


@fixtures
@given(number=numbers, size=st.integers(0, 300))
def test_a_cut_is_found_wherever_it_is(directory: Path, head: Head, number: int, size: int) -> None:
    segments = read(directory)
    segment, position = place(segments, number)
    line = segments[segment][position]
    cut = [*segments[:segment], [*segments[segment][:position], line[: size % len(line)]]]
    report = check(directory, cut, head)
    assert "cut" in {finding.kind for finding in report.findings}


@fixtures
@given(number=st.integers(0, LINES - 2))
def test_two_lines_run_together_are_found(directory: Path, head: Head, number: int) -> None:
    segments = read(directory)
    segment, position = place(segments, number)
    segments[segment][position] = segments[segment][position][:-1]
    assert not check(directory, segments, head).sound


@pytest.mark.parametrize("which", [0, 1, -1])
def test_a_missing_segment_is_found(directory: Path, head: Head, which: int) -> None:
    segments = read(directory)
    del segments[which]
    report = check(directory, segments, head)
    assert {"missing", "cut"} & {finding.kind for finding in report.findings}


def test_segments_exchanged_are_found(directory: Path, head: Head) -> None:
    segments = read(directory)
    segments[1], segments[2] = segments[2], segments[1]
    assert not check(directory, segments, head).sound


def test_one_altered_line_does_not_hide_another(directory: Path, head: Head) -> None:
    segments = read(directory)
    for number in (3, 9, 17):
        segment, position = place(segments, number)
        segments[segment][position] = segments[segment][position].replace(b"10.0.0.1", b"10.0.0.2")
    report = check(directory, segments, head)
    assert [finding.kind for finding in report.findings] == ["altered"] * 3
    assert [place(segments, number) for number in (3, 9, 17)] == [(f.segment - 1, f.line - 1) for f in report.findings]
    assert str(report.findings[0]).endswith(":4: altered: line 4, or the one before it, is not what was written")


def test_without_an_anchor_a_cut_tail_cannot_be_seen(directory: Path, head: Head) -> None:
    """Which is why the head is kept away from the files."""
    whole = read(directory)
    segments = [*whole[:-1], whole[-1][:-1]]
    assert [finding.kind for finding in check(directory, segments, head).findings] == ["cut"]
    (directory / f"{len(whole):06d}.jsonl").write_bytes(b"".join(whole[-1][:-1]))
    assert verify(directory, KEY, NODE).sound


def test_a_chain_written_anew_from_some_line_on_is_found_by_its_anchor(ledger: MakeLedger, body: Body, directory: Path, head: Head) -> None:
    """Whoever has the ledger key can write another history, and still cannot make it end as it was anchored."""
    for path in directory.iterdir():
        path.unlink()
    one = ledger()
    one.append_sync([body(f"forged-{n}") for n in range(LINES)])
    report = verify(directory, KEY, NODE, anchored=head)
    assert [(finding.kind, finding.line) for finding in report.findings] == [("foreign-head", LINES)]
    assert verify(directory, KEY, NODE, anchored=one.head).sound


@pytest.mark.parametrize(("key", "node"), [(Secret(b"o" * 32), NODE), (KEY, "node-2")])
def test_with_another_key_or_node_no_line_holds(directory: Path, head: Head, key: Secret, node: str) -> None:
    report = verify(directory, key, node)
    assert len(report.findings) == LINES
    assert {finding.kind for finding in report.findings} == {"altered"}


def test_what_retention_took_is_no_finding_when_it_is_told(directory: Path, head: Head) -> None:
    segments = read(directory)
    gone = len(segments[0])
    (directory / "000001.jsonl").unlink()
    assert [finding.kind for finding in verify(directory, KEY, NODE, anchored=head).findings] == ["missing"]
    report = verify(directory, KEY, NODE, anchored=head, first=gone + 1)
    assert report == Report(LINES - gone, gone + 1, LINES, [], 0)


def test_a_ledger_in_use_is_verified_up_to_its_durable_head(directory: Path, head: Head) -> None:
    path = max(directory.glob("*.jsonl"))
    with path.open("ab") as file:
        file.write(b'{"seq":25,"eventVers')
    assert [finding.kind for finding in verify(directory, KEY, NODE, anchored=head).findings] == ["torn"]
    assert verify(directory, KEY, NODE, anchored=head, upto=head.seq).sound
    assert verify(directory, KEY, NODE, upto=head.seq - 5).lines == LINES - 5
    assert [f.kind for f in verify(directory, KEY, NODE, upto=head.seq + 1).findings] == ["torn", "cut"]


def test_an_empty_ledger_is_sound_unless_something_was_anchored(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert verify(tmp_path / "empty", KEY, NODE).sound
    assert not verify(tmp_path / "empty", KEY, NODE, anchored=Head(NODE, 1, bytes(32))).sound


def test_findings_are_bounded(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "000001.jsonl").write_bytes(b"junk\n" * 1500)
    report = verify(tmp_path / "junk", KEY, NODE)
    assert (len(report.findings), report.more, report.lines) == (1000, 500, 1500)
