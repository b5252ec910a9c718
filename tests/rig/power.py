"""The power goes: what a disk holds then, of what a process did to its files. What was not fsynced may be there, in part, or not at all.

powercut.c keeps the journal. The rules are POSIX's own, harder than most file systems': the bytes of a file are there after an fsync of
the file, its name after an fsync of its directory; until then any part of what was written may be there (whole sectors, in any order), and
any first part of a directory's changes.
"""

from __future__ import annotations

import os
import random  # noqa: TID251  # cases of a test, from a seed
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rig.require import require

SECTOR = 512
_HEAD = struct.Struct("<cQQII")


def build(folder: Path) -> Path:
    """Compile the library into `folder`."""
    compiler = require("cc", "apt-get install gcc libc6-dev")
    made = folder / "powercut.so"
    source = Path(__file__).with_suffix("").parent / "powercut.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", made, source, "-ldl"], check=True, timeout=60)
    return made


@dataclass
class Inode:
    """A file: what is surely there, and what was done since its last sync, as (offset, bytes) or (size, None) for a truncation."""

    durable: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        """All of it is there."""
        for change in self.since:
            _apply(self.durable, change)
        self.since.clear()


@dataclass
class Folder:
    """A directory: its names as they surely are, and what was done to them since its last sync, as (name, inode or None)."""

    durable: dict[str, int | None] = field(default_factory=dict)  # None is a folder
    since: list[list[tuple[str, int | None, bool]]] = field(default_factory=list)  # name, inode, whether it is there afterwards

    def now(self) -> dict[str, int | None]:
        """The names as a process sees them."""
        names = dict(self.durable)
        for changes in self.since:
            _rename(names, changes)
        return names


class Disk:
    """The directory `root`, whose processes run with `environment`. `cut` turns what is there into what a power cut leaves."""

    def __init__(self, root: Path, library: Path, log: Path, deaf: str = "") -> None:
        self.root, self._log = root, log
        self.environment = {
            "LD_PRELOAD": str(library), "POWERCUT_DIR": str(root), "POWERCUT_LOG": str(log), "POWERCUT_DEAF": deaf
        }  # fmt: skip
        self.syncs = 0
        self._inodes: dict[int, Inode] = {}
        self._folders: dict[str, Folder] = {}
        self.begin_anew()

    def cut(self, rng: random.Random, *, keep: float) -> None:
        """Of each change that was not synced, `keep` is the chance that it is there all the same."""
        self._replay()
        names = {path: self._left(folder, rng, keep) for path, folder in self._folders.items()}
        files: list[tuple[Path, bytes]] = []
        folders = []
        waiting = [str(self.root)]
        while waiting:
            place = waiting.pop()
            for name, inode in names.get(place, {}).items():
                path = f"{place}/{name}"
                if inode is None:
                    folders.append(Path(path))
                    waiting.append(path)
                else:
                    files.append((Path(path), self._torn(self._inodes[inode], rng, keep)))
        for entry in self.root.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for folder in folders:
            folder.mkdir(0o700)
        for path, data in files:
            path.touch(0o600)
            path.write_bytes(data)
        self.begin_anew()

    def begin_anew(self) -> None:
        """What is there now is there for good."""
        self._log.write_bytes(b"")
        self._inodes, self._folders = {}, {}
        for place, folders, files in os.walk(self.root):
            self._folders[place] = Folder(dict.fromkeys(folders))
            for name in files:
                inode = os.stat(f"{place}/{name}").st_ino
                self._folders[place].durable[name] = inode
                self._inodes[inode] = Inode(bytearray(Path(place, name).read_bytes()))

    def _replay(self) -> None:
        for kind, inode, offset, path, data in _records(self._log.read_bytes()):
            place, _, name = path.rpartition("/")
            if kind == "C":
                self._inodes[inode] = Inode()
                self._folder(place).since.append([(name, inode, True)])
            elif kind in "WT" and inode in self._inodes:
                self._inodes[inode].since.append((offset, data if kind == "W" else None))
            elif kind == "S" and inode in self._inodes:
                self._inodes[inode].sync()
                self.syncs += 1
            elif kind == "D":
                folder = self._folder(path)
                folder.durable, folder.since = folder.now(), []
            elif kind == "M":
                self._folders[path] = Folder()
                self._folder(place).since.append([(name, None, True)])
            elif kind in "UX":
                self._folder(place).since.append([(name, None, False)])
            elif kind in "RL":
                self._move(place, name, data.decode(), kind == "R")

    def _move(self, place: str, name: str, target: str, gone: bool) -> None:
        there, _, called = target.rpartition("/")
        moved = self._folder(place).now().get(name)
        self._folder(there).since.append([(called, moved, True), *([(name, None, False)] if gone and there == place else [])])
        if gone and there != place:
            self._folder(place).since.append([(name, None, False)])

    def _folder(self, path: str) -> Folder:
        return self._folders.setdefault(path, Folder())

    @staticmethod
    def _left(folder: Folder, rng: random.Random, keep: float) -> dict[str, int | None]:
        names = dict(folder.durable)
        for changes in folder.since:
            if rng.random() >= keep:
                break
            _rename(names, changes)
        return names

    @staticmethod
    def _torn(inode: Inode, rng: random.Random, keep: float) -> bytes:
        left = bytearray(inode.durable)
        for offset, data in inode.since:
            if data is None:
                if rng.random() < keep:
                    _apply(left, (offset, None))
                continue
            for start in range(-(offset % SECTOR), len(data), SECTOR):
                part = data[max(start, 0) : start + SECTOR]
                if rng.random() < keep:
                    _apply(left, (offset + max(start, 0), part))
        return bytes(left)


def _apply(data: bytearray, change: tuple[int, bytes | None]) -> None:
    offset, written = change
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    if written is None:
        del data[offset:]
    else:
        data[offset : offset + len(written)] = written


def _rename(names: dict[str, int | None], changes: list[tuple[str, int | None, bool]]) -> None:
    for name, inode, there in changes:
        if there:
            names[name] = inode
        else:
            names.pop(name, None)


def _records(data: bytes) -> Iterator[tuple[str, int, int, str, bytes]]:
    at = 0
    while at + _HEAD.size <= len(data):
        kind, inode, offset, name, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        yield kind.decode(), inode, offset, data[at : at + name].decode(), data[at + name : at + name + size]
        at += name + size
