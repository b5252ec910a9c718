"""`daypass version`: which daypass this is. Asks no server."""

from __future__ import annotations

import argparse

from daypass import __version__
from daypass.cli import screen
from daypass.cli.exits import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def run(args: argparse.Namespace) -> int:
    """Print the version."""
    if args.output == "json":
        screen.document({"Version": __version__})
    else:
        screen.data(f"daypass {__version__}")
    return OK
