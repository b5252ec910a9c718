"""`daypass revoke`: ends passes at once. Does not ask back: what it does is as good as its words, and it says how many it ended."""

from __future__ import annotations

import argparse
import time

from daypass.cli import control, nodes, screen, when
from daypass.cli.exits import OK, USAGE, Trouble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments: whose passes, and when they were issued."""
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--session", metavar="ID", help="this session alone")
    whose.add_argument("--subtree", metavar="ID", help="this session and all that were minted from it")
    whose.add_argument("--role", metavar="ARN", help="all sessions of this role, and what was minted from them")
    whose.add_argument("--user", metavar="ARN", help="all sessions of this user, and what was minted from them")
    parser.add_argument(
        "--issued-before", type=when.argument, metavar="TIME", help="only passes issued before: now, 15m (ago) or a timestamp"
    )
    parser.add_argument("--account", metavar="ID", help="only passes of this account")
    parser.add_argument("--wait", action="store_true", help="return when every live node obeys, where several share a database")


def run(args: argparse.Namespace) -> int:
    """End them and say what was ended."""
    scope = {
        "SessionId": args.session,
        "SubtreeOf": args.subtree,
        "RoleArn": args.role,
        "UserArn": args.user,
        "Account": args.account,
        "IssuedBefore": args.issued_before,
    }
    if not any(value is not None for value in scope.values()):
        raise Trouble(USAGE, "revoke needs to know which passes to end", "daypass revoke --help")
    ended = control.call(args.data, "RevokeSessions", **scope)
    all_nodes = nodes.wait_for_all(args.data, time.sleep) if args.wait else []
    if args.output == "json":
        screen.document(ended)
    else:
        number = ended["SessionsEnded"]
        screen.table(("REVOCATION", "SCOPE", "ENDED"), [(ended["RevocationId"], ended["Scope"], number)])
        screen.talk("An ended pass answers ExpiredToken from now on." if number else "No live pass was in that scope.")
    for node in all_nodes:
        if not node["Live"]:
            age = node["SecondsSinceSeen"]
            screen.talk(f"{node['Name']} was not heard of for {age:.0f} s: if it runs, it obeys once it is connected again.")
    return OK
