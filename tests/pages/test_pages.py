"""The pages of docs/ that are typed as they stand: each block of shell, in order, into one shell, beside a real server.

A command succeeds, or ends as the comment beside it says: `# exit 6`, or the code of an AWS error. A block marked `text` is what the block
before it says, in the form of the transcripts (`<n>`, `<time>`, a line `...`). A block that a test cannot play has a comment above it with
the reason.
"""

from __future__ import annotations

import re
import socket
import subprocess
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.drivers import HINT, PLACE
from rig.require import require
from rig.server import DAYPASS, clean_environment, running
from rig.source import ROOT
from transcripts.commands.test_commands import pattern_of, squeezed

BLOCK = re.compile(r"^(?:<!-- not played: (?P<reason>[^\n]+) -->\n)?```(?P<kind>[a-z]*)\n(?P<text>.*?)^```", re.M | re.S)
COMMAND = re.compile(r"(?:.*\\\n)*.*<<END\n(?:.*\n)*?END\n|(?:.*\\\n)*.+\n", re.M)
EXIT = re.compile(r"\s# exit (?P<code>[0-9]+)$", re.M)
ERROR = re.compile(r"\s# (?P<code>[A-Z][a-z]+[A-Z][A-Za-z]+)")
TIMEOUT = 400  # seconds for a page: each command is a process of its own, on a machine that may be busy


@dataclass
class Page:
    """How a page is played: with how many commands at least, and beside which server (none: it starts its own)."""

    commands: int
    beside: str = ""
    aws: bool = False  # whether it needs the AWS CLI


PAGES = {
    "tutorial/first-ten-minutes.md": Page(18, ".daypass", aws=True),
    "how-to/guard-an-organization.md": Page(24, ".daypass", aws=True),
    "how-to/passwords-and-mfa.md": Page(23, ".daypass", aws=True),
    "how-to/run-it-for-real.md": Page(35),
    "how-to/verify-the-ledger.md": Page(1, ".daypass"),
}


@dataclass
class Block:
    """Commands to be typed one after the other, and what they say together (None: it does not matter)."""

    commands: list[str]
    says: list[str] | None = None


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page that are played."""
    found: list[Block] = []
    for match in BLOCK.finditer(text):
        if match["kind"] == "text":
            found[-1].says = match["text"].splitlines()
        elif match["kind"] == "" and match["reason"] is None:
            found.append(Block([command for command in COMMAND.findall(match["text"]) if command.strip()]))
    return found


def typed(blocks: list[Block], folder: Path, environment: dict[str, str]) -> list[tuple[Block, str, str, int]]:
    """Type all commands into one shell; for each the block that it is of, itself, what it said, and how it ended."""
    mark = uuid.uuid4().hex
    commands = [(block, command) for block in blocks for command in block.commands]
    script = "".join(f"{command}printf '\\n%s %s\\n' {mark} $?\n" for _, command in commands)
    done = subprocess.run(
        ["bash", "--norc", "-s"], input=script, cwd=folder, env=environment, timeout=TIMEOUT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    said = re.findall(rf"(.*?)\n{mark} ([0-9]+)\n", done.stdout, re.S)
    assert len(said) == len(commands), done.stdout[-3000:]
    return [(block, command, output, int(code)) for (block, command), (output, code) in zip(commands, said, strict=True)]


def wrong(played: list[tuple[Block, str, str, int]]) -> list[str]:
    """What did not go as the page says."""
    found = []
    for _, command, output, code in played:
        told, refused = EXIT.search(command), ERROR.search(command)
        if (f"({refused['code']})" not in output or not code) if refused else code != (int(told["code"]) if told else 0):
            found.append(f"$ {command}{output}\n[exit {code}]")
    for block in {id(block): block for block, *_ in played if block.says is not None}.values():
        said = squeezed("".join(output + "\n" for of, _, output, _ in played if of is block))
        if not pattern_of(block.says or [], set()).fullmatch(said):
            found.append(f"{block.commands}\nsaid:\n{said}\nthe page says:\n" + "\n".join(block.says or []))
    return found


def free_address() -> str:
    """An address of this host that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


@pytest.mark.parametrize("name", PAGES)
def test_the_page_goes_as_written(name: str, tmp_path: Path) -> None:
    blocks = blocks_of((ROOT / "docs" / name).read_text())
    assert sum(len(block.commands) for block in blocks) >= PAGES[name].commands
    path = f"{Path(DAYPASS).parent}:/usr/bin:/bin"
    if PAGES[name].aws:
        path = f"{require(PLACE / 'awscli-v2' / 'aws', HINT).parent}:{path}"
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    places = {"DATA": "data", "KEYS": "keys", "BACKUPS": "backups"}
    environment = clean_environment({"PATH": path, "HOME": str(tmp_path), "AWS_PAGER": "", "LISTEN": free_address()})
    environment |= {variable: str(tmp_path / folder) for variable, folder in places.items()}
    with ExitStack() as stack:
        if PAGES[name].beside:
            stack.enter_context(running(tmp_path / PAGES[name].beside))
        played = typed(blocks, tmp_path, environment)
    assert wrong(played) == []


def test_a_page_that_reads_otherwise_fails(tmp_path: Path) -> None:
    """The benign twin of the above: what is told wrongly is found."""
    page = "```\ntrue\nfalse   # exit 1\necho 7 lines\n```\n\n```text\n<n> lines\n```\n\n<!-- not played: why -->\n```\nfalse\n```\n"
    assert wrong(typed(blocks_of(page), tmp_path, clean_environment())) == []
    for told, otherwise in (("# exit 1", "# exit 2"), ("<n> lines", "<n> words"), ("true\n", "false\n"), ("why -->", "why -> ")):
        assert wrong(typed(blocks_of(page.replace(told, otherwise)), tmp_path, clean_environment()))
