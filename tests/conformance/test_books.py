"""The store's own books: key usage, anchors, the clock, secrets of the installation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace
from sqlalchemy import text

from conformance.samples import NOW, THERE, account, deleting, key, organization, putting, user
from daypass.store import Store
from daypass.store.ledger import Head

Open = Callable[[], Store]


def test_the_last_use_of_a_key_is_kept(open_another: Open) -> None:
    store = open_another()
    store.write(putting(user(), key(1)))
    assert store.snapshot.last_used(key(1).id) is None
    store.snapshot.use(key(1).id, NOW, "iam", "us-east-1")
    store.snapshot.use(key(1).id, NOW + timedelta(seconds=5), "sts", "eu-west-1")
    assert store.flush_usage() == 1
    assert store.flush_usage() == 0
    last = open_another().snapshot.last_used(key(1).id)
    assert last == (NOW + timedelta(seconds=5), "sts", "eu-west-1")


def test_the_installations_own_organization_is_noted_and_no_other_takes_its_place(open_another: Open) -> None:
    store = open_another()
    store.write(putting(organization(2), account()))
    first = store.own_organization()
    assert first == organization(2)
    store.write(putting(organization(1, account=THERE), account(THERE)))  # as old, and before it in order
    assert store.own_organization() == first
    again = open_another()
    assert again.own_organization() == first
    again.write(deleting(organization(2)))
    assert again.own_organization() is None


def test_where_none_was_noted_it_is_the_oldest_of_those_that_can_all_be_read(open_another: Open) -> None:
    store = open_another()
    old = replace(organization(2, account=THERE), created=NOW - timedelta(days=1))
    store.write(putting(organization(1), account(), old, account(THERE)))
    damaged = text("UPDATE organizations SET body = :body WHERE id = :id")
    with store._engine.begin() as connection:
        body = connection.execute(text("SELECT body FROM organizations WHERE id = :id"), {"id": old.id}).scalar()
        connection.execute(damaged, {"id": old.id, "body": b"garbage"})
    assert open_another().own_organization() is None  # INVARIANT: the other one's account is not the operator's
    with store._engine.begin() as connection:
        connection.execute(damaged, {"id": old.id, "body": body})
    assert open_another().own_organization() == old


def test_temporary_keys_are_not_noted(store: Store) -> None:
    store.snapshot.use("ASIA0000000000000001", NOW, "sts", "us-east-1")
    assert store.snapshot.last_used("ASIA0000000000000001") is None
    assert store.flush_usage() == 0


def test_the_use_of_a_deleted_key_is_forgotten(open_another: Open) -> None:
    store = open_another()
    store.write(putting(user(), key(1), key(2, slot=2)))
    for n in (1, 2):
        store.snapshot.use(key(n).id, NOW, "iam", "us-east-1")
    store.flush_usage()
    store.write(deleting(key(1)))
    assert store.snapshot.last_used(key(1).id) is None
    store.snapshot.use(key(2, slot=2).id, NOW, "iam", "us-east-1")
    store.flush_usage()
    assert open_another().snapshot.last_used(key(1).id) is None


def test_each_node_has_its_anchor(open_another: Open) -> None:
    store = open_another()
    assert store.anchored("a") is None
    store.anchor(Head("a", 3, b"3" * 32), NOW)
    store.anchor(Head("b", 9, b"9" * 32), NOW)
    store.anchor(Head("a", 4, b"4" * 32), NOW)
    assert open_another().anchored("a") == Head("a", 4, b"4" * 32)


def test_the_clock_mark_only_rises(open_another: Open) -> None:
    store = open_another()
    assert store.clock_high_water is None
    store.raise_clock(NOW)
    store.raise_clock(NOW - timedelta(hours=1))
    assert open_another().clock_high_water == NOW
    store.raise_clock(NOW + timedelta(seconds=1))
    assert store.clock_high_water == NOW + timedelta(seconds=1)


def test_a_secret_of_the_installation_is_made_once(open_another: Open) -> None:
    one, other = open_another(), open_another()
    made = one.secret("ledger")
    assert len(made.reveal()) == 32
    assert other.secret("ledger") == made
    assert other.secret("another") != made


def test_a_later_use_that_another_node_noted_stays(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.write(putting(user(), key(1)))
    other.catch_up(NOW)
    other.snapshot.use(key(1).id, NOW + timedelta(seconds=9), "sts", "eu-west-1")
    one.snapshot.use(key(1).id, NOW, "iam", "us-east-1")
    other.flush_usage()
    one.flush_usage()
    assert open_another().snapshot.last_used(key(1).id) == (NOW + timedelta(seconds=9), "sts", "eu-west-1")
    if one.shared:
        one.collect(NOW)
        assert one.snapshot.last_used(key(1).id) == (NOW + timedelta(seconds=9), "sts", "eu-west-1")
