"""`daypass can`: may this principal do that? Answers ahead, by the server's own `decide`, and does nothing."""

from __future__ import annotations

import argparse

from daypass.cli import answer, control, screen
from daypass.cli.exits import DENIED, OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "principal", metavar="PRINCIPAL", help="a user or role by ARN or name, a role session, an account (its root), an OIDC provider"
    )
    parser.add_argument("action", metavar="ACTION", help="such as s3:GetObject")
    parser.add_argument("resource", metavar="RESOURCE", help="an ARN, or * for an action that has no resource")
    answer.add_context(parser)


def run(args: argparse.Namespace) -> int:
    """Print the answer and its reason; 0 when it is allowed as it stands, else 4."""
    answer.note_unknown(args.action)
    found = control.call(
        args.data,
        "DecideAccess",
        Principal=args.principal,
        Action=args.action,
        Resource=args.resource,
        Context=answer.entries(args.context),
    )
    if args.output == "json":
        screen.document(found)
    else:
        row = (answer.WORDS[found["Verdict"]], found["Principal"], args.action, args.resource, answer.why(found))
        screen.table(("ANSWER", "PRINCIPAL", "ACTION", "RESOURCE", "WHY"), [row])
    if found["Verdict"] == "allowed":
        return OK
    if found["Verdict"] == "denied":
        screen.talk(f"  who can: daypass who-can {args.action} '{args.resource}'")
    return DENIED
