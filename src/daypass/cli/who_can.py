"""`daypass who-can`: everybody who may do that, or could under conditions of the request. Does nothing but ask."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from daypass.cli import answer, control, screen
from daypass.cli.exits import OK

_PAGE = 250  # principals that the server looks at per call


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("action", metavar="ACTION", help="such as s3:GetObject")
    parser.add_argument("resource", metavar="RESOURCE", help="an ARN, or * for an action that has no resource")
    answer.add_context(parser)


def run(args: argparse.Namespace) -> int:
    """Print them, those first who may as it stands."""
    answer.note_unknown(args.action)
    members = {"Action": args.action, "Resource": args.resource, "Context": answer.entries(args.context)}
    found = sorted(fetch(args.data, members), key=lambda one: list(answer.WORDS).index(one["Verdict"]))
    if args.output == "json":
        screen.document(found)
    elif found:
        rows = [(answer.WORDS[one["Verdict"]], one["Principal"], answer.why(one)) for one in found]
        screen.table(("ANSWER", "PRINCIPAL", "WHY"), rows)
    else:
        screen.talk(f"Nobody can {args.action} on {args.resource}.")
    return OK


def fetch(data: str, members: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All who may, page by page, with a progress bar when there are many."""
    token = None
    with screen.progress("principals") as reached:
        while True:
            page = control.call(data, "ListAllowedPrincipals", **members, MaxResults=_PAGE, NextToken=token)
            yield from page["Principals"]
            reached(page["Examined"], page["Total"])
            token = page.get("NextToken")
            if not token:
                return
