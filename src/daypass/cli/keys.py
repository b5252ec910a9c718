"""`daypass keys`: lists, replaces and revokes the keys that seal session tokens and secrets at rest; moves them under another root key.

Shows no key. Does not wait for anything but with --wait.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from daypass.cli import control, keeping, screen, up, when
from daypass.cli.exits import CONFIG, OK, UNREACHABLE, USAGE, Trouble

Key = Mapping[str, Any]  # as ListKeys describes one

WAIT_SECONDS = 60.0  # without any progress; a step takes a second
POLL = 0.5  # seconds; each look costs the ledger a line
TO = "to-"  # how the options begin that name the new root key
_HEADINGS = ("KEY", "SEALS", "STATE", "CREATED", "AGE", "RESTS ON IT", "NODES")
_SEALS = {"SEAL": "tokens", "DATA": "secrets"}
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("what", nargs="?", default="list", choices=("list", "rotate", "revoke", "rewrap"), help="default: list")
    parser.add_argument("which", nargs="?", metavar="KIND|KEY", help="rotate: seal or data (default: both); revoke: the seal key")
    parser.add_argument("--wait", action="store_true", help="rotate: return when new keys are active and nothing rests on the old data key")
    parser.add_argument("--without-silent", action="store_true", help="rotate: do not wait for nodes that are silent")
    parser.add_argument("--yes", action="store_true", help="revoke: end everything that the key sealed")
    keeping.add_keys(parser)
    up.add_root_keys(parser, TO)


def run(args: argparse.Namespace) -> int:
    """Do what is asked; see the functions below."""
    runs: dict[str, Callable[[argparse.Namespace], int]] = {"list": _list, "rotate": _rotate, "revoke": _revoke, "rewrap": _rewrap}
    if args.which is not None and args.what not in ("rotate", "revoke"):
        raise Trouble(USAGE, f"keys {args.what} takes no {args.which}", "daypass keys --help")
    return runs[args.what](args)


def _list(args: argparse.Namespace) -> int:
    found = control.call(args.data, "ListKeys")
    if args.output == "json":
        screen.document(found)
        return OK
    screen.table(_HEADINGS, [_row(key) for key in found["Keys"]])
    after = found.get("RotateAfterSeconds")
    screen.talk(f"Keys are replaced at the age of {show_age(after)}." if after else "Keys are replaced by `daypass keys rotate` alone.")
    return OK


def _rotate(args: argparse.Namespace) -> int:
    """Begin, and with --wait see it through."""
    if args.which not in (None, "seal", "data"):
        raise Trouble(USAGE, f"keys rotate replaces seal or data keys, not {args.which!r}", "daypass keys rotate seal")
    kind = args.which and args.which.upper()
    begun = control.call(args.data, "RotateKeys", Kind=kind, WithoutSilent=args.without_silent or None)["Keys"]
    found = _wait(args.data, [key["KeyId"] for key in begun], time.sleep) if args.wait else begun
    if args.output == "json":
        screen.document({"Keys": found})
    elif args.wait:
        screen.table(_HEADINGS, [_row(key) for key in found])
    else:
        screen.table(_HEADINGS[:3], [(key["KeyId"], _SEALS[key["Kind"]], key["State"]) for key in begun])
        screen.talk("A key is active when every node has it. See: daypass keys list")
    return OK


def _wait(data: str, begun: Sequence[str], sleep: Callable[[float], None]) -> list[Key]:
    """Return, with all keys, when those begun are active and nothing rests on a retained data key. Raises Trouble when it stops."""
    seen: object = None
    idle = 0.0
    with screen.progress("rows sealed again") as reached:
        while True:
            keys: list[Key] = control.call(data, "ListKeys")["Keys"]
            pending = [key for key in keys if key["KeyId"] in begun and key["State"] == "PENDING"]
            total = sum(key["Rows"] for key in keys if key["Kind"] == "DATA")
            left = sum(key["Rows"] for key in keys if key["Kind"] == "DATA" and key["State"] == "RETAINED")
            retained = any(key["Kind"] == "DATA" and key["State"] == "RETAINED" for key in keys)
            if not pending and not retained:
                return keys
            reached(total - left, total)
            now = [(key["KeyId"], key["State"]) for key in keys], left
            idle = idle + POLL if now == seen else 0.0
            if idle >= WAIT_SECONDS:
                raise _stuck(data, pending, left)
            seen = now
            sleep(POLL)


def _stuck(data: str, pending: Sequence[Key], left: int) -> Trouble:
    waits = sorted({name for key in pending for name in key["WaitsFor"]})
    if waits:
        what = f"the new key waits for {', '.join(waits)}, which may serve without knowing it"
        return Trouble(UNREACHABLE, what, f"daypass keys rotate seal --without-silent --data {data}")
    return Trouble(CONFIG, f"{left} rows cannot be sealed again: the server's own output names them", f"daypass keys list --data {data}")


def _revoke(args: argparse.Namespace) -> int:
    if args.which is None:
        raise Trouble(USAGE, "keys revoke needs the id of a seal key", f"daypass keys list --data {args.data}")
    if not args.yes:
        known = {key["KeyId"]: key for key in control.call(args.data, "ListKeys")["Keys"]}
        passes = known.get(args.which, {}).get("LivePasses", 0)
        what = f"to revoke {args.which} ends everything that it sealed at once; live passes: {passes}"
        raise Trouble(USAGE, what, f"daypass keys revoke {args.which} --yes --data {args.data}")
    done = control.call(args.data, "RevokeKey", KeyId=args.which)
    if args.output == "json":
        screen.document(done)
        return OK
    row = done["KeyId"], done["State"], done["SessionsEnded"], done.get("SuccessorId", "")
    screen.table(("KEY", "STATE", "ENDED", "SUCCESSOR"), [row])
    screen.talk("What it sealed answers ExpiredToken from now on. If it was stolen, end what was made from that as well:")
    screen.talk(f"  daypass revoke --issued-before now --data {args.data}")
    return OK


def _rewrap(args: argparse.Namespace) -> int:
    """Move the data keys under another root key, while no node runs."""
    from daypass.app import rewrap_keys  # the server's imports are not for the other commands to pay
    from daypass.values.errors import ConfigError

    if not any((args.to_key_file, args.to_passphrase_file, args.to_hsm_module, args.to_kms_key)):
        raise Trouble(USAGE, "keys rewrap needs to know the new root key", "daypass keys --help")
    if not Path(args.data).is_dir():
        raise Trouble(UNREACHABLE, f"there is no data directory {args.data}", "daypass keys --help")
    try:
        keys, where = rewrap_keys(keeping.settings_of(args), keeping.settings_of(args, TO))
    except ConfigError as error:
        raise Trouble(CONFIG, str(error)) from error
    if args.output == "json":
        screen.document({"Keys": keys, "RootKey": where})
    else:
        screen.table(("DATA KEYS", "ROOT KEY"), [(keys, where)])
    screen.talk("Start the server with the options that name it. The old root key opens this database no more, only backups from before.")
    return OK


def show_age(seconds: float) -> str:
    """An age in words: its largest unit, rounded down."""
    return next((f"{int(seconds // size)} {unit}" for size, unit in _UNITS if seconds >= size), "0 s")


def _row(key: Key) -> tuple[object, ...]:
    created, age = ("", "") if "Created" not in key else (when.show_time(key["Created"]), show_age(key["AgeSeconds"]))
    nodes = f"{len(key['Nodes'])}, waits for {', '.join(key['WaitsFor'])}" if key["WaitsFor"] else len(key["Nodes"])
    return key["KeyId"], _SEALS[key["Kind"]], key["State"], created, age, _resting(key), nodes


def _resting(key: Key) -> str:
    if key["Kind"] == "DATA":
        return f"{key['Rows']} row{'' if key['Rows'] == 1 else 's'}"
    until = f", until {when.show_time(key['LastPassExpires'])}" if "LastPassExpires" in key else ""
    return f"{key['LivePasses']} pass{'' if key['LivePasses'] == 1 else 'es'}{until}"
