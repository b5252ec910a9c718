"""`daypass backup`: takes a sealed backup while the server goes on, or proves one by restoring it aside. Does not stop the server."""

from __future__ import annotations

import argparse
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daypass.cli import control, keeping, screen
from daypass.cli.exits import CONFIG, OK, UNREACHABLE, USAGE, Trouble

if TYPE_CHECKING:
    from daypass.settings import Settings
    from daypass.store.backup import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments: a file, or `verify` and a file."""
    parser.add_argument("what", metavar="[verify] FILE", nargs="+", help="where to write the backup, or which one to prove")
    parser.add_argument("--verify", action="store_true", help="prove the new backup at once, as `backup verify` does")
    keeping.add_keys(parser)


def run(args: argparse.Namespace) -> int:
    """Take one or prove one. Exit codes: 0, 2 usage, 5 there is no data directory, 6 it cannot be taken, or is not whole."""
    if args.what[0] == "verify" and len(args.what) == 2:
        return _verify(args, Path(args.what[1]))
    if len(args.what) != 1:
        raise Trouble(USAGE, "give one FILE, or `verify FILE`", "daypass backup --help")
    return _take(args, Path(args.what[0]))


def _take(args: argparse.Namespace, file: Path) -> int:
    from daypass.store.backup.taking import take, verify_name  # the server's imports are not for the other commands to pay
    from daypass.values.errors import ConfigError

    try:
        settings = keeping.settings_of(args)
        source = _source(settings)
        verify_name(file)
        _note(settings, source, file)
        with screen.progress("rows") as reached:
            taken = take(source, keeping.key_maker(settings)(), file, datetime.now(UTC), reached)
    except ConfigError as error:
        raise Trouble(CONFIG, str(error)) from error
    document = {"File": str(file), "Bytes": taken.size, **keeping.shown(taken.manifest), "NotInIt": list(keeping.KEPT_APART)}
    if args.verify:
        document |= _prove(args, file)
    _print(args, document)
    screen.talk(f"Not in it, to be kept apart: {'; '.join(keeping.KEPT_APART)}.")
    if not args.verify:
        screen.talk(f"To prove it: daypass backup verify {shlex.quote(str(file))} --data {shlex.quote(args.data)}")
    return OK


def _note(settings: Settings, source: Source, file: Path) -> None:
    """Have the ledger tell of the backup. INVARIANT: none is begun without its line. Raises ConfigError and Trouble."""
    from daypass.app import backup_line
    from daypass.store.backup import note
    from daypass.store.lock import InUse, lock_directory

    try:
        with lock_directory(settings.data):
            note(source, keeping.key_maker(settings)(), backup_line(str(file.absolute())), datetime.now(UTC))
    except InUse:
        control.call(str(settings.data), "NoteBackup", File=str(file.absolute()))


def _verify(args: argparse.Namespace, file: Path) -> int:
    _print(args, {"File": str(file)} | _prove(args, file))
    return OK


def _prove(args: argparse.Namespace, file: Path) -> dict[str, Any]:
    from daypass.store.backup import prove
    from daypass.values.errors import ConfigError

    try:
        with screen.progress("bytes") as reached:
            proven = prove(file, keeping.key_maker(keeping.settings_of(args)), datetime.now(UTC), reached)
    except ConfigError as error:
        raise Trouble(CONFIG, str(error)) from error
    except OSError as error:
        raise Trouble(CONFIG, f"there is no room to restore {file} aside: {error.strerror}", "TMPDIR=… daypass backup verify …") from error
    return {**keeping.shown(proven.manifest), "Proven": "every row, every sealed secret, the ledger's chain"}


def _source(settings: Settings) -> Source:
    from daypass.settings import secret_of
    from daypass.store.backup import Source

    data = settings.data
    node, own, noted = data / "node", data / "daypass.db", data / "database"
    if not node.exists() or not (own.exists() or noted.exists()):
        raise Trouble(UNREACHABLE, f"{data} is no data directory of a server that has run", f"daypass up --data {shlex.quote(str(data))}")
    database = noted.read_text().strip() if noted.exists() else own
    password = secret_of(settings.db_password_file, "database's password")
    return Source(database, password, data / "ledger", node.read_text().strip())


def _print(args: argparse.Namespace, document: dict[str, Any]) -> None:
    if args.output == "json":
        screen.document(document)
    else:
        keeping.print_table(document)
