"""One process for each data directory; one that others can look into is told of."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from daypass.store.lock import lock_directory
from daypass.values.errors import ConfigError


def test_a_directory_is_made_private(tmp_path: Path) -> None:
    lock_directory(tmp_path / "deep" / "data").release()
    assert stat.S_IMODE((tmp_path / "deep" / "data").stat().st_mode) == 0o700


def test_a_second_lock_is_refused_with_the_holders_pid(tmp_path: Path) -> None:
    with lock_directory(tmp_path), pytest.raises(ConfigError, match=f"in use by process {os.getpid()}:"):
        lock_directory(tmp_path)
    lock_directory(tmp_path).release()


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    hold = "import sys,pathlib; from daypass.store.lock import lock_directory as l; h=l(pathlib.Path(sys.argv[1])); print('held'); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match=f"process {holder.pid}:"):
            lock_directory(tmp_path)
        holder.kill()
    lock_directory(tmp_path).release()


@pytest.mark.parametrize(("mode", "told"), [(0o700, False), (0o750, True), (0o701, True), (0o702, True)])
def test_m22_an_open_directory_is_told_of_with_the_mend(tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, told: bool) -> None:
    tmp_path.chmod(mode)
    lock_directory(tmp_path).release()
    assert [f"chmod 700 {tmp_path}"] * told == [vars(record)["mend"] for record in caplog.records]
