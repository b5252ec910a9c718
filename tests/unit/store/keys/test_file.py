"""The key file: made once, private, never replaced (F-22, M22)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from daypass.store.keys import FileKey, WrongKey
from daypass.values.errors import ConfigError
from rig.require import require_root


def _made(path: Path) -> bytes:
    FileKey(path).begin()
    return path.read_bytes()


def test_a_new_key_file_is_private_and_different_each_time(tmp_path: Path) -> None:
    one, other = _made(tmp_path / "one"), _made(tmp_path / "other")
    assert one != other
    status = (tmp_path / "one").stat()
    assert stat.S_IMODE(status.st_mode) == 0o600


def test_what_was_wrapped_is_unwrapped_after_a_restart_at_its_own_place_only(tmp_path: Path) -> None:
    first = FileKey(tmp_path / "key")
    parameters = first.begin()
    wrapped = first.wrap(b"a data key", b"here")
    again = FileKey(tmp_path / "key")
    again.resume(parameters)
    assert again.unwrap(wrapped, b"here") == b"a data key"
    for bad, place in ((wrapped, b"there"), (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"here"), (b"", b"here"), (wrapped[:11], b"here")):
        with pytest.raises(WrongKey):
            again.unwrap(bad, place)


def test_a_key_file_that_is_there_is_used_by_a_new_database(tmp_path: Path) -> None:
    before = _made(tmp_path / "key")
    assert _made(tmp_path / "key") == before


def test_f22_a_missing_key_file_is_not_made_for_an_old_database(tmp_path: Path) -> None:
    parameters = FileKey(tmp_path / "key").begin()
    (tmp_path / "key").unlink()
    with pytest.raises(ConfigError, match="is missing"):
        FileKey(tmp_path / "key").resume(parameters)
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o660, 0o700, 0o644])
def test_m22_a_file_that_others_can_use_is_refused_with_the_mend(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a key"
    parameters = FileKey(path).begin()
    path.chmod(mode)
    with pytest.raises(ConfigError, match=rf"chmod 600 '{path}'"):
        FileKey(path).resume(parameters)
    path.chmod(0o400)
    FileKey(path).resume(parameters)


def test_m22_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    require_root("only root gives a file away")
    _made(tmp_path / "key")
    os.chown(tmp_path / "key", 12345, -1)
    with pytest.raises(ConfigError, match=f"belongs to uid 12345, daypass runs as {os.geteuid()}: install -m 600 "):
        FileKey(tmp_path / "key").begin()


@pytest.mark.parametrize("make", ["dangling", "directory", "fifo"])
def test_only_a_regular_file_is_opened(tmp_path: Path, make: str) -> None:
    path = tmp_path / "key"
    if make == "dangling":
        path.symlink_to(tmp_path / "nothing")
    elif make == "directory":
        path.mkdir(mode=0o600)
    else:
        os.mkfifo(path, 0o600)
    with pytest.raises(ConfigError, match="regular file"):
        FileKey(path).begin()
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"",
        lambda text: text.removeprefix(b"daypass"),
        lambda text: text[:-10],
        lambda text: text.replace(b"=\n", b"\n"),
        lambda text: text + b"more\n",
        lambda text: text.replace(b"key 1\n", b"key 1\n!"),
        lambda text: text * 5,
    ],
)
def test_a_damaged_key_file_is_refused(tmp_path: Path, change: object) -> None:
    path = tmp_path / "key"
    text = _made(path)
    damaged = change(text)  # type: ignore[operator]  # each row of the table is a function
    path.write_bytes(damaged)
    with pytest.raises(ConfigError, match="damaged"):
        FileKey(path).begin()
    assert path.read_bytes() == damaged


def test_a_database_begun_with_a_passphrase_does_not_take_a_file(tmp_path: Path) -> None:
    _made(tmp_path / "key")
    with pytest.raises(ConfigError, match="passphrase"):
        FileKey(tmp_path / "key").resume(b'{"kind":"passphrase","salt":"","iterations":1,"lanes":1,"memory":1}')
