"""What the service manager is told, and that nothing depends on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daypass.doors.notify import tell


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(path))
        made.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield made


def test_a_state_is_one_datagram(manager: socket.socket) -> None:
    for state in ("READY", "STOPPING", "WATCHDOG"):
        tell(state)
        assert manager.recv(1000) == f"{state}=1".encode()
    tell("RELOADING")
    assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


def test_a_name_in_the_abstract_space(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(f"\0daypass-test-{id(made)}")
        made.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@daypass-test-{id(made)}")
        tell("READY")
        assert made.recv(1000) == b"READY=1"


def test_no_manager_and_one_that_is_gone(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    tell("READY")
    assert caplog.records == []
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    tell("READY")
    assert [record.getMessage() for record in caplog.records] == ["the service manager was not told"]
