"""`daypass events`: reads, follows and verifies the ledger through the server. Does not open the ledger's file and cannot change it."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from daypass.cli import control, screen, when
from daypass.cli.exits import CONFIG, OK

POLL = 1.0  # seconds between two looks with --follow; each costs the ledger a line
LAST = 100  # lines that are shown when nothing else is asked for
_PAGE = 1000  # the most that ListEvents gives at once
_HEADINGS = ("TIME", "OPERATION", "WHO", "FROM", "OUTCOME")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments: `verify`, or filters."""
    parser.add_argument("what", nargs="?", choices=("list", "verify"), default="list", help="list (default), or verify the whole chain")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with new lines as they come")
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--last", type=int, default=LAST, metavar="N", help=f"the last N lines that fit the filters (default: {LAST})")
    much.add_argument("--since", type=when.argument, metavar="TIME", help="all since 15m, 2h, 7d (ago) or 2026-11-24T09:30:00Z")
    much.add_argument("--all", action="store_true", help="all lines that fit the filters")
    parser.add_argument("--account", metavar="ID")
    parser.add_argument("--operation", metavar="NAME", help="such as AssumeRole")
    parser.add_argument("--principal", metavar="ARN")
    parser.add_argument("--error", metavar="CODE", help="such as AccessDenied; * for any error")
    parser.add_argument("--session", metavar="ID", help="what this session did, and what minted it")


def run(args: argparse.Namespace) -> int:
    """List or verify; a ledger that is not intact ends with 6."""
    if args.what == "verify":
        return _verify(args)
    filters = {
        "Since": args.since,
        "Account": args.account,
        "Operation": args.operation,
        "Principal": args.principal,
        "ErrorCode": args.error,
        "SessionId": args.session,
    }
    last = None if args.all or args.since is not None else args.last
    wait = (lambda: time.sleep(POLL)) if args.follow else None
    events = fetch(args.data, filters, last, wait)
    if args.output == "json":
        for event in events:
            screen.document(event, indent=None)
    elif args.follow:
        for event in events:
            screen.data("  ".join(screen.clean(cell) for cell in row(event)))
    else:
        screen.table(_HEADINGS, [row(event) for event in events])
    return OK


def fetch(data: str, filters: Mapping[str, Any], last: int | None, wait: Callable[[], None] | None) -> Iterator[Mapping[str, Any]]:
    """Ledger lines as objects, oldest first: the `last` ones, or all when None.

    At the end of the ledger `wait` is called and the reading goes on; None ends it. Each look is itself a line of the ledger: one that
    goes on leaves those out unless they are asked for, or it would see itself for ever.
    """
    after, size = (0, _PAGE) if last is None else (None, last)
    told = False
    while True:
        page = control.call(data, "ListEvents", After=after, MaxResults=size, **filters)
        for event in map(json.loads, page["Events"]):
            if wait is None or filters.get("Operation") or event["eventName"] != "ListEvents":
                yield event
        if after is None or len(page["Events"]) < size:
            if not told:
                tell_marks(page.get("Nodes", ()))
                told = True
            if wait is None:
                return
            screen.flush()
            wait()
        after, size = page["Position"], _PAGE


def tell_marks(nodes: Sequence[Mapping[str, Any]]) -> None:
    """Say on stderr how far the lines of each node are among those shown, where there are several."""
    for node in nodes if len(nodes) > 1 else ():
        silent = "" if node["Live"] else f"; it was not heard of for {node['SecondsSinceSeen']:.0f} s"
        screen.talk(f"{node['Name']}: lines up to {node['ShippedLines']} of {max(node['LedgerLines'], node['ShippedLines'])}{silent}")


def row(event: Mapping[str, Any]) -> tuple[str, ...]:
    """One line for people of a ledger line (CloudTrail's names)."""
    who = event.get("userIdentity") or {}
    operation = f"{str(event.get('eventSource', '')).partition('.')[0]}:{event.get('eventName', '')}".strip(":") or "-"
    outcome = str(event.get("errorCode") or "ok")
    if event.get("errorMessage"):
        outcome += f": {event['errorMessage']}"
    return (
        str(event.get("eventTime", "")),
        operation,
        str(who.get("arn") or who.get("accessKeyId") or who.get("type") or "-"),
        str(event.get("sourceIPAddress", "")),
        outcome,
    )


def _verify(args: argparse.Namespace) -> int:
    found = control.call(args.data, "VerifyLedger")
    intact = bool(found["Intact"])
    if args.output == "json":
        screen.document(found)
    elif intact:
        screen.data(f"intact: {found['Lines']} lines, anchored at line {found['AnchoredLine']}, head {screen.clean(found['Head'])}")
    else:
        screen.table(("LINE", "PROBLEM"), [(problem["Line"], problem["Problem"]) for problem in found["Problems"]])
    if not intact:
        screen.talk(f"The ledger on {args.data} is NOT intact: {len(found['Problems'])} problems in {found['Lines']} lines.")
    return OK if intact else CONFIG
