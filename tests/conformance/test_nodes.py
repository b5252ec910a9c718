"""Several nodes on one database: whose turn it is, what a follower sees while others commit, who is there, whose ledger lines have come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from conformance.samples import HERE, NOW, key, putting, user
from daypass.store import Changes, Conflict, Store, StoreFailed
from daypass.store.ledger.copying import Copy
from daypass.store.records import User

Open = Callable[[], Store]
WRITERS = 3
CHANGES = 15


def test_a_turn_keeps_what_was_caught_up_with(open_another: Open) -> None:
    """Within its turn a node writes on the state that it saw, however many others want to."""
    stores = [open_another() for _ in range(WRITERS)]
    refused: list[Exception] = []
    before = threading.Barrier(WRITERS)

    def work(store: Store, first: int) -> None:
        before.wait()
        for number in range(first, first + CHANGES):
            try:
                with store.turn():
                    store.catch_up(NOW)
                    store.write(putting(user(number)))
            except (Conflict, StoreFailed) as failure:
                refused.append(failure)

    threads = [threading.Thread(target=work, args=(store, n * 100)) for n, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there = len(open_another().snapshot.users)
    assert there == WRITERS * CHANGES - len(refused)
    if stores[0].shared:
        assert refused == []


def test_a_follower_never_misses_a_change_however_commits_fall(open_another: Open) -> None:
    """It looks all the time while others commit; whatever it saw when, in the end it has what a node has that loads everything anew."""
    writers, follower = [open_another() for _ in range(WRITERS)], open_another()
    done = threading.Event()

    def write(store: Store, first: int) -> None:
        made = 0
        while made < CHANGES:
            try:
                with store.turn():
                    store.catch_up(NOW)
                    store.write(putting(user(first + made), *(key(first + made, user(first + made), slot=n) for n in (1,))))
            except (Conflict, StoreFailed):
                continue
            made += 1

    def follow() -> None:
        while not done.is_set():
            follower.catch_up(NOW)

    threads = [threading.Thread(target=write, args=(store, n * 100)) for n, store in enumerate(writers)]
    watching = threading.Thread(target=follow)
    for thread in (watching, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watching.join()
    follower.catch_up(NOW)
    fresh = open_another()
    for seen in (fresh.snapshot, follower.snapshot):
        assert len(seen.users) == len(seen.access_keys) == WRITERS * CHANGES
    assert follower.position == fresh.position


def test_a_commit_that_is_under_way_is_waited_for_by_the_next_and_seen_by_followers_in_order(open_another: Open) -> None:
    """One node has its numbers and has not committed; a later change cannot overtake it."""
    slow, quick, follower = open_another(), open_another(), open_another()
    if not slow.shared:  # SQLite's own lock: the second waits in the same way, but gives up for want of patience in this thread
        return
    arrived: list[int] = []

    def later() -> None:
        with quick.turn():
            quick.catch_up(NOW)
            quick.write(putting(user(2)))
        arrived.append(quick.position)

    second = threading.Thread(target=later)
    with slow.turn():
        slow.catch_up(NOW)
        second.start()
        second.join(0.3)
        assert arrived == []
        assert follower.catch_up(NOW) == 0
        slow.write(putting(user(1)))
    second.join()
    assert arrived == [slow.position + 1]
    assert follower.catch_up(NOW) == 2
    assert {one.id for one in follower.snapshot.users} == {user(1).id, user(2).id}


def test_a_turn_without_a_change_leaves_nothing(open_another: Open) -> None:
    one, other = open_another(), open_another()
    with one.turn():
        one.catch_up(NOW)
    with pytest.raises(RuntimeError), one.turn():
        raise RuntimeError
    other.write(putting(user()))
    assert one.catch_up(NOW) == 1


def test_a_change_made_from_an_old_state_is_a_conflict(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.write(putting(user(1)))
    with pytest.raises(Conflict, match="others have written"), other.turn():
        other.write(putting(user(2)))
    other.catch_up(NOW)
    other.write(putting(user(2)))
    assert len(open_another().snapshot.users) == 2


def test_a_conflict_within_a_change_undoes_all_of_it(open_another: Open) -> None:
    store = open_another()
    store.write(putting(user(1, name="ann")))
    changes = Changes()
    changes.put(user(2, name="bob"))
    changes.put(user(3, name="Ann"))
    with pytest.raises(Conflict), store.turn():
        store.catch_up(NOW)
        store.write(changes)
    assert [one.name for one in store.snapshot.records(User).of(HERE)] == ["ann"]
    assert len(open_another().snapshot.users) == 1


# -- who is there


def test_nodes_tell_how_far_they_are(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.node, other.node = "a", "b"
    one.write(putting(user()))
    one.beat("1.0", "http://a", 7, NOW)
    other.beat("1.1", "http://b", 3, NOW)
    newest, nodes = other.nodes(NOW)
    assert newest == one.position
    assert [(node.name, node.version, node.url, node.position, node.lines, node.live) for node in nodes] == [
        ("a", "1.0", "http://a", one.position, 7, True),
        ("b", "1.1", "http://b", 0, 3, True),
    ]
    other.catch_up(NOW)
    other.beat("1.1", "http://b", 4, NOW)
    assert {node.position for node in one.nodes(NOW)[1]} == {newest}
    one.leave()
    assert [node.name for node in other.nodes(NOW)[1]] == ["b"]


def test_f20_a_node_knows_by_how_much_others_are_ahead(open_another: Open) -> None:
    """What an order is to end was perhaps made by a clock that stands before one's own."""
    names = ("a", "ahead", "behind", "broken")
    stores = dict(zip(names, (open_another() for _ in names), strict=True))
    for name, store in stores.items():
        store.node = name
    now = datetime.now(UTC)  # the database's own clock is what counts, where there are several nodes
    clocks = {"a": 0.0, "ahead": 20.0, "behind": -40.0}
    for _ in range(2):
        for name, seconds in clocks.items():
            stores[name].beat("1", "", 0, now + timedelta(seconds=seconds))
    if stores["a"].shared:
        assert [round(stores[name].lead, -1) for name in clocks] == [20, 0, 60]
        stores["broken"].beat("1", "", 0, now + timedelta(days=1))
        stores["a"].beat("1", "", 0, now)
        assert stores["a"].lead == 300


