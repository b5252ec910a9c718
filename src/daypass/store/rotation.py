"""Rotation: how seal keys and data keys come and go, a step at a time. Does not decide who may ask for it (services do).

A new key is pending: it opens, and does not seal until every node that may still serve has it (by its position in the change feed).
Then it is active, in the same commit in which the one before becomes retained. A retained seal key opens until no pass that it sealed can
be alive. What a retained data key sealed is sealed again, in small batches; when nothing rests on it any more, it is removed. Each step is
one commit under the lock that all nodes share: whoever dies half way leaves the rest to any other, and two nodes never take it twice.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import Connection

from daypass import passes
from daypass.store import feed, issued, resealing
from daypass.store.changes import Changes, Conflict
from daypass.store.database import Database
from daypass.store.keys.data_key import DataKey
from daypass.store.nodes import LIVE_SECONDS, MAX_LEAD, NodeState, get_nodes
from daypass.store.records import SealKey, SealState
from daypass.store.tables import ROTATING, TABLES, data_keys
from daypass.store.vault import Vault
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

if TYPE_CHECKING:
    from daypass.store.store import Store

STALENESS = 5400.0  # seconds that a node without its database goes on, where no other is set: it makes passes with the key that it has
CLOCKS = 2 * MAX_LEAD  # seconds by which the clocks of two nodes may differ (fault F-20)
AGAIN = timedelta(minutes=5)  # until rows that could not be sealed again are tried once more

log = logging.getLogger(__name__)


class Standing(NamedTuple):
    """A key and what rests on it: of a data key rows (`resting`), of a seal key live passes, about, and until when the last may live."""

    kind: str
    id: str
    state: str
    created: datetime | None
    resting: int
    until: datetime | None
    holders: tuple[str, ...]  # live nodes that have it
    missing: tuple[str, ...]  # nodes that a pending one waits for


def new_seal_key(now: datetime, random: Callable[[int], bytes], *, active: bool = True, hurried: bool = False) -> SealKey:
    """A fresh seal key; its id is random, so that two nodes never give two keys one id."""
    return SealKey(
        id=random(4).hex(),
        account="",
        created=now,
        state="active" if active else "pending",
        activated=now if active else None,
        hurried=hurried,
        secret=Secret(random(passes.SECRET_BYTES)),
    )


class Rotation:
    """The keys of one store. `round` and `reseal` belong to the storage thread, the rest to any.

    `after`: the age at which keys are replaced by themselves, None: never. `staleness`: for how many seconds a node goes on that does not
    hear of the others.
    """

    def __init__(self, store: Store, database: Database, vault: Vault) -> None:
        self._store = store
        self._database = database
        self._vault = vault
        self.after: timedelta | None = None
        self.staleness = STALENESS
        self._moves: dict[str, DataKey] = {}  # wrapped before the turn: a root key may be far away
        self._resealing = resealing.Resealing()
        self._again = datetime.min.replace(tzinfo=UTC)
        self._told = ""

    @property
    def data_keys(self) -> Sequence[DataKey]:
        """The data keys by id."""
        return self._vault.keys

    # -- what an operator orders

    def prepare(self, now: datetime) -> DataKey:
        """A fresh pending data key for `begin`. Asks the root key. Raises ConfigError when that is away."""
        return self._vault.make("pending", now)

    def begin(self, changes: Changes, key: SealKey | DataKey) -> None:
        """Have `changes` bring a pending key in."""
        changes.oldest = ROTATING
        if isinstance(key, SealKey):
            changes.put(key)
        else:
            changes.data_keys[key.id] = key

    def revoke(self, changes: Changes, key: SealKey, now: datetime, random: Callable[[int], bytes]) -> SealKey | None:
        """Have `changes` end everything that a seal key sealed. The active one has a successor, active at once, which is given."""
        changes.put(self._replaced(key, "revoked", now))
        if key.state != "active":
            return None
        waiting = self._pending_seal()
        successor = new_seal_key(now, random) if waiting is None else msgspec.structs.replace(waiting, state="active", activated=now)
        changes.put(successor)
        return successor

    def older_nodes(self, now: datetime) -> list[str]:
        """Live nodes of an earlier version, which cannot take part."""
        with self._database.reading() as connection:
            return [node.name for node in self._nodes(connection, now) if node.live and node.schema < ROTATING]

    def standing(self, now: datetime) -> list[Standing]:
        """Every key, seal keys first, oldest first."""
        with self._store.reading():
            seals = sorted(self._store.snapshot.seal_keys, key=lambda key: (key.created, key.id))
        with self._database.reading() as connection:
            rows = resealing.count(connection)
            nodes = self._nodes(connection, now)
            shown = [self._seal_standing(connection, key, nodes, now) for key in seals]
            for data in sorted(self._vault.keys, key=lambda key: (key.created or 0, key.id)):
                created = None if data.created is None else datetime.fromtimestamp(data.created, UTC)
                have, lack = _split(nodes, feed.place_of(connection, data_keys.name, data.id), self._store, LIVE_SECONDS)
                waits = lack if data.state == "pending" else ()
                shown.append(Standing("data", data.id, data.state, created, rows.get(data.id, 0), None, have, waits))
        return shown

    def live_passes(self, key: SealKey, now: datetime) -> int:
        """About how many passes are alive that a seal key sealed."""
        with self._database.reading() as connection:
            return issued.live_between(connection, now, key.activated or key.created, key.replaced)[0]

    # -- what goes on behind the requests

    def round(self, now: datetime) -> None:
        """Take the next step, if there is one and it is time. Raises StoreFailed."""
        now = now.replace(microsecond=0)  # the finest that passes know
        try:
            if not self._may_step(now):
                return
            self._wrap(now)
            with self._store.turn():
                self._store.catch_up(now)
                changes = self._steps(now)
                if changes:
                    self._store.write(changes)
            _tell(changes)
        except Conflict:
            return  # others were quicker
        except ConfigError as failure:
            if str(failure) != self._told:
                self._told = str(failure)
                log.warning("keys cannot be rotated now, it will be tried again", extra={"reason": str(failure)})
        else:
            self._told = ""

    def reseal(self, now: datetime) -> bool:
        """Seal a batch of rows again; says whether there may be more. Raises StoreFailed."""
        if now < self._again or not any(key.state == "retained" for key in self._vault.keys):
            return False
        try:
            with self._store.turn():
                self._store.catch_up(now)
                with self._database.writing() as connection:
                    more = self._resealing.batch(connection, self._vault.envelope)
            if not more:
                self._retire(now)
        except Conflict:
            return False
        return more

    def _retire(self, now: datetime) -> None:
        """Remove the data keys that nothing rests on any more."""
        with self._store.turn():
            self._store.catch_up(now)
            with self._database.following() as connection:
                rows = resealing.count(connection)
            changes = Changes()
            for key in self._vault.keys:
                if key.state == "retained" and not rows.get(key.id):
                    changes.data_keys[key.id] = None
                elif key.state == "retained":
                    self._again = now + AGAIN
            if changes:
                self._store.write(changes)
        _tell(changes)

    def _may_step(self, now: datetime) -> bool:
        """Whether a step may be due, as far as this node knows without asking the database."""
        with self._store.reading():
            seals = list(self._store.snapshot.seal_keys)
        active = [key for key in seals if key.state == "active"]
        if len(active) != 1 or self._is_old(active[0].created, now) or self._is_due(now):
            return True
        return self._pending_data() is not None or any(key.state == "pending" or _is_over(key, now) or _is_endless(key) for key in seals)

    def _wrap(self, now: datetime) -> None:
        """Prepare what the root key is needed for."""
        waiting, active = self._pending_data(), self._vault.active
        if waiting is not None:
            if self._moves.keys() != {waiting.id, active.id}:
                self._moves = {waiting.id: self._vault.moved(waiting, "active"), active.id: self._vault.moved(active, "retained")}
        elif not self._is_due(now):
            self._moves = {}
        elif len(self._moves) != 1:
            fresh = self._vault.make("pending", now)
            self._moves = {fresh.id: fresh}

    def _steps(self, now: datetime) -> Changes:
        changes = Changes()
        with self._database.following() as connection:
            nodes = self._nodes(connection, now)
            self._seal_steps(connection, nodes, now, changes)
            self._data_steps(connection, nodes, now, changes)
        return changes

    def _seal_steps(self, connection: Connection, nodes: list[NodeState], now: datetime, changes: Changes) -> None:
        seals = sorted(self._store.snapshot.seal_keys, key=lambda key: (key.created, key.id))
        active = [key for key in seals if key.state == "active"]
        waiting = self._pending_seal()
        for key in seals:
            if _is_over(key, now):
                changes.delete(key)
            elif _is_endless(key):
                changes.put(self._replaced(key, key.state, now))
        successor = None
        if waiting is not None and (not active or not self._late(connection, nodes, waiting)):
            successor = msgspec.structs.replace(waiting, state="active", activated=now)
        elif not active:  # it is gone, or its row cannot be read (fault F-23)
            log.error("there is no active seal key: a new one is made", extra={"known": [key.id for key in seals]})
            successor = new_seal_key(now, os.urandom)
        elif waiting is None and self._is_old(active[-1].created, now) and not _older(nodes):
            self.begin(changes, new_seal_key(now, os.urandom, active=False))
        if successor is not None:
            changes.put(successor)
        for key in active if successor is not None else active[:-1]:
            changes.put(self._replaced(key, "retained", now))

    def _data_steps(self, connection: Connection, nodes: list[NodeState], now: datetime, changes: Changes) -> None:
        waiting = self._pending_data()
        if waiting is None:
            if self._is_due(now) and len(self._moves) == 1 and not _older(nodes):
                self.begin(changes, next(iter(self._moves.values())))
            return
        late = _split(nodes, feed.place_of(connection, data_keys.name, waiting.id), self._store, LIVE_SECONDS)[1]
        if not late and self._moves.keys() == {waiting.id, self._vault.active.id}:
            changes.data_keys.update(self._moves)

    def _late(self, connection: Connection, nodes: list[NodeState], key: SealKey) -> tuple[str, ...]:
        """The nodes that a pending seal key waits for: one without its database serves for a while, and would not know the key."""
        patience = LIVE_SECONDS if key.hurried else max(self.staleness, LIVE_SECONDS)
        return _split(nodes, feed.place_of(connection, TABLES[SealKey].name, key.id), self._store, patience)[1]

    def _pending_seal(self) -> SealKey | None:
        pending = [key for key in self._store.snapshot.seal_keys if key.state == "pending"]
        return min(pending, key=lambda key: (key.created, key.id), default=None)

    def _pending_data(self) -> DataKey | None:
        return next((key for key in self._vault.keys if key.state == "pending"), None)

    def _replaced(self, key: SealKey, state: SealState, now: datetime) -> SealKey:
        if key.state == "pending":  # it has sealed nothing
            return msgspec.structs.replace(key, state=state, replaced=now, until=now)
        until = now + timedelta(seconds=passes.MAX_DURATION + self.staleness + CLOCKS)
        return msgspec.structs.replace(key, state=state, replaced=key.replaced or now, until=key.until or until)

    def _is_old(self, created: datetime, now: datetime) -> bool:
        return self.after is not None and now - created >= self.after

    def _is_due(self, now: datetime) -> bool:
        """Whether the active data key is old, and no other is on its way."""
        created = self._vault.active.created
        return len(self._vault.keys) == 1 and created is not None and self._is_old(datetime.fromtimestamp(created, UTC), now)

    def _nodes(self, connection: Connection, now: datetime) -> list[NodeState]:
        return get_nodes(connection, now) if self._store.shared else []

    def _seal_standing(self, connection: Connection, key: SealKey, nodes: list[NodeState], now: datetime) -> Standing:
        resting, until = 0, None
        if key.state != "pending":
            resting, until = issued.live_between(connection, now, key.activated or key.created, key.replaced)
        have, _ = _split(nodes, feed.place_of(connection, TABLES[SealKey].name, key.id), self._store, LIVE_SECONDS)
        waits = self._late(connection, nodes, key) if key.state == "pending" else ()
        return Standing("seal", key.id, key.state, key.created, resting, until, have, waits)


def ended_with_key(keys: Iterable[SealKey], issued: int) -> bool:
    """Whether a pass that was issued then (epoch seconds) was sealed by a revoked one of `keys`, as far as times tell."""
    states = {key.state for key in keys if _sealed(key, issued)}
    return states == {"revoked"}


def _sealed(key: SealKey, issued: int) -> bool:
    began = (key.activated or key.created).timestamp()
    return key.state != "pending" and began <= issued and (key.replaced is None or issued <= key.replaced.timestamp())


def _tell(changes: Changes) -> None:
    """Have the log tell of steps that were taken: no request did, so that no line of the ledger does."""
    for record in (*changes.records, *changes.deleted):
        if isinstance(record, SealKey):
            state = "gone" if record in changes.deleted else record.state
            log.warning("a step of a seal key", extra={"key": record.id, "state": state})
    for id, key in changes.data_keys.items():
        log.warning("a step of a data key", extra={"key": id, "state": "gone" if key is None else key.state})


def _is_over(key: SealKey, now: datetime) -> bool:
    return key.until is not None and key.state in ("retained", "revoked") and now >= key.until


def _is_endless(key: SealKey) -> bool:
    """Whether a key was retained or revoked by what does not know when it is over (a restore)."""
    return key.until is None and key.state in ("retained", "revoked")


def _older(nodes: list[NodeState]) -> bool:
    return any(node.live and node.schema < ROTATING for node in nodes)


def _split(nodes: list[NodeState], place: int, store: Store, patience: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the nodes: the live ones that have come to that place in the feed; those heard of within `patience` seconds that have not."""
    if not nodes:
        return (store.node,), ()
    has = {node.name: node.position >= place or (node.name == store.node and store.position >= place) for node in nodes}
    live = tuple(node.name for node in nodes if node.live and has[node.name])
    return live, tuple(node.name for node in nodes if node.age <= patience and not has[node.name])
