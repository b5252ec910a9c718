"""`daypass unseal`: brings a sealed server the passphrase of its root key, over its socket. Never takes it from the command line."""

from __future__ import annotations

import argparse
import getpass
import sys

from daypass.cli import control, screen
from daypass.cli.exits import OK, UNREACHABLE, USAGE, Trouble

MAX_PASSPHRASE = 4096  # characters, as of the file of --passphrase-file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The passphrase itself is asked for, or read from stdin."""
    parser.add_argument("--new", action="store_true", help="the database is empty: begin a new installation with this passphrase")


def run(args: argparse.Namespace) -> int:
    """Ask whether the server is sealed, then for the passphrase, and hand it over. Raises Trouble."""
    if not _is_sealed(args.data):
        screen.talk(f"the daypass on {args.data} is not sealed")
        return OK
    control.call(args.data, "Unseal", Passphrase=_passphrase(new=args.new), New=args.new or None)
    screen.talk(f"the daypass on {args.data} is unsealed and starts")
    return OK


def _is_sealed(data: str) -> bool:
    try:
        control.call(data, "DescribeServer")
    except Trouble as trouble:
        if trouble.exit_code == UNREACHABLE and "is sealed" in trouble.what:
            return True
        raise
    return False


def _passphrase(*, new: bool) -> str:
    """From stdin when that is no terminal; else asked for without an echo, a new one twice."""
    if not sys.stdin.isatty():
        given = sys.stdin.read(MAX_PASSPHRASE + 1).removesuffix("\n")
    else:
        given = getpass.getpass("Passphrase: ")
        if new and getpass.getpass("Once more: ") != given:
            raise Trouble(USAGE, "the two are not the same", "")
    if not given or len(given) > MAX_PASSPHRASE:
        raise Trouble(USAGE, f"a passphrase of 1 to {MAX_PASSPHRASE} characters is wanted on stdin", "")
    return given
