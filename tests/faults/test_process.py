"""`daypass process` without its server (F-33, F-34): it keeps no cache, and so gives nothing stale."""

from __future__ import annotations

import json
from pathlib import Path

from rig.server import daypass, running


def test_F33_without_a_server_nothing_is_given(data_dir: Path) -> None:
    with running(data_dir):
        assert json.loads(daypass("process", data=data_dir).stdout)["AccessKeyId"].startswith("ASIA")
        before = {path for path in data_dir.rglob("*") if path.is_file()}
    refused = daypass("process", data=data_dir, check=False)
    assert (refused.returncode, refused.stdout) == (5, "")
    assert "daypass up" in refused.stderr
    assert {path for path in data_dir.rglob("*") if path.is_file()} <= before  # F-34: no file of credentials to be torn
