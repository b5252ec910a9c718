"""Restore: a backup becomes an installation that serves, on a clean host. Touches nothing before the whole backup was looked at.

Everything is built in `DIR/restoring`, with which no server starts, and put in place at the end; what a broken restore left there, the next
one clears away. With PostgreSQL the state goes there in one transaction before that. So after a crash there is all of it, or nothing.
"""

from __future__ import annotations

import math
import os
import shlex
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError

from daypass.store.backup.aftermath import Aftermath, aftermath
from daypass.store.backup.chains import Later, adopt, later_lines
from daypass.store.backup.frames import Manifest, check
from daypass.store.backup.loading import DATABASE, LEDGER, load
from daypass.store.changes import StoreFailed
from daypass.store.durable import sync_directory
from daypass.store.engine import error_name, reader
from daypass.store.keys import RootKey
from daypass.store.ledger.line import restored_notice_of
from daypass.store.ledger.writer import Ledger, LedgerFailed
from daypass.store.lock import STAGE, lock_directory
from daypass.store.opening import engine_of, open_store
from daypass.store.schema import version_of
from daypass.store.store import Store
from daypass.store.vault import whose
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

NODE = "node"
NAMED = "database"  # the file in DIR that names a PostgreSQL
_BUILT = (DATABASE, LEDGER, NODE, NAMED)
_MAY_BE_THERE = ("root.key", "lock", STAGE)

MakeKey = Callable[[], RootKey]  # a root key is taken up once, and a restore looks at the backup more than once
Reached = Callable[[int, int], None]


class Target(NamedTuple):
    """Where the installation goes: its directory, and the URL and password of an empty PostgreSQL, or "" for a file in the directory."""

    data: Path
    url: str = ""
    password: Secret | None = None


class Restored(NamedTuple):
    """What was restored: what the backup said of itself, what was not revived, how many lines the ledger has that the state has not,
    and the nodes whose ledgers since the backup nobody gave."""

    manifest: Manifest
    aftermath: Aftermath
    later_lines: int
    unknown_nodes: list[str]


def prove(file: Path, make_key: MakeKey, now: datetime, reached: Reached) -> Restored:
    """Restore `file` into a directory that is then removed: every row, every sealed secret and the ledger's chain are looked at."""
    with TemporaryDirectory(prefix="daypass-verify-") as scratch:
        return _build(file, make_key, Path(scratch), now, (), keep=True, reached=reached)


def restore(
    file: Path, make_key: MakeKey, target: Target, now: datetime, *, old: Sequence[Path] = (), keep: bool = False, reached: Reached
) -> Restored:
    """Make an installation of the backup `file`.

    `old` are data directories of nodes from before, whose ledgers tell what was ended since; `keep` says that what nobody can tell of
    comes back as it was. Raises ConfigError: the backup is not whole, or the target holds something; nothing was changed then.
    """
    _verify_free(target)
    with lock_directory(target.data):
        stage = target.data / STAGE
        _clear(target.data)
        stage.mkdir(mode=0o700)
        try:
            restored = _build(file, make_key, stage, now, old, keep=keep, reached=reached)
            if target.url:
                _send(stage, target, restored.manifest.node)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise
        _put_in_place(stage)
    return restored


def _verify_free(target: Target) -> None:
    there = {path.name for path in target.data.iterdir()} if target.data.is_dir() else set()
    more = sorted(there - set(_MAY_BE_THERE) - (set(_BUILT) if STAGE in there else set()))
    if more:
        shown = shlex.quote(str(target.data))
        raise ConfigError(
            f"{target.data} holds {', '.join(more[:3])}: a restore needs an empty directory, or one with root.key alone. Nothing was "
            f"changed. To keep what is there: mv {shown} {shown}.old"
        )
    if target.url:
        engine, _ = engine_of(target.url, "", target.password)
        try:
            with reader(engine).begin() as connection:
                if version_of(connection) and whose(connection) is not None:
                    raise ConfigError(f"{target.url} holds an installation: give an empty database (createdb). Nothing was changed.")
        except DBAPIError as error:
            raise ConfigError(f"The database {target.url} cannot be asked: {error_name(error)}. Nothing was changed.") from error
        finally:
            engine.dispose()


