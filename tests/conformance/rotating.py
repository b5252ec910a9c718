"""What tests of rotating keys do to a store, and how they look at it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from conformance.samples import NOW
from daypass.store import Changes, Store
from daypass.store.records import SealKey
from daypass.store.rotation import Standing, new_seal_key

Open = Callable[[], Store]
LATER = NOW + timedelta(minutes=1)


def pending(n: int = 9, **more: Any) -> SealKey:
    return new_seal_key(NOW, lambda count: bytes([n]) * count, active=False, **more)


def begin(store: Store, *keys: Any) -> None:
    changes = Changes()
    for one in keys:
        store.rotation.begin(changes, one)
    with store.turn():
        store.catch_up(NOW)
        store.write(changes)


def begin_data(store: Store) -> str:
    made = store.rotation.prepare(NOW)
    begin(store, made)
    return made.id


def state_of(store: Store, id: str) -> str:
    found = [one.state for one in store.rotation.standing(NOW) if one.id == id]
    return found[0] if found else ""


def standing(store: Store, kind: str, now: Any = NOW) -> list[Standing]:
    return [one for one in store.rotation.standing(now) if one.kind == kind]


def reseal_all(store: Store) -> int:
    """Seal everything again; how many batches that took."""
    batches = 1
    while store.rotation.reseal(NOW):
        batches += 1
    return batches


def execute(store: Store, statement: str, **given: Any) -> None:
    with store._engine.begin() as connection:
        connection.execute(text(statement), given)
