"""`daypass events`: reads, follows and verifies the ledger through the server. Does not open the ledger's file and cannot change it."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from daypass.cli import control, screen, when
from daypass.cli.exits import CONFIG, OK

POLL = 0.5  # seconds between two looks with --follow
_PAGE = 1000
_HEADINGS = ("TIME", "OPERATION", "WHO", "FROM", "OUTCOME")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments: `verify`, or filters."""
    parser.add_argument("what", nargs="?", choices=("list", "verify"), default="list", help="list (default), or verify the whole chain")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with new lines as they come")
    parser.add_argument("--since", type=when.argument, metavar="TIME", help="15m, 2h, 7d (ago) or 2026-11-24T09:30:00Z")
    parser.add_argument("--account", metavar="ID")
    parser.add_argument("--operation", metavar="NAME", help="such as AssumeRole")
    parser.add_argument("--principal", metavar="ARN")
    parser.add_argument("--error", metavar="CODE", help="such as AccessDenied")
    parser.add_argument("--session", metavar="ID", help="what this session did, and what minted it")
    parser.add_argument("--max", type=int, metavar="N", help="at most so many lines")


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
    if args.output == "json":
        for event in _capped(fetch(args.data, filters, _wait(args)), args.max):
            screen.document(event, indent=None)
    elif args.follow:
        for event in _capped(fetch(args.data, filters, _wait(args)), args.max):
            screen.data("  ".join(screen.clean(cell) for cell in row(event)))
    else:
        rows = [row(event) for event in _capped(fetch(args.data, filters, None), args.max)]
        screen.table(_HEADINGS, rows)
    return OK


def _wait(args: argparse.Namespace) -> Callable[[], None] | None:
    return (lambda: time.sleep(POLL)) if args.follow else None


def _capped(events: Iterator[Mapping[str, Any]], most: int | None) -> Iterator[Mapping[str, Any]]:
    if most is not None and most < 1:
        return
    for number, event in enumerate(events, 1):
        yield event
        if number == most:
            return


def fetch(data: str, filters: Mapping[str, Any], wait: Callable[[], None] | None) -> Iterator[Mapping[str, Any]]:
    """Ledger lines as objects, oldest first. At the end of the ledger `wait` is called and the reading goes on; None ends it."""
    position = None
    while True:
        page = control.call(data, "ListEvents", After=position, MaxResults=_PAGE, **filters)
        for line in page["Events"]:
            yield json.loads(line)
        if page["Events"] or page["Position"] != position:  # there may be more: a page of a filtered reading can be empty
            position = page["Position"]
        elif wait is None:
            return
        else:
            screen.flush()
            wait()


def row(event: Mapping[str, Any]) -> tuple[str, ...]:
    """One line for people of a ledger line (CloudTrail's names)."""
    who = event.get("userIdentity") or {}
    service = str(event.get("eventSource", "")).partition(".")[0]
    outcome = str(event.get("errorCode") or "ok")
    if event.get("errorMessage"):
        outcome += f": {event['errorMessage']}"
    return (
        str(event.get("eventTime", "")),
        f"{service}:{event.get('eventName', '')}",
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
