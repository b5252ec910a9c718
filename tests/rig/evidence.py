"""What servers noted of the refusals around a test that failed: why, which no caller is told. Judges nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from rig.idp import Idp
from rig.server import Server

SHOWN = 8  # refusals of each server, the last ones
TAIL = 256 * 1024  # bytes of its ledger that are looked through


def evidence(fixtures: Iterable[object]) -> str:
    """A line for each of the last refusals of the servers among `fixtures`, "" when there is none."""
    given = list(fixtures)
    broken = [f"handshake of the issuer: {why}" for one in given if isinstance(one, Idp) for why in one.broken]
    return "\n".join([*(line for server in _servers(given) for line in _refusals(server)), *broken])


def _servers(fixtures: Iterable[object]) -> Iterator[Server]:
    for value in fixtures:
        if isinstance(value, Server):
            yield value
        elif isinstance(value, tuple):
            yield from _servers(value)


def _refusals(server: Server) -> list[str]:
    files = sorted((server.data / "ledger").glob("*.jsonl"))
    lines = _tail(files[-1]) if files else []
    found = [json.loads(line) for line in lines]
    refused = [event for event in found if "errorCode" in event]
    return [
        f"{server.url} {event['eventTime']} {event['eventName']} {event['errorCode']}: {event['daypass'].get('reason', '')}"
        for event in refused[-SHOWN:]
    ]


def _tail(path: Path) -> list[bytes]:
    """The whole lines at the end of a file that is being written."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - TAIL, 0))
        lines = file.read().split(b"\n")
    return lines[0 if size <= TAIL else 1 : -1]
