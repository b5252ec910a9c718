"""cli/control.py: the way to the server over its socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from daypass.cli import control
from daypass.cli.exits import CONFIG, DENIED, SIGN_IN, UNREACHABLE, USAGE, Trouble


def test_sends_what_the_protocol_says_and_leaves_out_what_is_none(fake: Any) -> None:
    fake.reply("ListSessions", {"Sessions": []})
    assert control.call(str(fake.data), "ListSessions", Account="123456789012", Parent=None) == {"Sessions": []}
    assert fake.asked == [("ListSessions", {"Account": "123456789012"})]
    assert fake.heads[0].split("\r\n")[:3] == ["POST / HTTP/1.1", "Host: daypass", "Content-Type: application/x-amz-json-1.1"]


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("AccessDeniedException", DENIED),
        ("AccessDenied", DENIED),
        ("com.example#AccessDeniedException", DENIED),
        ("ExpiredTokenException", SIGN_IN),
        ("RequestTimeTooSkewed", CONFIG),
        ("ServiceUnavailable", UNREACHABLE),
        ("InternalFailure", UNREACHABLE),
        ("ThrottlingException", UNREACHABLE),
        ("ValidationException", USAGE),
        ("ResourceNotFoundException", USAGE),
    ],
)
def test_a_refusal_ends_as_its_code_says(fake: Any, code: str, ends: int) -> None:
    fake.reply("RevokeSessions", (400, {"__type": code, "message": "because of it"}))
    with pytest.raises(Trouble) as trouble:
        control.call(str(fake.data), "RevokeSessions")
    assert trouble.value.exit_code == ends
    assert "because of it" in trouble.value.what
    assert str(fake.data) in trouble.value.what


def test_no_directory_and_no_socket_and_nobody_behind_the_socket_are_all_no_server(tmp_path: Path) -> None:
    dead = tmp_path / "dead"
    dead.mkdir()
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(f"{dead}/control.sock")
    for data in (tmp_path / "absent", tmp_path, dead):
        with pytest.raises(Trouble) as trouble:
            control.call(str(data), "DescribeServer")
        assert trouble.value.exit_code == UNREACHABLE
        assert trouble.value.what == f"no daypass is running on {data}"
        assert trouble.value.remedy == f"daypass up --data {data}"


def test_reaches_a_socket_whose_path_is_longer_than_a_unix_address(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    with pytest.raises(Trouble, match="no daypass is running"):
        control.call(str(deep), "DescribeServer")
    directory = os.open(deep, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{directory}/control.sock")
        listener.listen()
        with control._connected(str(deep)) as connection:
            assert connection.getpeername()
    os.close(directory)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{",
        "HTTP/1.1 ２００ OK\r\nContent-Length: 2\r\n\r\n{}".encode(),
    ],
)
def test_what_is_no_answer_of_daypass_is_called_so(fake: Any, answer: bytes) -> None:
    fake.reply("DescribeServer", answer)
    with pytest.raises(Trouble, match="is no daypass") as trouble:
        control.call(str(fake.data), "DescribeServer")
    assert trouble.value.exit_code == UNREACHABLE


def test_a_server_that_hangs_is_given_up(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "TIMEOUT", 0.05)
    with socket.socket(socket.AF_UNIX) as mute:
        os.unlink(f"{fake.data}/control.sock")
        mute.bind(f"{fake.data}/control.sock")
        mute.listen()
        with pytest.raises(Trouble, match="did not answer within") as trouble:
            control.call(str(fake.data), "DescribeServer")
    assert trouble.value.exit_code == UNREACHABLE


def test_an_answer_without_end_is_not_swallowed(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_ANSWER", 1000)
    fake.reply("ListEvents", {"Events": ["x" * 1000]})
    with pytest.raises(Trouble, match="longer than"):
        control.call(str(fake.data), "ListEvents")
