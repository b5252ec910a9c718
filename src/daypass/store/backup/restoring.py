"""Restore: a backup becomes an installation that serves, on a clean host. Touches nothing before the whole backup was looked at.

Everything is built in `DIR/restoring`, with which no server starts, and put in place at the end (placing.py). After a crash there is all of
it, or nothing, or what the same command finishes.
"""

from __future__ import annotations

import math
import shlex
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from daypass.store.backup.aftermath import Aftermath, aftermath
from daypass.store.backup.chains import Later, adopt, later_lines
from daypass.store.backup.frames import Manifest, check
from daypass.store.backup.loading import DATABASE, LEDGER, load
from daypass.store.backup.placing import BUILT, DONE, NODE, Mark, Target, clear, find_sent, finish, place
from daypass.store.changes import Changes, StoreFailed
from daypass.store.keys import RootKey
from daypass.store.ledger.line import restored_notice_of
from daypass.store.ledger.writer import Ledger, LedgerFailed
from daypass.store.lock import STAGE, lock_directory
from daypass.store.opening import open_store
from daypass.store.records import Revocation
from daypass.store.store import Store
from daypass.store.tables import SCHEMA
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

_TOLD = ("ended", "inactive", "to_review", "undone")
_MAY_BE_THERE = ("root.key", "lock", STAGE)

MakeKey = Callable[[], RootKey]  # a root key is taken up once, and a restore looks at the backup more than once
Reached = Callable[[int, int], None]


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
    """Make an installation of the backup `file`; or finish the restore of it to `target` that was broken off when its state was in the
    database already, and give what that one had found.

    `old` are data directories of nodes from before, whose ledgers tell what was ended since; `keep` says that what nobody can tell of
    comes back as it was. Raises ConfigError: the backup is not whole, or the target holds something; nothing was changed then.
    """
    _verify_free(target.data)
    find_sent(target)  # and so nothing is made where the database is not free
    with lock_directory(target.data):
        if (sent := find_sent(target)) is not None:
            return _finish(file, make_key, target, sent, reached)
        stage = target.data / STAGE
        clear(target.data)
        stage.mkdir(mode=0o700)
        try:
            restored = _build(file, make_key, stage, now, old, keep=keep, reached=reached)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise
        place(target, _mark(target, restored))  # whatever becomes of it, the stage is what tells how far it went
    return restored


def _mark(target: Target, restored: Restored) -> Mark:
    result = restored.aftermath
    order = next(one.id for one in result.changes.records if isinstance(one, Revocation))
    told = {name: getattr(result, name) for name in _TOLD}
    return Mark(target.url, restored.manifest, order, told, restored.later_lines, restored.unknown_nodes)


def _finish(file: Path, make_key: MakeKey, target: Target, sent: Mark, reached: Reached) -> Restored:
    size = file.stat().st_size if file.exists() else 0
    if check(file, make_key(), lambda done: reached(done, size)) != sent.manifest:
        raise ConfigError(
            f"{target.url} holds what a restore that was broken off brought there, of the backup that {sent.manifest.node} took at "
            f"{sent.manifest.taken:%Y-%m-%dT%H:%M:%SZ}: run `daypass restore` with that file again, or give an empty database (createdb). "
            "Nothing was changed."
        )
    finish(target)
    return Restored(sent.manifest, Aftermath(Changes(), **sent.told), sent.later_lines, sent.unknown_nodes)


def _verify_free(data: Path) -> None:
    there = {path.name for path in data.iterdir()} if data.is_dir() else set()
    if {DONE, NODE} <= there and STAGE not in there:
        raise ConfigError(
            f"A restore to {data} is done, all but for a folder that nobody needs: daypass up --data {shlex.quote(str(data))}"
        )
    more = sorted(there - set(_MAY_BE_THERE) - (set(BUILT) if STAGE in there else set()))
    if more:
        shown = shlex.quote(str(data))
        raise ConfigError(
            f"{data} holds {', '.join(more[:3])}: a restore needs an empty directory, or one with root.key alone. Nothing was "
            f"changed. To keep what is there: mv {shown} {shown}.old"
        )


def _build(file: Path, make_key: MakeKey, directory: Path, now: datetime, old: Sequence[Path], *, keep: bool, reached: Reached) -> Restored:
    """(1) the whole backup is authentic, (2) its rows and files are there, (3) what is sealed opens, (4) the ledger's chain holds,
    (5) what was ended stays ended, (6) the ledger says so."""
    size = file.stat().st_size if file.exists() else 0
    manifest = check(file, make_key(), lambda done: reached(done, 2 * size))  # (1)
    if manifest.schema > SCHEMA:
        raise ConfigError(
            f"The backup {file} has schema {manifest.schema}, this daypass goes up to {SCHEMA}: restore it with daypass {manifest.version} "
            "or a newer one. Nothing was changed."
        )
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
