"""cli/main.py: commands are found and run, trouble becomes an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import daypass as package
from daypass.cli import main as room
from daypass.cli.exits import CONFIG, DENIED, OK, SIGN_IN, UNREACHABLE, USAGE


def test_every_command_has_a_module_and_help(daypass: Any) -> None:
    for command in room.COMMANDS:
        ended = daypass(command, "--help")
        assert ended.code == OK
        assert "--data DIR" in ended.out
        assert "-o" in ended.out


def test_help_lists_the_commands_and_the_exit_codes(daypass: Any) -> None:
    said = daypass("--help").out
    assert all(command in said for command in room.COMMANDS)
    assert "3 sign-in needed" in said


@pytest.mark.parametrize("words", [(), ("nothing",), ("sessions", "--nothing"), ("-o", "yaml", "version"), ("env", "--profile")])
def test_a_wrong_command_line_ends_with_2_and_says_so_on_stderr(daypass: Any, words: tuple[str, ...]) -> None:
    ended = daypass(*words)
    assert (ended.code, ended.out) == (USAGE, "")
    assert "usage: daypass" in ended.err


def test_the_codes_are_those_of_the_contract() -> None:
    assert (OK, USAGE, SIGN_IN, DENIED, UNREACHABLE, CONFIG) == (0, 2, 3, 4, 5, 6)


def test_data_and_output_count_before_and_after_the_command(daypass: Any, fake: Any) -> None:
    fake.reply("ListSessions", {"Sessions": []})
    for words in (("--data", fake.data, "-o", "json", "sessions"), ("sessions", "--data", fake.data, "-o", "json")):
        ended = daypass(*words)
        assert (ended.code, json.loads(ended.out)) == (OK, [])


def test_the_default_directory_is_dot_daypass(daypass: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = daypass("sessions")
    assert ended.code == UNREACHABLE
    assert ended.err == "daypass: no daypass is running on ./.daypass\n  try: daypass up --data ./.daypass\n"


def test_a_directory_with_the_name_of_a_command_is_a_directory(daypass: Any) -> None:
    ended = daypass("--data", "events", "sessions")
    assert ended.code == UNREACHABLE
    assert "no daypass is running on events" in ended.err


def test_trouble_is_told_without_terminal_control(daypass: Any, fake: Any) -> None:
    fake.reply("ListSessions", (400, {"__type": "AccessDeniedException", "message": "no\x1b[2Jthing"}))
    ended = daypass("--data", fake.data, "sessions")
    assert ended.code == DENIED
    assert "\x1b" not in ended.err
    assert "no\\x1b[2Jthing" in ended.err


def test_interruption_ends_as_shells_expect(daypass: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("daypass.cli.version.run", interrupted)
    assert daypass("version").code == 130


def test_a_reader_that_leaves_early_is_no_error(fake: Any) -> None:
    fake.reply("ListEvents", {"Events": [json.dumps({"eventName": "x" * 9000})] * 200, "Position": 1}, {"Events": [], "Position": 1})
    script = f"import sys; from daypass.cli.main import main; sys.exit(main(['--data', {str(fake.data)!r}, '-o', 'json', 'events']))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout and child.stderr
        child.stdout.read(10)
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == OK


def test_version(daypass: Any) -> None:
    assert daypass("version").out == f"daypass {package.__version__}\n"
    assert json.loads(daypass("version", "-o", "json").out) == {"Version": package.__version__}
