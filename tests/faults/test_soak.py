"""Constant load for a while (F-39): memory, files and database stay as they are. `DAYPASS_SOAK_SECONDS` says how long; an hour is 3600."""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from pathlib import Path

from rig.invariants import Invariants
from rig.node import Keys
from rig.remote import Remote
from rig.server import running

SECONDS = float(os.environ.get("DAYPASS_SOAK_SECONDS", "30"))
LOOKS = 12  # at memory and files, over the second half
MOST_GROWTH = 3.0  # MiB between the first and the last third of these: an allocator is not still


def memory(pid: int) -> float:
    """Resident MiB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_F39_under_constant_load_nothing_grows(data_dir: Path) -> None:
    with running(data_dir) as server:
        remote = Remote(server.url)
        keys = Keys.of(json.loads(server.command("process").stdout))
        stop = threading.Event()
        acknowledged: list[str] = []

        def load(name: str) -> None:
            while not stop.is_set():
                for operation in ("CreateUser", "GetUser", "CreateAccessKey"):
                    answer, request_id = remote.told("iam", operation, {"UserName": name}, keys)
                    acknowledged.append(request_id)
                key = answer["AccessKey"]["AccessKeyId"]
                remote.call("sts", "GetCallerIdentity", {}, Keys.of(answer["AccessKey"]))
                remote.call("iam", "DeleteAccessKey", {"UserName": name, "AccessKeyId": key}, keys)
                remote.call("iam", "DeleteUser", {"UserName": name}, keys)

        threads = [threading.Thread(target=load, args=(f"u{number}",)) for number in range(2)]
        for thread in threads:
            thread.start()
        threads[0].join(SECONDS / 2)
        begun = time.monotonic()
        looks = []
        for _ in range(LOOKS):
            threads[0].join(SECONDS / 2 / LOOKS)
            looks.append((memory(server.process.pid), files(server.process.pid)))
        stop.set()
        for thread in threads:
            thread.join()
        assert time.monotonic() - begun >= SECONDS / 3
        third = LOOKS // 3
        grown = statistics.median(size for size, _ in looks[-third:]) - statistics.median(size for size, _ in looks[:third])
        print(f"{len(acknowledged)} changes, {grown:+.2f} MiB, {looks[-1][1]} files")
        assert grown < MOST_GROWTH
        assert max(count for _, count in looks[-third:]) <= max(count for _, count in looks[:third]) + 4  # connections come and go
        assert Invariants(remote.call, data_dir, keys, acknowledged=acknowledged).violations() == []
