"""store/backup/sealed.py: frames come back in their order and whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from daypass.store.backup.sealed import MAGIC, Writer, is_backup, read_frames
from daypass.store.keys import FileKey
from daypass.store.keys.root import LocalKey
from daypass.values.errors import ConfigError

FRAMES = [b"first", b"second" * 50_000, b"", b"third"]
HEAD = 4  # bytes before the head, and before each frame


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    FileKey(tmp_path / "root.key").begin()
    return tmp_path / "root.key"


@pytest.fixture
def file(tmp_path: Path, key_file: Path) -> Path:
    key = FileKey(key_file)
    key.resume(b'{"kind":"file"}')
    with (tmp_path / "b").open("wb") as out:
        writer = Writer(out, "i" * 32, b'{"kind":"file"}', key)
        for number, frame in enumerate(FRAMES):
            writer.write(frame, last=number == len(FRAMES) - 1)
    return tmp_path / "b"


def frames(path: Path, key_file: Path) -> list[bytes]:
    return list(read_frames(path, FileKey(key_file), lambda _: None))


def parts(raw: bytes) -> tuple[bytes, list[bytes]]:
    """The file up to its first frame, and its frames with their lengths."""
    at = len(MAGIC)
    at += HEAD + int.from_bytes(raw[at : at + HEAD], "big")
    head, found = raw[:at], []
    while at < len(raw):
        end = at + HEAD + int.from_bytes(raw[at : at + HEAD], "big")
        found.append(raw[at:end])
        at = end
    return head, found


def test_what_was_written_is_read(file: Path, key_file: Path) -> None:
    assert frames(file, key_file) == FRAMES
    assert is_backup(file)
    assert b"second" not in file.read_bytes()


def test_F28_cut_anywhere_it_is_refused(file: Path, key_file: Path) -> None:
    raw = file.read_bytes()
    head, sealed = parts(raw)
    ends = {len(head) + sum(map(len, sealed[:number])) for number in range(len(sealed))}
    for size in sorted({*range(0, 300, 7), *ends, *(end + 2 for end in ends), len(raw) - 1}):
        file.write_bytes(raw[:size])
        with pytest.raises(ConfigError):
            frames(file, key_file)


def test_F28_a_flipped_bit_anywhere_it_is_refused(file: Path, key_file: Path) -> None:
    raw = file.read_bytes()
    for place in range(0, len(raw), 3):
        file.write_bytes(raw[:place] + bytes([raw[place] ^ 1 << place % 8]) + raw[place + 1 :])
        with pytest.raises(ConfigError):
            frames(file, key_file)


@pytest.mark.parametrize("order", [(0, 2, 1, 3), (0, 1, 1, 2, 3), (0, 1, 3), (3,), (0, 1, 2, 3, 3), (0, 1, 2, 3, 0)], ids=str)
def test_F28_frames_moved_repeated_or_left_out_are_refused(file: Path, key_file: Path, order: tuple[int, ...]) -> None:
    head, sealed = parts(file.read_bytes())
    file.write_bytes(head + b"".join(sealed[number] for number in order))
    with pytest.raises(ConfigError, match="damaged"):
        frames(file, key_file)


def test_another_root_key_opens_nothing(file: Path, tmp_path: Path) -> None:
    FileKey(tmp_path / "other").begin()
    with pytest.raises(ConfigError, match="does not open"):
        frames(file, tmp_path / "other")


def test_a_frame_of_another_backup_under_the_same_root_key_is_refused(file: Path, key_file: Path, tmp_path: Path) -> None:
    key = FileKey(key_file)
    key.resume(b'{"kind":"file"}')
    with (tmp_path / "other").open("wb") as out:
        Writer(out, "i" * 32, b'{"kind":"file"}', key).write(b"first")
    head, sealed = parts(file.read_bytes())
    file.write_bytes(head + b"".join([parts((tmp_path / "other").read_bytes())[1][0], *sealed[1:]]))
    with pytest.raises(ConfigError, match="damaged"):
        frames(file, key_file)


def test_a_key_is_made_for_each_file(tmp_path: Path) -> None:
    heads = set()
    for name in ("one", "two"):
        with (tmp_path / name).open("wb") as out:
            Writer(out, "i" * 32, b"", LocalKey(bytes(32))).write(b"same", last=True)
        heads.add(parts((tmp_path / name).read_bytes())[1][0])
    assert len(heads) == 2
