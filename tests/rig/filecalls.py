"""Has the k-th call of a process to its files fail (fault F-02): SQLite's calls, the ledger's, and whatever else it does below a folder.

filecalls.c is in the process, loaded before all else; this is how a test tells it what to do and reads what it has counted.
"""

from __future__ import annotations

import mmap
import struct
import subprocess
from pathlib import Path

from rig.require import require

_SIZE = 16 + (1 << 18)
_NUMBERS = struct.Struct("@4I")  # kth, error, count, bytes of the log


def build(folder: Path) -> Path:
    """Compile the library into `folder`."""
    compiler = require("cc", "apt-get install gcc libc6-dev")
    made = folder / "filecalls.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", made, Path(__file__).with_suffix(".c")], check=True, timeout=60)
    return made


class FileCalls:
    """The calls to files below `root` of processes that run with `environment`."""

    def __init__(self, root: Path, library: Path, control: Path) -> None:
        control.write_bytes(bytes(_SIZE))
        with control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self.environment = {"LD_PRELOAD": str(library), "FILECALLS_DIR": str(root), "FILECALLS_CONTROL": str(control)}

    def at(self, call: int, error: int) -> None:
        """From now on calls are counted anew, and the one of that number fails with the errno; 0 for none."""
        _NUMBERS.pack_into(self._map, 0, call, error, 0, 0)

    def disarm(self) -> bool:
        """No failure any more; says whether it came to one."""
        kth, _, count, used = _NUMBERS.unpack_from(self._map)
        _NUMBERS.pack_into(self._map, 0, 0, 0, count, used)
        return 0 < kth <= count

    @property
    def made(self) -> tuple[str, ...]:
        """The calls since `at`: what each is, and the file's name."""
        used = _NUMBERS.unpack_from(self._map)[3]
        return tuple(self._map[_NUMBERS.size : _NUMBERS.size + used].decode().splitlines())
