"""Retention while the server works: files of the ledger go as lines are written, followed and verified, and nothing looks like a theft."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import rig.server
from daypass.cli import control
from rig.server import Server, clean_environment, running
from rig.wait import until

KEEP_SECONDS = 4
# The server as it is installed, but for the measure of three things: how long lines are kept, how often it looks, how large a file is.
QUICK = f"""#!{sys.executable} -P
import sys
from datetime import timedelta
import daypass.settings as settings
from daypass.cli.main import main
from daypass.store.ledger import Ledger
from daypass.way import retention

settings.MIN_KEEP_LEDGER = 0
retention.EVERY = timedelta(seconds=1)
Ledger.__init__.__kwdefaults__["max_segment"] = 8_000
sys.exit(main())
"""


@contextmanager
def asking(server: Server) -> Iterator[list[Exception]]:
    """Somebody who asks again and again, a line each; gives what went wrong."""
    wrong: list[Exception] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(0.02):
            try:
                control.call(str(server.data), "DescribeServer")
            except Exception as error:  # judged by the test
                wrong.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        thread.join()


def files(data: Path) -> list[int]:
    """The numbers of the ledger's files."""
    return sorted(int(path.stem) for path in (data / "ledger").glob("*.jsonl"))


def test_files_go_while_lines_are_written_followed_and_verified(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = tmp_path / "daypass"
    quick.write_text(QUICK)
    quick.chmod(0o700)
    monkeypatch.setattr(rig.server, "DAYPASS", str(quick))
    keep = ("--keep-ledger", str(KEEP_SECONDS / 86_400))
    with running(data_dir, *keep) as server, (tmp_path / "followed").open("wb") as out, asking(server) as wrong:
        command = [str(quick), "events", "--follow", "-o", "json", "--operation", "DescribeServer", "--data", str(data_dir)]
        follower = subprocess.Popen(command, env=clean_environment(), stdout=out, stderr=subprocess.PIPE)
        verified = []
        try:

            def is_gone() -> bool:
                done = server.command("events", "verify", "-o", "json", check=False)
                verified.append((done.returncode, done.stdout[:300]))
                return files(data_dir)[0] >= 8

            until(is_gone, "files go", 60)
            assert follower.poll() is None
        finally:
            follower.terminate()
            _, said = follower.communicate(timeout=20)
        assert [one for one in verified if one[0] != 0] == []
        assert len(verified) > 3
        assert wrong == []
        seen = [json.loads(line)["requestID"] for line in (tmp_path / "followed").read_text().splitlines() if line.endswith("}")]
        assert len(seen) == len(set(seen)) > 50, said
        rest = [json.loads(line) for line in server.command("events", "--all", "-o", "json").stdout.splitlines()]
        kept = [one["requestID"] for one in rest if one["eventName"] == "DescribeServer"]
        assert kept
        both = [one for one in seen if one in set(kept)]
        assert both == kept[: len(both)]  # none was passed over
    with running(data_dir, *keep) as server:
        told = json.loads(server.command("events", "verify", "-o", "json").stdout)
        assert told["Intact"], told
    (data_dir / "ledger" / f"{files(data_dir)[0]:06}.jsonl").unlink()  # what retention did not take is missed
    with running(data_dir) as server:
        told = json.loads(server.command("events", "verify", "-o", "json", check=False).stdout)
        assert not told["Intact"]
