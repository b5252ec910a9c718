"""Removing a guard makes a test fail: ≥ 90 % of the mutants of verifiers and policy engine die, all of those that compare a signature."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")
SHARE = 0.9
COMPARE = "sigv4:verify_signature"


@pytest.mark.parametrize(("group", "least"), [("sigv4", 500), ("totp", 90), ("jwt", 550), ("documents", 240), ("policy", 1600)])
def test_mutants_are_killed(group: str, least: int) -> None:
    done = subprocess.run([sys.executable, str(RUN), group], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    *survivors, report = done.stdout.splitlines()
    score = json.loads(report)[group]
    killed, total = (sum(counts[at] for counts in score.values()) for at in (0, 1))
    assert total >= least, "the run lost its mutants"
    assert killed >= SHARE * total, f"{killed} of {total} killed\n" + "\n".join(survivors)
    if group == "sigv4":
        assert score[COMPARE][1] >= 10
        assert score[COMPARE][0] == score[COMPARE][1], "\n".join(survivors)
