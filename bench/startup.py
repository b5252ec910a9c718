"""How long people wait: a server until it serves, a `credential_process` until it has answered. And what the server keeps in memory."""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

from bench import targets

PROCESS_RUNS = 15
READY_RUNS = 3


def process_ms(folder: Path, name: str = "daypass") -> float:
    """Median ms of a whole `daypass process` against the server running on folder/name."""
    took = []
    for _ in range(PROCESS_RUNS):
        begun = time.perf_counter()
        subprocess.run([targets.beside("daypass"), "process", "--data", str(folder / name)], capture_output=True, check=True, timeout=30)
        took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took)


def ready_seconds(folder: Path, name: str = "daypass") -> float:
    """Median seconds from the start of the process to its ready line, on the sample world in folder/name."""
    took = []
    for _ in range(READY_RUNS):
        with targets.started("again", targets.daypass(folder, name=name), folder) as target:
            took.append(target.ready)
    return statistics.median(took)
