"""`daypass`: finds the command, runs it, and turns trouble into an exit code. Does nothing else.

Each command is a module of this room with `add_arguments(parser)` and `run(args) -> int`, imported only when it is the one asked for.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from daypass.cli.exits import INTERRUPTED, OK, Trouble

DEFAULT_DATA = "./.daypass"

COMMANDS = {
    "up": "start the server",
    "unseal": "bring a sealed server its passphrase",
    "demo": "show the whole story on a small sample company",
    "process": "print the operator's pass for an SDK's credential_process",
    "env": "print a pass as shell variables",
    "sessions": "list live passes with their lineage",
    "revoke": "end passes at once",
    "events": "read, follow and verify the ledger",
    "explain": "tell why a request was refused",
    "can": "ask whether a principal may do something, before it tries",
    "who-can": "list everybody who may do something",
    "can-become": "list and draw every role that a principal can reach",
    "nodes": "list the nodes that share the database",
    "keys": "list, replace and revoke the keys of the server",
    "migrate": "move the state from its file into PostgreSQL",
    "backup": "take a sealed backup while the server goes on, or prove one",
    "restore": "make an installation of a backup",
    "policy": "check a policy: validate, warn, compare with an older one",
    "rails": "list the guard rails of policies and what they speak against",
    "doctor": "find what keeps clients from working",
    "version": "print the version",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own); the answer is the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    args = _parser(words).parse_args(words)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except Trouble as trouble:
        _tell(trouble)
        return trouble.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough (`| head`); what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="daypass",
        description="Temporary credentials, everywhere: a proof comes in, a policy decides, a pass goes out, a line is recorded.",
        epilog="Exit codes: 0 ok, 2 usage, 3 sign-in needed, 4 denied, 5 server unreachable, 6 clock, TLS or configuration.",
    )
    _common(parser, DEFAULT_DATA, "table")
    again = argparse.ArgumentParser(add_help=False)  # given before or after the command, the value is the same
    _common(again, argparse.SUPPRESS, argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = COMMANDS.keys() & set(words)  # usually one; a value may bear a command's name (`--data up`)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary, parents=[again])
        if name in asked:
            module = importlib.import_module(f"daypass.cli.{name.replace('-', '_')}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _common(parser: argparse.ArgumentParser, data: str, output: str) -> None:
    parser.add_argument("--data", default=data, metavar="DIR", help="the server's data directory (default: ./.daypass)")
    parser.add_argument("-o", "--output", default=output, choices=("table", "json"), help="how data is printed (default: table)")


def _tell(trouble: Trouble) -> None:
    from daypass.cli import screen

    screen.talk(f"daypass: {trouble.what}")
    if trouble.remedy:
        screen.talk(f"  try: {trouble.remedy}")


if __name__ == "__main__":
    sys.exit(main())
