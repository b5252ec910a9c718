import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.store.ledger.segments import SegmentFile, segment_numbers, segment_path, split_lines


@given(data=st.lists(st.sampled_from([b"\n", b"\r", b"\x0b", b"\x85", b"a", b"\0"]), max_size=20).map(b"".join))
def test_lines_end_at_newlines_and_nowhere_else(data: bytes) -> None:
    lines = split_lines(data)
    assert b"".join(lines) == data
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines[:-1])
    assert not lines or lines[-1].count(b"\n") in (0, 1)
    assert b"" not in lines


def test_only_segments_count(tmp_path: Path) -> None:
    for name in ("000002.jsonl", "000010.jsonl", "1.jsonl", "000003.torn", "000004.jsonl.bak", "٠٠٠٠٠٥.jsonl", "000006.jsonl\n"):
        (tmp_path / name).touch()
    assert segment_numbers(tmp_path) == [2, 10]
    assert segment_path(tmp_path, 10).name == "000010.jsonl"


def test_a_write_goes_on_until_all_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, real = SegmentFile(tmp_path / "000001.jsonl"), os.write
    monkeypatch.setattr("daypass.store.ledger.segments.os.write", lambda fd, data: real(fd, bytes(data)[:3]))
    file.write(b"abcdefgh\n")
    assert file.size == 9
    file.sync()
    file.truncate(4)
    file.write(b"XY")
    file.close()
    assert (tmp_path / "000001.jsonl").read_bytes() == b"abcdXY"


def test_an_existing_segment_is_appended_to_and_private(tmp_path: Path) -> None:
    for expected in (2, 4):
        file = SegmentFile(tmp_path / "000001.jsonl")
        file.write(b"x\n")
        assert file.size == expected
        file.close()
    assert (tmp_path / "000001.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_new_segment_whose_name_may_not_be_on_disk_is_broken(tmp_path: Path, error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never merely full: tried again, the file would be there, and its name would not be synced any more."""

    def fail(directory: Path) -> None:
        raise OSError(error, "the disk")

    monkeypatch.setattr("daypass.store.ledger.segments.sync_directory", fail)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="not durable") as broken:
        SegmentFile(tmp_path / "000001.jsonl")
    assert broken.value.errno == errno.EIO
    assert os.listdir("/proc/self/fd") == before
