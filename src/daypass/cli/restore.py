"""`daypass restore`: makes an installation of a backup on a clean host. Revives nothing that was ended, and says what it could not know."""

from __future__ import annotations

import argparse
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daypass.cli import keeping, screen
from daypass.cli.exits import CONFIG, OK, Trouble

if TYPE_CHECKING:
    from daypass.store.backup import Given, Restored

_HEADINGS = ("WHAT", "NAME", "ACCOUNT", "OF", "WHY")
_STATES = {"ended": "ended since", "inactive": "inactive", "to_review": "to be looked at", "undone": "not in the backup"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup")
    parser.add_argument("--db", default="", metavar="URL", help="an empty database for the state: postgresql://USER@HOST/DATABASE")
    parser.add_argument(
        "--ledger",
        type=Path,
        action="append",
        default=[],
        metavar="OLD",
        help="a node's data directory from before: what its ledger tells was ended since stays ended (repeatable, one for each node)",
    )
    parser.add_argument(
        "--reactivate",
        action="store_true",
        help="access keys and passwords of which no ledger tells come back as they were: you know that none was ended since",
    )
    keeping.add_keys(parser)


def run(args: argparse.Namespace) -> int:
    """Restore, then say what came back otherwise than it was. Exit codes: 0, 6 nothing was restored."""
    from daypass.settings import secret_of  # the server's imports are not for the other commands to pay
    from daypass.store.backup import Target, restore
    from daypass.values.errors import ConfigError

    try:
        settings = keeping.settings_of(args)
        target = Target(settings.data, settings.db, secret_of(settings.db_password_file, "database's password"))
        with screen.progress("bytes") as reached:
            restored = restore(
                args.file, keeping.key_maker(settings), target, datetime.now(UTC), old=args.ledger, keep=args.reactivate, reached=reached
            )
    except ConfigError as error:
        raise Trouble(CONFIG, str(error)) from error
    except OSError as error:
        raise Trouble(CONFIG, f"nothing was restored to {args.data}: {error.strerror or error}") from error
    lists = {name: getattr(restored.aftermath, name) for name in _STATES}
    if args.output == "json":
        screen.document(_document(args, restored, lists))
    else:
        _table(args, restored, lists)
    _talk(args, restored, lists)
    return OK


def _document(args: argparse.Namespace, restored: Restored, lists: dict[str, list[Given]]) -> dict[str, Any]:
    described = {
        name.title().replace("_", ""): [dict(zip(("Kind", "Name", "Account", "Owner", "Why"), one, strict=True)) for one in found]
        for name, found in lists.items()
    }
    later = {"LaterLedgerLines": restored.later_lines, "NodesWithoutLedger": restored.unknown_nodes}
    return {"Data": args.data, **keeping.shown(restored.manifest), **later, **described}


def _table(args: argparse.Namespace, restored: Restored, lists: dict[str, list[Given]]) -> None:
    keeping.print_table({"Data": args.data, **keeping.shown(restored.manifest), "LaterLedgerLines": restored.later_lines})
    for name, found in lists.items():
        if found:
            screen.data(f"\n{_STATES[name].upper()}")
            screen.table(_HEADINGS, found)


def _talk(args: argparse.Namespace, restored: Restored, lists: dict[str, list[Given]]) -> None:
    screen.talk("Every pass from before is over (ExpiredToken), and a fresh seal key is in use.")
    if restored.unknown_nodes and not args.reactivate:
        screen.talk(
            f"What was ended after the backup is not known for {', '.join(restored.unknown_nodes)}: access keys came back inactive and "
            "passwords were taken away. Those that are meant: aws iam update-access-key --status Active; aws iam create-login-profile."
        )
    if lists["undone"]:
        screen.talk("What is listed as not in the backup was changed after it, and is to be done again.")
    key = f" --key-file {shlex.quote(str(args.key_file))}" if args.key_file else ""
    screen.talk(f"Start it: daypass up --data {shlex.quote(args.data)}{key}")