# -- the lines of all nodes


def copy(number: int, mac: bytes = b"") -> Copy:
    return Copy(number, mac or b"%032d" % number, int(NOW.timestamp()) + number, b'{"line":%d}' % number)


def test_lines_come_in_the_order_of_their_arrival_and_once(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.node, other.node = "a", "b"
    assert one.last_shipped() == (0, b"")
    one.ship_lines([copy(1), copy(2)])
    other.ship_lines([copy(1)])
    one.ship_lines([copy(2), copy(3)])  # what was stored and not known to be
    assert one.last_shipped() == (3, copy(3).mac)
    assert other.shipped_marks() == {"a": 3, "b": 1}
    found = other.lines_after(0, 10)
    assert [(line.node, line.raw) for line in found] == [(n, copy(i).raw) for n, i in (("a", 1), ("a", 2), ("b", 1), ("a", 3))]
    assert other.lines_after(found[1].arrival, 1) == [found[2]]
    assert other.lines_before(None, 2) == [found[3], found[2]]
    assert other.lines_before(found[2].arrival, 9) == [found[1], found[0]]
    assert other.lines_after(0, 10, NOW + timedelta(seconds=3)) == [found[3]]


def test_a_ledger_that_lost_lines_and_went_on_has_both_kept(open_another: Open) -> None:
    store = open_another()
    store.ship_lines([copy(1), copy(2)])
    store.ship_lines([copy(1), copy(2, b"x" * 32)])
    assert len(store.lines_after(0, 10)) == 3
    assert store.last_shipped() == (2, b"x" * 32)


def test_each_node_has_its_own_outbox(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.node, other.node = "a", "b"
    one.write(putting(user(1)), b"{1}", "r-1")
    other.catch_up(NOW)
    other.write(putting(user(2)), b"{2}", "r-2")
    assert one.outbox_lines() == [("r-1", b"{1}")]
    assert other.outbox_lines() == [("r-2", b"{2}")]
