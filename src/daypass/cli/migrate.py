"""`daypass migrate`: moves the state of a data directory from its own file into PostgreSQL. Needs the server stopped; ends no session."""

from __future__ import annotations

import argparse
from pathlib import Path

from daypass.cli import screen
from daypass.cli.exits import CONFIG, OK, UNREACHABLE, Trouble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--to", required=True, metavar="URL", help="an empty database: postgresql://USER@HOST/DATABASE")
    parser.add_argument("--db-password-file", type=Path, default=None, metavar="FILE", help="its password, mode 0600")


def run(args: argparse.Namespace) -> int:
    """Move it, then have the directory name its new database. Exit codes: 0, 5 no state there, 6 it cannot be moved."""
    from daypass.app import move_database  # the server's imports are not for the other commands to pay
    from daypass.values.errors import ConfigError

    data = Path(args.data)
    if not data.is_dir():
        raise Trouble(UNREACHABLE, f"there is no data directory {data}", "daypass migrate --help")
    try:
        moved = move_database(data, args.to, args.db_password_file)
    except ConfigError as error:
        raise Trouble(CONFIG, str(error)) from error
    if args.output == "json":
        screen.document(moved)
    else:
        screen.table(("TABLE", "ROWS"), [(name, rows) for name, rows in sorted(moved.items()) if rows])
    screen.talk(f"Start the server as before: {data} names its database now. The old file is kept as daypass.db.moved.")
    return OK
