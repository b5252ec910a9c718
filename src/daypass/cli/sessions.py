"""`daypass sessions`: lists live passes with their lineage, each below the one that it was minted from. Ends none (revoke.py does)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daypass.cli import control, screen, when
from daypass.cli.exits import OK

Session = Mapping[str, Any]  # as ListSessions describes one

_HEADINGS = ("SESSION", "PRINCIPAL", "NAME", "PROOF", "ISSUED", "EXPIRES", "STATE")
_PAGE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments: filters."""
    parser.add_argument("--account", metavar="ID", help="only those of this account")
    parser.add_argument("--principal", metavar="ARN", help="only those of this role or user")
    parser.add_argument("--parent", metavar="ID", help="only those minted from this session")
    parser.add_argument("--all", action="store_true", help="ended ones as well")


def run(args: argparse.Namespace) -> int:
    """Print them as a tree, or with `-o json` as a list."""
    found = list(fetch(args.data, account=args.account, principal=args.principal, parent=args.parent, ended=args.all))
    if args.output == "json":
        screen.document(found)
    elif found:
        screen.table(_HEADINGS, [_row(depth, session) for depth, session in as_tree(found)])
    else:
        screen.talk("No live pass.")
    return OK


def fetch(
    data: str, *, account: str | None = None, principal: str | None = None, parent: str | None = None, ended: bool = False
) -> Iterator[Session]:
    """All sessions that pass the filters, page by page."""
    filters = {"Account": account, "PrincipalArn": principal, "Parent": parent, "IncludeEnded": ended}
    token = None
    while True:
        page = control.call(data, "ListSessions", **filters, MaxResults=_PAGE, NextToken=token)
        yield from page["Sessions"]
        token = page.get("NextToken")
        if not token:
            return


def as_tree(sessions: Sequence[Session]) -> Iterator[tuple[int, Session]]:
    """The sessions in order of issue, children right below their parents, with their depth in what is listed.

    One whose parent is not listed stands at depth 0.
    """
    known = {session["SessionId"] for session in sessions}
    children: dict[str, list[Session]] = {}
    for session in sorted(sessions, key=lambda s: (s["Issued"], s["SessionId"])):
        parent = session.get("ParentSessionId") or ""
        children.setdefault(parent if parent in known else "", []).append(session)
    waiting = [(0, session) for session in reversed(children.get("", []))]
    while waiting:
        depth, session = waiting.pop()
        yield depth, session
        waiting += [(depth + 1, child) for child in reversed(children.get(session["SessionId"], []))]


def _row(depth: int, session: Session) -> tuple[object, ...]:
    indent = "  " * (depth - 1) + "└ " if depth else ""
    proof = " ".join(str(session[key]) for key in ("ProofKind", "ProofIssuer", "ProofSubject") if session.get(key))
    return (
        indent + session["SessionId"],
        session["PrincipalArn"],
        session["SessionName"],
        proof,
        when.show_time(session["Issued"]),
        when.show_time(session["Expires"]),
        session["State"],
    )
