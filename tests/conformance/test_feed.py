"""What one node commits, the others see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from conformance.samples import HERE, NOW, deleting, key, order, putting, role, session, user
from daypass.store import Conflict, Store, StoreFailed, feed

Open = Callable[[], Store]


def test_another_node_catches_up_with_puts_and_deletes(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.write(putting(user(1), user(2), key(1)))
    assert other.snapshot.users.find(user(1).id) is None
    assert other.catch_up(NOW) == 3
    assert other.snapshot.access_keys.find(key(1).id) == key(1)
    one.write(deleting(user(2)))
    one.write(putting(user(1, name="renamed")))
    assert other.catch_up(NOW) == 2
    assert [one.name for one in other.snapshot.users.of(HERE)] == ["renamed"]
    assert other.catch_up(NOW) == 0


def test_a_record_put_and_deleted_in_between_was_never_there(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.write(putting(user(1)))
    one.write(deleting(user(1)))
    other.catch_up(NOW)
    assert len(other.snapshot.users) == 0


def test_more_changes_than_one_query_takes_are_all_seen(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.write(putting(*(role(n) for n in range(1203))))
    assert other.catch_up(NOW) == 1203
    assert len(other.snapshot.roles) == 1203


def test_an_order_to_end_reaches_the_other_node(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.write(putting(role()))
    other.catch_up(NOW)
    assert other.snapshot.ended(session()) is None
    one.write(putting(order("session", session().id.hex())))
    other.catch_up(NOW)
    assert other.snapshot.ended(session()) is not None


def test_a_node_behind_the_end_of_the_feed_loads_everything(open_another: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "KEPT", 3)
    one, other = open_another(), open_another()
    one.write(putting(*(user(n) for n in range(10))))
    one.write(deleting(user(0)))
    other.snapshot.use("AKIA0000000000000001", NOW, "sts", "us-east-1")
    one.collect(NOW)
    assert other.catch_up(NOW) == 9
    assert len(other.snapshot.users) == 9
    used = other.snapshot.last_used("AKIA0000000000000001")
    assert used is not None and used.at == NOW  # what was not yet flushed is not lost
    one.write(putting(role()))  # numbers go on
    assert other.catch_up(NOW) == 1


def test_the_age_grows_until_the_feed_is_read(store: Store) -> None:
    later = NOW + timedelta(seconds=90)
    assert store.feed_age(NOW) == 0
    assert store.feed_age(later) == 90
    store.catch_up(later)
    assert store.feed_age(later) == 0
    assert store.feed_age(NOW) == 0
    store.catch_up(NOW)  # a clock that is behind makes nothing older
    assert store.feed_age(later) == 0


def test_f09_a_database_that_is_older_than_what_was_seen_is_not_followed(open_another: Open) -> None:
    """A primary that was left behind, or a backup put back under running nodes: nothing is read from it, nothing written to it."""
    store = open_another()
    store.write(putting(user(1)))
    store.write(putting(order("principal", user(1).id)))
    with store._database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM changes WHERE seq = (SELECT max(seq) FROM changes)")
        connection.exec_driver_sql("DELETE FROM revocations")
    later = NOW + timedelta(seconds=60)
    with pytest.raises(StoreFailed, match="older than what this node has seen"):
        store.catch_up(later)
    assert store.feed_age(later) == 60
    assert len(store.snapshot.revocations) == 1
    with pytest.raises(Conflict):
        store.write(putting(user(2)))
