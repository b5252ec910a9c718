"""`daypass nodes`: which nodes share the database, and how far each one is. Changes nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from daypass.cli import control, screen
from daypass.cli.exits import OK, UNREACHABLE, Trouble

WAIT_SECONDS = 30.0  # for all live nodes to obey a change; they do within one
POLL = 0.2  # seconds; each look costs the ledger a line
_HEADINGS = ("NODE", "URL", "VERSION", "BEHIND", "LINES", "SHIPPED", "HEARD OF")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def run(args: argparse.Namespace) -> int:
    """List them."""
    found = control.call(args.data, "ListNodes")
    if args.output == "json":
        screen.document(found)
        return OK
    rows = [
        (
            node["Name"] + (" *" if node["Answering"] else ""),
            node["Url"],
            node["Version"],
            max(found["Position"] - node["Position"], 0),
            node["LedgerLines"],
            node["ShippedLines"],
            heard_of(node),
        )
        for node in found["Nodes"]
    ]
    screen.table(_HEADINGS, rows)
    return OK


def heard_of(node: Mapping[str, Any]) -> str:
    """When a node was last heard of, in words."""
    age = f"{node['SecondsSinceSeen']:.0f} s ago"
    return age if node["Live"] else f"SILENT, {age}"


def wait_for_all(data: str, sleep: Callable[[float], None]) -> list[Mapping[str, Any]]:
    """Return, with all nodes, when every live one obeys what is committed now. Raises Trouble when one does not in time."""
    found = control.call(data, "ListNodes")
    target, waited = found["Position"], 0.0
    while late := [node["Name"] for node in found["Nodes"] if node["Live"] and node["Position"] < target]:
        if waited >= WAIT_SECONDS:
            what = f"{', '.join(late)} did not take the change in within {WAIT_SECONDS:.0f} s"
            raise Trouble(UNREACHABLE, what, f"daypass nodes --data {data}")
        sleep(POLL)
        waited += POLL
        found = control.call(data, "ListNodes")
    nodes: list[Mapping[str, Any]] = found["Nodes"]
    return nodes
