"""Asks the running server over the unix socket in its data directory, as the user who runs the command.

Does not sign anything and does not read the server's files: the server proves the caller by the peer uid of the socket.
Only `socket` and `json` are imported, because `daypass process` runs at every start of an SDK (performance sheet: ≤ 60 ms).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping

from daypass import __version__
from daypass.cli.exits import CONFIG, DENIED, SIGN_IN, UNREACHABLE, USAGE, Trouble, sentence

TYPE_CHECKING = False  # as typing's, which is not worth its import here
if TYPE_CHECKING:
    from typing import Any, NoReturn

SOCKET = "control.sock"
TARGET = "Daypass_20261124"
TIMEOUT = 30.0  # seconds; a write waits for one fsync, so that more than a few mean a server that hangs
MAX_ANSWER = 64 << 20  # bytes; a page of ledger lines is far below

# Which end of a command an error code of the server means; matched by prefix, because codes differ per protocol by a suffix "Exception"
_ENDS = (
    ("AccessDenied", DENIED),
    ("ExpiredToken", SIGN_IN),
    ("RequestTimeTooSkewed", CONFIG),
    ("InternalFailure", UNREACHABLE),
    ("InternalServer", UNREACHABLE),
    ("ServiceUnavailable", UNREACHABLE),
    ("Throttl", UNREACHABLE),
)


def call(data: str, operation: str, **members: Any) -> dict[str, Any]:
    """Call `operation` of the server that runs on `data` (a directory); members that are None are left out.

    Raises Trouble: 5 when no server answers, 4 when it refuses, 2 when it finds the input wrong.
    """
    payload = json.dumps({name: value for name, value in members.items() if value is not None}).encode("ascii")
    head = (
        f"POST / HTTP/1.1\r\nHost: daypass\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {TARGET}.{operation}\r\n"
        f"User-Agent: daypass/{__version__}\r\nContent-Length: {len(payload)}\r\nConnection: close\r\n\r\n"
    )
    status, body = _exchange(data, head.encode("ascii") + payload)
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _not_daypass(data, f"HTTP {status} without a JSON object")
    if status != 200:
        _refused(data, operation, document)
    return document


def _exchange(data: str, request: bytes) -> tuple[int, bytes]:
    with _connected(data) as connection:
        try:
            connection.sendall(request)
            answer = _read_all(connection)
        except TimeoutError:
            raise Trouble(UNREACHABLE, f"the daypass on {data} did not answer within {TIMEOUT:.0f} s", _doctor(data)) from None
        except OSError as error:
            raise Trouble(UNREACHABLE, f"the daypass on {data} broke off: {error.strerror}", _doctor(data)) from None
    head, separator, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    code = rest[:3]
    if not separator or version not in ("HTTP/1.1", "HTTP/1.0") or not (code.isascii() and code.isdigit()):
        raise _not_daypass(data, "no HTTP answer")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("content-length") != str(len(body)):
        raise _not_daypass(data, "an answer cut short or without its length")
    return int(code), body


def _connected(data: str) -> socket.socket:
    """A connection to the socket in `data`. The path goes through the directory's descriptor: AF_UNIX paths end at 107 bytes."""
    absent = Trouble(UNREACHABLE, f"no daypass is running on {data}", f"daypass up --data {data}")
    try:
        directory = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        raise _not_yours(data) from None
    except OSError:
        raise absent from None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(TIMEOUT)
    try:
        connection.connect(f"/proc/self/fd/{directory}/{SOCKET}")
    except PermissionError:
        connection.close()
        raise _not_yours(data) from None
    except OSError:
        connection.close()
        raise absent from None
    finally:
        os.close(directory)
    return connection


def _read_all(connection: socket.socket) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := connection.recv(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER:
            raise Trouble(UNREACHABLE, f"the answer is longer than {MAX_ANSWER >> 20} MiB", "ask for less with --max")
    return b"".join(pieces)


def _refused(data: str, operation: str, document: Mapping[str, Any]) -> NoReturn:
    code = str(document.get("__type", "")).rpartition("#")[2]
    message = str(document.get("message") or document.get("Message") or code or "no reason given")
    exit_code = next((end for prefix, end in _ENDS if code.startswith(prefix)), USAGE)
    what = f"the daypass on {data} refused {operation}: {sentence(message)} ({code or 'no code'})"
    raise Trouble(exit_code, what, _your_user(data) if exit_code == DENIED else "")


def _your_user(data: str) -> str:
    try:
        owner = os.stat(data).st_uid
    except OSError:
        return ""
    return f"run it as the user that runs the server (uid {owner})" if owner != os.geteuid() else ""


def _not_yours(data: str) -> Trouble:
    return Trouble(DENIED, f"the data directory {data} belongs to another user", _your_user(data))


def _not_daypass(data: str, why: str) -> Trouble:
    return Trouble(UNREACHABLE, f"what answers on {data}/{SOCKET} is no daypass: {why}", _doctor(data))


def _doctor(data: str) -> str:
    return f"daypass doctor --data {data}"
