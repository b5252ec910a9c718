"""The commands of the pages that are typed as they stand, one after the other into one shell: each succeeds, or fails as the comment
beside it says.
"""

from __future__ import annotations

import re
import subprocess
import uuid
from pathlib import Path

import pytest

from clients.drivers import HINT, PLACE
from rig.require import require
from rig.server import clean_environment, running
from rig.source import ROOT

# With how many commands each has at least.
PAGES = {"tutorial/first-ten-minutes.md": 18, "how-to/guard-an-organization.md": 24, "how-to/passwords-and-mfa.md": 23}
BLOCK = re.compile(r"^```\n(.*?)^```", re.M | re.S)
COMMAND = re.compile(r"(?:.*\\\n)*.*<<END\n(?:.*\n)*?END\n|(?:.*\\\n)*.+\n", re.M)
ERROR = re.compile(r"\s# (?P<code>[A-Z][a-z]+[A-Z][A-Za-z]+)")
BY_THE_TEST = ("make up",)  # the fixture's part
TIMEOUT = 240  # a client starts some thirty times


@pytest.mark.parametrize("page", PAGES)
def test_the_page_goes_as_written(page: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / page).read_text()
    commands = [c for block in BLOCK.findall(text) for c in COMMAND.findall(block) if c.strip() not in BY_THE_TEST]
    assert len(commands) >= PAGES[page]
    aws = require(PLACE / "awscli-v2" / "aws", HINT)
    mark = uuid.uuid4().hex
    script = "".join(f"{command}printf '\\n%s %s\\n' {mark} $?\n" for command in commands)
    with running(tmp_path / ".daypass"):
        (tmp_path / ".venv").symlink_to(ROOT / ".venv")
        environment = clean_environment({"PATH": f"{aws.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "AWS_PAGER": ""})
        done = subprocess.run(
            ["bash", "--norc", "-s"], input=script, cwd=tmp_path, env=environment, timeout=TIMEOUT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
    said = re.findall(rf"(.*?)\n{mark} ([0-9]+)\n", done.stdout, re.S)
    assert len(said) == len(commands), done.stdout[-2000:]
    for command, (output, code) in zip(commands, said, strict=True):
        expected = ERROR.search(command)
        assert (code != "0") == bool(expected), f"$ {command}{output}"
        assert expected is None or f"({expected['code']})" in output, f"$ {command}{output}"
