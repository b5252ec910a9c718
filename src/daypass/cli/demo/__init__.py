"""`daypass demo`: a small sample company in under a minute, on a server of its own. Leaves nothing behind and touches no other server."""

from __future__ import annotations

import argparse

from daypass.cli.exits import CONFIG, OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own; `--data` names no server here, since the demo brings its own."""


def run(args: argparse.Namespace) -> int:
    """Play the story; 0 when every step held, else 6."""
    from daypass.cli.demo.play import play  # a certificate authority and a client are not for the other commands to pay

    return OK if play(as_json=args.output == "json") else CONFIG
