"""store/presence.py: an open file and its path, and what parts them (fault F-06)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from daypass.store.engine import files_of, open_engine
from daypass.store.lock import lock_directory
from daypass.store.presence import Gone, Presence


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "directory" / "file"
    made.parent.mkdir()
    made.write_bytes(b"four")
    return made


def test_a_file_in_its_place_tells_its_length(file: Path) -> None:
    presence = Presence(file)
    assert presence.verify() == 4
    file.write_bytes(b"and more")
    assert presence.verify() == 8


def test_what_is_gone_is_known_and_is_back_when_it_is_the_same(file: Path) -> None:
    presence = Presence(file)
    aside = file.parent.with_name("aside")
    file.parent.rename(aside)
    with pytest.raises(Gone, match="No such file"):
        presence.verify()
    shutil.copytree(aside, file.parent)
    with pytest.raises(Gone, match="another file"):
        presence.verify()
    shutil.rmtree(file.parent)
    aside.rename(file.parent)
    assert presence.verify() == 4


def test_a_link_counts_as_what_it_leads_to(file: Path) -> None:
    presence = Presence(file)
    aside = file.rename(file.with_name("aside"))
    file.symlink_to("aside")
    assert presence.verify() == 4
    shutil.copy(aside, file.with_name("copy"))
    aside.unlink()
    with pytest.raises(Gone, match="No such file"):
        presence.verify()
    file.with_name("copy").rename(aside)
    with pytest.raises(Gone, match="another file"):
        presence.verify()


def test_a_system_that_does_not_say_counts_as_gone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    presence = Presence(file)

    def fail(*_: object, **__: object) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(os, "stat", fail)
    with pytest.raises(Gone, match="Stale file handle"):
        presence.verify()


def test_a_lock_is_that_of_its_descriptor(tmp_path: Path) -> None:
    with lock_directory(tmp_path) as held:
        held.presence.verify()
        (tmp_path / "lock").unlink()
        with lock_directory(tmp_path) as second, pytest.raises(Gone):
            second.presence.verify()
            held.presence.verify()


def test_the_files_of_a_database(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "daypass.db"
    link.symlink_to("disk/real.db")
    assert files_of(link) == []
    engine = open_engine(link)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (i)")
    assert files_of(link) == [link, tmp_path / "disk" / "real.db-wal", tmp_path / "disk" / "real.db-shm"]
    engine.dispose()
    assert files_of("postgresql://u@h/d") == []