def _clear(data: Path) -> None:
    """Remove what a restore that was broken off left."""
    if (data / STAGE).exists():
        for name in _BUILT:
            path = data / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.rmtree(data / STAGE)


def _build(
    file: Path, make_key: MakeKey, directory: Path, now: datetime, old: Sequence[Path], *, keep: bool, reached: Reached
) -> Restored:
    """(1) the whole backup is authentic, (2) its rows and files are there, (3) what is sealed opens, (4) the ledger's chain holds,
    (5) what was ended stays ended, (6) the ledger says so."""
    size = file.stat().st_size if file.exists() else 0
    manifest = check(file, make_key(), lambda done: reached(done, 2 * size))  # (1)
    load(file, make_key(), manifest, directory, lambda done: reached(size + done, 2 * size))  # (2)
    store = open_store(directory / DATABASE, make_key(), now, alone=True, node=manifest.node)
    try:
        _verify_sound(store)  # (3)
        key = store.secret("ledger")
        adopt(directory / LEDGER, manifest, old)
        later = later_lines(directory / LEDGER, key, manifest, old)  # (4)
        moment = _moment(now, store.clock_high_water, later)
        doubted = bool(later.unknown) and not keep
        result = aftermath(store.snapshot, later.entries, moment, doubted=doubted)  # (5)
        store.write(result.changes)
        _write_line(store, directory / LEDGER, key, manifest, later, moment)  # (6)
        # passes that are made from here on are of a later second than those that were ended
        store.raise_clock(moment + timedelta(seconds=1))
    except (StoreFailed, LedgerFailed) as failure:
        raise ConfigError(f"The backup could not be put together: {failure}. Nothing was changed.") from failure
    finally:
        store.close()
    (directory / NODE).write_text(f"{manifest.node}\n")
    return Restored(manifest, result, later.own, later.unknown)


def _verify_sound(store: Store) -> None:
    damaged = store.damage()
    if damaged:
        raise ConfigError(f"The backup has rows that cannot be read: {'; '.join(damaged[:3])}. Take another one. Nothing was changed.")
    store.verify_secrets()


def _moment(now: datetime, seen: datetime | None, later: Later) -> datetime:
    """The time of the restore in whole seconds: not before anything that was recorded, whatever this host's clock says (fault F-19)."""
    times = [now, *([seen] if seen else []), *(entry.eventTime for entry in later.entries[-1:])]
    return datetime.fromtimestamp(math.ceil(max(times).timestamp()), UTC)


def _write_line(store: Store, directory: Path, key: Secret, manifest: Manifest, later: Later, moment: datetime) -> None:
    ledger = Ledger(directory, key, manifest.node)
    ledger.open(moment, store.anchored(manifest.node))
    ledger.recover(store.outbox_lines())  # of changes before the backup, and so they come before this
    ledger.append_sync([restored_notice_of(moment, manifest.taken, head_line=manifest.point.seq, later_lines=later.own)])
    ledger.close()
    store.anchor(ledger.head, moment)


def _send(stage: Path, target: Target, node: str) -> None:
    from daypass.store.moving import move  # PostgreSQL's imports are for those who have it

    if move(stage / DATABASE, target.url, node, target.password).again:
        raise ConfigError(f"{target.url} holds an installation: give an empty database (createdb). Nothing was changed.")
    (stage / DATABASE).unlink()
    (stage / NAMED).write_text(f"{target.url}\n")


def _put_in_place(stage: Path) -> None:
    """One name after the other, when all of it is on disk; as long as the stage is there, no server starts."""
    for path in sorted(stage.rglob("*")):
        if path.is_dir():
            sync_directory(path)
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())
    for path in sorted(stage.iterdir()):
        path.rename(stage.parent / path.name)
    sync_directory(stage.parent)
    stage.rmdir()
    sync_directory(stage.parent)
