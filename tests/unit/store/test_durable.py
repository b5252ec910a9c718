"""Durable files: as a whole or as they were, for their owner alone. That they survive a power cut is tests/faults/test_power.py's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daypass.store.durable import make_directory, write_file


def test_a_file_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "note"
    write_file(file, b"one")
    write_file(file, b"two")
    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o777 == 0o600

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_file(file, b"three")
    assert file.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [file]


def test_an_exclusive_file_is_never_overwritten_and_a_draft_left_behind_is_no_hindrance(tmp_path: Path) -> None:
    file = tmp_path / "key"
    (tmp_path / "key.new").write_bytes(b"ha")  # of a run that was cut short
    write_file(file, b"one", exclusive=True)
    with pytest.raises(FileExistsError):
        write_file(file, b"two", exclusive=True)
    assert file.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [file]


def test_directories_are_made_with_what_is_above_them(tmp_path: Path) -> None:
    make_directory(tmp_path / "a" / "b")
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
