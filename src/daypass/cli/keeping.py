"""What `daypass backup` and `daypass restore` share: which root key and database, how a backup is shown. Takes and restores none."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daypass.cli import screen
from daypass.cli.up import add_root_keys

if TYPE_CHECKING:
    from daypass.settings import Settings
    from daypass.store.backup import Manifest
    from daypass.store.keys import RootKey

_NAMES = (
    "key_file", "passphrase_file", "hsm_module", "hsm_token", "hsm_key", "hsm_pin_file", "kms_key", "kms_endpoint", "kms_region", "kms_ca",
)  # fmt: skip
KEPT_APART = (
    "the root key, without which the backup yields nothing",
    "the files that options name: TLS keys, passwords, PINs, CAs",
    "the options that the server is started with",
)


def add_keys(parser: argparse.ArgumentParser) -> None:
    """The options that say where the root key and the database's password are, as those of `daypass up`."""
    add_root_keys(parser)
    parser.add_argument("--db-password-file", type=Path, default=None, metavar="FILE", help="the database's password, mode 0600")


def settings_of(args: argparse.Namespace, prefix: str = "") -> Settings:
    """The options, those of the root key with this `prefix`, as settings of the server. Raises ConfigError."""
    from daypass.settings import Settings, verify  # the server's imports are not for the other commands to pay

    names = {name: getattr(args, f"{prefix}{name}".replace("-", "_")) for name in _NAMES}
    settings = Settings(data=Path(args.data), db=getattr(args, "db", ""), db_password_file=args.db_password_file, **names)
    verify(settings)
    return settings


def key_maker(settings: Settings) -> Callable[[], RootKey]:
    """Makes the root key of the settings, as often as it is needed."""
    from daypass.settings import root_key_of

    return lambda: root_key_of(settings, settings.data)


def shown(manifest: Manifest) -> dict[str, Any]:
    """What a backup says of itself, for scripts."""
    return {
        "Installation": manifest.installation,
        "Version": manifest.version,
        "Schema": manifest.schema,
        "Taken": manifest.taken.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Node": manifest.node,
        "LedgerLines": {name: point.seq for name, point in sorted(manifest.points.items())},
        "Rows": {name: count for name, count in sorted(manifest.rows.items()) if count},
    }


def print_table(document: Mapping[str, Any]) -> None:
    """A document of `shown`, with what was added to it, for people."""
    rows: list[tuple[str, object]] = []
    for name, value in document.items():
        match value:
            case dict() if name == "Rows":
                rows.append((name, sum(value.values())))
            case dict():
                rows.append((name, ", ".join(f"{key}: {one}" for key, one in value.items())))
            case str() | int():
                rows.append((name, value))
    screen.table(("BACKUP", ""), rows)
