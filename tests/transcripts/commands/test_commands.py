"""Sessions at the command line, as plain text: each file here is played against a server of its own and must read the same.

A line `$ command` is run by sh beside the server's `.daypass`; what follows is its stdout, `! ` in front of stderr, `[exit N]` when N is
not 0. `<id>`, `<time>` … stand for what differs each time, `<id=name>` keeps it as `$name` for the commands below, a line `...` stands for
any lines. Runs of blanks count as one. Lines with `#` explain.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from daypass.cli import aws, control
from rig.server import Server, clean_environment, running

HERE = Path(__file__).parent
FORMS = {
    "id": r"[0-9a-f]{32}",
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "account": r"[0-9]{12}",
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
    "key": r"ASIA[A-Z2-7]{16}",
    "uid": r"[0-9]+",
    "n": r"[0-9]+",
    "port": r"[0-9]+",
    "hex": r"[0-9a-f]+",
    "text": r"\S.*?",
    "word": r"\S+",
}
_PLACE = re.compile(r"<(?P<form>[a-z]+)(?:=(?P<name>[a-z]+))?>", re.ASCII)
_REST = "..."


@dataclass
class Command:
    """One command of a transcript and what it must say."""

    line: int
    text: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    code: int = 0


def read(path: Path) -> list[Command]:
    """The commands of a transcript."""
    commands: list[Command] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("$ "):
            commands.append(Command(number, line[2:]))
        elif ended := re.fullmatch(r"\[exit ([0-9]+)\]", line):
            commands[-1].code = int(ended[1])
        elif line.startswith("! "):
            commands[-1].err.append(line[2:])
        elif line and not line.startswith("#"):
            commands[-1].out.append(line)
    return commands


def pattern_of(lines: list[str], names: set[str]) -> re.Pattern[str]:
    """What matches the expected `lines`; a name that is kept must be the same wherever it stands again."""
    parts = []
    for line in lines:
        if line == _REST:
            parts.append(r"(?:.*\n)*?")
            continue
        at, text = 0, ""
        squeezed = " ".join(line.split())
        for place in _PLACE.finditer(squeezed):
            text += re.escape(squeezed[at : place.start()])
            name, form = place["name"], FORMS[place["form"]]
            text += f"(?P<{name}>{form})" if name and name not in names else f"(?P={name})" if name else f"(?:{form})"
            names |= {name} if name else set()
            at = place.end()
        parts.append(text + re.escape(squeezed[at:]) + r"\n")
    return re.compile("".join(parts))


def squeezed(said: str) -> str:
    return "".join(" ".join(line.split()) + "\n" for line in said.splitlines() if line.strip())


def a_partner(server: Server) -> str:
    """Another account, whose OrganizationAccountAccessRole the operator may assume; its id."""
    given = control.call(str(server.data), "GetOperatorCredentials")["Credentials"]
    operator = aws.Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    members = {"Email": "it@lantern.example", "AccountName": "Lantern Audit"}
    made = aws.Client(server.url, operator).json("organizations", "AWSOrganizationsV20161128.CreateAccount", **members)
    return str(made["CreateAccountStatus"]["AccountId"])


def test_a_transcript_that_reads_otherwise_fails() -> None:
    expected = pattern_of(["SESSION  <id=one> ends", "...", "again <id=one>"], set())
    one, two = "a" * 32, "b" * 32
    assert expected.fullmatch(squeezed(f"SESSION {one}   ends\nx\ny\nagain {one}"))
    assert not expected.fullmatch(squeezed(f"SESSION {one} ends\nagain {two}"))
    assert not expected.fullmatch(squeezed(f"SESSION {one} ends"))
    assert not expected.fullmatch(squeezed(f"SESSION {one} ends\nagain {one}\nmore"))


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_reads_the_same(path: Path, tmp_path: Path) -> None:
    commands = read(path)
    assert commands
    with running(tmp_path / ".daypass") as server:
        known = {"partner": a_partner(server), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "COLUMNS": "200"}
        for command in commands:
            done = subprocess.run(
                ["sh", "-c", command.text],
                cwd=tmp_path,
                env=clean_environment(known),
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=60,
                check=False,
            )
            where = f"{path.name}:{command.line}: $ {command.text}\n{done.stdout}{done.stderr}[exit {done.returncode}]"
            assert done.returncode == command.code, where
            for lines, said in ((command.out, done.stdout), (command.err, done.stderr)):
                found = pattern_of(lines, set()).fullmatch(squeezed(said))
                assert found, f"{where}\n\nexpected:\n" + "\n".join(lines)
                known |= found.groupdict()


def test_the_profile_runs_nothing_of_the_directory_it_is_used_in(tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    for module in ("argparse.py", "json.py", "daypass.py"):
        (strange / module).write_text("import os; os.write(2, b'owned'); os._exit(1)")
    with running(tmp_path / ".daypass") as server:
        settings = dict(line.split(" = ") for line in server.aws_config.read_text().splitlines() if " = " in line)
        process = settings["credential_process"].split()
        done = subprocess.run(process, cwd=strange, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert "owned" not in done.stderr
    assert done.returncode == 0
    assert '"Version": 1' in done.stdout
