"""cli/unseal.py: the passphrase is asked for without an echo, or read from stdin, and never comes from the command line."""

from __future__ import annotations

import io
import sys

import pytest

from daypass.cli import control, unseal
from daypass.cli.exits import OK, UNREACHABLE, USAGE, Trouble
from daypass.cli.main import main

SEALED = Trouble(UNREACHABLE, "the daypass on d refused DescribeServer: This node is sealed: it waits (ServiceUnavailableException)")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """What a sealed server was asked."""
    seen: list[tuple[str, dict[str, object]]] = []

    def call(data: str, operation: str, **members: object) -> dict[str, object]:
        seen.append((operation, members))
        if operation == "DescribeServer":
            raise SEALED
        return {}

    monkeypatch.setattr(control, "call", call)
    return seen


def _typed(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    left = list(answers)
    monkeypatch.setattr(sys, "stdin", _Terminal())
    monkeypatch.setattr("getpass.getpass", lambda _: left.pop(0))


def test_from_stdin(monkeypatch: pytest.MonkeyPatch, calls: list[tuple[str, dict[str, object]]]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("of more words \n"))
    assert main(["unseal"]) == OK
    assert calls[1:] == [("Unseal", {"Passphrase": "of more words ", "New": None})]


def test_from_a_terminal_a_new_one_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch, calls: list[tuple[str, dict[str, object]]]) -> None:
    _typed(monkeypatch, "once")
    assert main(["unseal"]) == OK
    _typed(monkeypatch, "twice", "twice")
    assert main(["unseal", "--new"]) == OK
    assert [members for operation, members in calls if operation == "Unseal"] == [
        {"Passphrase": "once", "New": None},
        {"Passphrase": "twice", "New": True},
    ]
    _typed(monkeypatch, "one", "another")
    assert main(["unseal", "--new"]) == USAGE
    assert len([1 for operation, _ in calls if operation == "Unseal"]) == 2


@pytest.mark.parametrize("given", ["", "\n", "x" * (unseal.MAX_PASSPHRASE + 1)])
def test_none_or_too_long_is_not_sent(given: str, monkeypatch: pytest.MonkeyPatch, calls: list[tuple[str, dict[str, object]]]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    assert main(["unseal"]) == USAGE
    assert [operation for operation, _ in calls] == ["DescribeServer"]


def test_a_server_that_is_not_sealed_is_asked_for_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(control, "call", lambda data, operation, **members: {"Version": "1"})
    assert main(["unseal"]) == OK
    assert "is not sealed" in capsys.readouterr().err


def test_other_trouble_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(data: str, operation: str, **members: object) -> dict[str, object]:
        raise Trouble(UNREACHABLE, "no daypass is running", "")

    monkeypatch.setattr(control, "call", call)
    assert main(["unseal"]) == UNREACHABLE
    with pytest.raises(SystemExit):
        main(["unseal", "a passphrase"])
