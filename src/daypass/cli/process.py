"""`daypass process`: the operator's pass as the document that `credential_process` of every AWS SDK reads.

Never prompts, caches nothing and prints no secret to stderr. Source: AWS SDKs and Tools Reference Guide, "Process credential provider".
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from daypass.cli import control
from daypass.cli.exits import OK

TYPE_CHECKING = False  # as typing's, which is not worth its import here
if TYPE_CHECKING:
    from typing import Any

VERSION = 1  # an integer: SDKs refuse "1"
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--duration", type=int, metavar="SECONDS", help="how long the pass lives (default: the server's)")


def run(args: argparse.Namespace) -> int:
    """Print the document, on one line, whatever `-o` says: SDKs read nothing else."""
    sys.stdout.write(json.dumps(fetch(args.data, args.duration)) + "\n")
    return OK


def fetch(data: str, duration: int | None = None) -> dict[str, Any]:
    """A fresh pass of the operator from the server on `data`, in the form of the document."""
    given = control.call(data, "GetOperatorCredentials", DurationSeconds=duration)["Credentials"]
    return {
        "Version": VERSION,
        "AccessKeyId": given["AccessKeyId"],
        "SecretAccessKey": given["SecretAccessKey"],
        "SessionToken": given["SessionToken"],
        "Expiration": time.strftime(_STAMP, time.gmtime(given["Expiration"])),
    }
