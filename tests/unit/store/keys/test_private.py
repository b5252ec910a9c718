"""Files with secrets: whose they may be, and by which links they are reached (M22, H79)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daypass.store.keys import FileKey, read_private
from daypass.values.errors import ConfigError
from rig.require import require_root

STRANGER = 12345


def _read(path: Path) -> bytes:
    return read_private(path, "key file", 100)


def _file(path: Path, mode: int = 0o600) -> Path:
    path.write_bytes(b"secret")
    path.chmod(mode)
    return path


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A Secret volume as the kubelet's atomic writer makes it: `root.key → ..data/root.key`, `..data → ..2026_12_01`."""
    volume = tmp_path / "volume"
    (volume / "..2026_12_01").mkdir(parents=True)
    volume.chmod(0o1777)
    _file(volume / "..2026_12_01" / "root.key", 0o400)
    (volume / "..data").symlink_to("..2026_12_01")
    (volume / "root.key").symlink_to("..data/root.key")
    return volume


def test_a_mounted_secret_is_read_through_its_links(mounted: Path) -> None:
    assert _read(mounted / "root.key") == b"secret"


def test_a_key_file_in_a_mounted_secret_opens_and_is_never_made_there(mounted: Path, tmp_path: Path) -> None:
    FileKey(tmp_path / "made").begin()
    target = mounted / "..2026_12_01" / "root.key"
    target.chmod(0o600)
    target.write_bytes((tmp_path / "made").read_bytes())
    FileKey(mounted / "root.key").begin()
    target.unlink()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        FileKey(mounted / "root.key").begin()
    assert not target.exists()


def test_M22_a_link_or_directory_that_others_could_exchange_is_not_followed(mounted: Path) -> None:
    mounted.chmod(0o777)  # without the sticky bit anybody can rename what is in it
    with pytest.raises(ConfigError, match="could place or exchange"):
        _read(mounted / "root.key")
    mounted.chmod(0o755)
    assert _read(mounted / "root.key") == b"secret"
    (mounted / "..2026_12_01").chmod(0o775)
    with pytest.raises(ConfigError, match="could place or exchange"):
        _read(mounted / "root.key")


@pytest.mark.parametrize("what", ["root.key", "..data", "..2026_12_01", "."])
def test_M22_a_link_or_directory_of_another_user_is_not_followed(mounted: Path, what: str) -> None:
    require_root("only root gives a link away")
    os.chown(mounted / what, STRANGER, -1, follow_symlinks=False)
    with pytest.raises(ConfigError, match="could place or exchange"):
        _read(mounted / "root.key")


def test_M22_the_file_behind_a_link_is_held_to_the_rule(mounted: Path) -> None:
    (mounted / "..2026_12_01" / "root.key").chmod(0o444)
    with pytest.raises(ConfigError, match="chmod 600"):
        _read(mounted / "root.key")


def test_links_that_go_round_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ConfigError):
        _read(tmp_path / "a")


def test_absolute_links_and_links_upwards_are_walked(tmp_path: Path) -> None:
    _file(tmp_path / "key")
    (tmp_path / "absolute").symlink_to(tmp_path / "key")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "upwards").symlink_to("../key")
    (tmp_path / "directory").symlink_to("below")
    assert _read(tmp_path / "absolute") == _read(tmp_path / "below" / "upwards") == b"secret"
    with pytest.raises(ConfigError, match="regular file"):
        _read(tmp_path / "directory")


# -- whose the file is, as a user that is not root sees it


class _As:
    """Files by another user's eyes: this process's effective uid is that of `nobody` meanwhile."""

    def __enter__(self) -> None:
        os.setegid(STRANGER)
        os.seteuid(STRANGER)

    def __exit__(self, *raised: object) -> None:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """A directory that a user other than root reaches."""
    require_root("this is about root's files and another user")
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == os.geteuid() and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    return tmp_path


@pytest.mark.parametrize("mode", [0o440, 0o640, 0o400])
def test_M22_roots_file_may_be_the_groups_to_read(open_path: Path, mode: int) -> None:
    """`defaultMode: 0400` with `fsGroup` is root's, 0440."""
    path = _file(open_path / "key", mode)
    os.chown(path, 0, STRANGER)
    if mode == 0o400:
        with _As(), pytest.raises(ConfigError, match="Permission denied"):
            _read(path)
        return
    with _As():
        assert _read(path) == b"secret"


@pytest.mark.parametrize("mode", [0o444, 0o660, 0o444 | 0o040, 0o450, 0o646])
def test_M22_roots_file_is_nobody_elses(open_path: Path, mode: int) -> None:
    path = _file(open_path / "key", mode)
    os.chown(path, 0, STRANGER)
    with _As(), pytest.raises(ConfigError, match="chmod 640"):
        _read(path)


def test_M22_a_file_of_a_third_user_is_refused(open_path: Path) -> None:
    path = _file(open_path / "key", 0o444)
    os.chown(path, STRANGER + 1, STRANGER)
    with _As(), pytest.raises(ConfigError, match=f"belongs to uid {STRANGER + 1}"):
        _read(path)
