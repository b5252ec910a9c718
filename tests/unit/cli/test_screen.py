"""cli/screen.py: what reaches the terminal."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.cli import screen

HOSTILE = "\x1b]0;owned\x07\x9b2J\r\n\u202egnp.exe\u2028"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_ordinary_text_stays() -> None:
    assert screen.clean("Ärger mit 名前, └ 1 – 2") == "Ärger mit 名前, └ 1 – 2"


@given(st.text())
def test_nothing_that_steers_a_terminal_passes(text: str) -> None:
    assert screen.clean(text).isprintable()


def test_hostile_text_is_shown_as_escapes() -> None:
    assert screen.clean(HOSTILE) == "\\x1b]0;owned\\x07\\x9b2J\\r\\n\\u202egnp.exe\\u2028"


def test_talk_goes_to_stderr_cleaned(capsys: pytest.CaptureFixture[str]) -> None:
    screen.talk(HOSTILE)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.endswith("\\u2028\n")


def test_json_is_ascii_and_keeps_the_value(capsys: pytest.CaptureFixture[str]) -> None:
    screen.document({"name": HOSTILE})
    said = capsys.readouterr().out
    assert said.isascii()
    assert json.loads(said) == {"name": HOSTILE}


def test_a_table_in_a_pipe_is_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    screen.table(("NAME", "N"), [("long name", 1), ("x", 22)])
    assert capsys.readouterr().out == "NAME       N\nlong name  1\nx          22\n"


def test_a_table_on_a_terminal_shows_cells_as_they_are_not_as_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    screen.table(("NAME",), [("[red]not markup[/red] " + HOSTILE,)])
    shown = sys.stdout.getvalue()  # type: ignore[attr-defined]  # it is the Terminal above
    bare = re.sub(r"\x1b\[[0-9;]*m", "", shown)  # rich's own colours are all that may steer
    assert "[red]not markup[/red]" in bare
    assert "\x1b" not in bare
    assert "\\x1b]0;owned" in bare


def test_an_id_stays_in_one_piece_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    screen.table(("SESSION", "PRINCIPAL"), [("0123456789abcdef" * 2, "arn:aws:iam::123456789012:role/a-long-name-of-a-role")])
    assert "0123456789abcdef" * 2 in sys.stdout.getvalue()  # type: ignore[attr-defined]  # it is the Terminal above


def test_a_bar_is_shown_on_a_terminal_once_it_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(screen, "PATIENCE", 0.0)
    with screen.progress("roles") as reached:
        reached(1, 4)
        reached(4, 4)
    assert "roles" in terminal.getvalue()
    assert "4/4" in terminal.getvalue()


@pytest.mark.parametrize(("patience", "stream", "total"), [(60.0, Terminal, 4), (0.0, io.StringIO, 4), (0.0, Terminal, 1)])
def test_no_bar_for_what_is_quick_or_read_by_a_program(
    monkeypatch: pytest.MonkeyPatch, patience: float, stream: type[io.StringIO], total: int
) -> None:
    said = stream()
    monkeypatch.setattr(sys, "stderr", said)
    monkeypatch.setattr(screen, "PATIENCE", patience)
    with screen.progress("roles") as reached:
        reached(1, total)
    assert said.getvalue() == ""
