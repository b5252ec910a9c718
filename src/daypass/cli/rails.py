"""`daypass rails`: how the guard rails of policies are set, and which stored policies they speak against. Changes none of them."""

from __future__ import annotations

import argparse

from daypass.cli import control, screen
from daypass.cli.exits import OK

_RAILS = ("RAIL", "SETTING", "AGAINST")
_FINDINGS = ("SETTING", "RAIL", "POLICY OF", "POLICY", "STATEMENT", "FINDING")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own argument."""
    parser.add_argument("--account", metavar="ID", help="only the policies of this account")


def run(args: argparse.Namespace) -> int:
    """Print both tables; a finding is no failure."""
    answer = control.call(args.data, "ListGuardRails", Account=args.account)
    if args.output == "json":
        screen.document(answer)
        return OK
    screen.table(_RAILS, [(rail["Name"], rail["Setting"], rail["About"]) for rail in answer["Rails"]])
    found = answer["Findings"]
    if found:
        screen.data("")
        screen.table(_FINDINGS, [tuple(one[key] for key in ("Setting", "Rail", "Arn", "Policy", "Statement", "Says")) for one in found])
    more = f", {answer['Omitted']} more are not shown" if answer["Omitted"] else ""
    screen.talk(f"{len(found)} findings in {answer['Examined']} policies{more}.")
    return OK
