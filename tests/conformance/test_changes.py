"""A change is committed as a whole, durably, and never over another node's."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from conformance.samples import HERE, NOW, THERE, deleting, group, key, managed, putting, role, seal_key, used, user
from daypass.store import Changes, Conflict, Store
from daypass.store.records import Record

Open = Callable[[], Store]


def test_an_empty_database_has_nothing(store: Store) -> None:
    assert store.own_organization() is None
    assert store.outbox_lines() == []
    assert store.damage() == []


@pytest.mark.parametrize("record", [user(), role(tags=(("k", "v"),)), group(inline={"p": "{}"}), managed(), key(), seal_key(), used()])
def test_a_record_is_there_at_once_and_after_a_restart(open_another: Open, record: Record) -> None:
    store = open_another()
    store.write(putting(record))
    assert store.snapshot.records(type(record)).find(record.id) == record
    store.close()
    assert open_another().snapshot.records(type(record)).find(record.id) == record


def test_a_new_version_takes_the_place_of_the_old(open_another: Open) -> None:
    store = open_another()
    store.write(putting(role(name="old", path="/a/")))
    store.write(putting(role(name="new", path="/b/")))
    for seen in (store.snapshot, open_another().snapshot):
        assert seen.roles.named(HERE, "old") is None
        assert seen.roles.named(HERE, "new") == role(name="new", path="/b/")
        assert len(seen.roles) == 1


def test_a_deleted_record_is_gone_and_its_name_free(open_another: Open) -> None:
    store = open_another()
    store.write(putting(user(1, name="ann")))
    store.write(deleting(user(1, name="ann")))
    assert store.snapshot.users.find(user(1).id) is None
    store.write(putting(user(2, name="ann")))
    assert [one.id for one in open_another().snapshot.users] == [user(2).id]


def test_one_change_may_delete_a_record_and_put_another_of_its_name(open_another: Open) -> None:
    store = open_another()
    store.write(putting(user(1, name="ann")))
    changes = putting(user(2, name="Ann"))
    changes.delete(user(1, name="ann"))
    store.write(changes)
    for seen in (store.snapshot, open_another().snapshot):
        found = seen.users.named(HERE, "ANN")
        assert found is not None and found.id == user(2).id


@pytest.mark.parametrize("name", ["ann", "ANN", "aNN"])
def test_a_name_is_taken_in_any_ascii_case(store: Store, name: str) -> None:
    store.write(putting(user(1, name="Ann")))
    with pytest.raises(Conflict) as conflict:
        store.write(putting(user(2, name=name)))
    assert conflict.value.table == "users"
    assert store.snapshot.users.find(user(2).id) is None


def test_a_name_is_free_in_another_account_in_another_kind_and_by_another_letter(store: Store) -> None:
    store.write(putting(user(1, name="Kim")))
    kelvin = user(3, name="\u212aim")  # str.lower() makes it "kim"
    store.write(putting(user(2, name="Kim", account=THERE), role(1, name="kim"), kelvin))
    assert len(store.snapshot.users) == 3


def test_nothing_of_a_conflicting_change_is_written(open_another: Open) -> None:
    store = open_another()
    store.write(putting(user(1, name="ann")))
    with pytest.raises(Conflict):
        store.write(putting(role(1), user(2, name="ann")), b"a line", "request")
    assert store.outbox_lines() == []
    for seen in (store.snapshot, open_another().snapshot):
        assert len(seen.roles) == 0
        assert len(seen.users) == 1
    store.write(putting(role(1)))  # and the store goes on


def test_what_another_node_deleted_is_not_put_back(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.write(putting(user(1)))
    other.catch_up(NOW)
    other.write(deleting(user(1)))
    with pytest.raises(Conflict):
        one.write(putting(user(1, tags=(("a", "b"),))))
    one.catch_up(NOW)
    assert one.snapshot.users.find(user(1).id) is None


def test_deleting_what_is_not_there_is_a_conflict(store: Store) -> None:
    with pytest.raises(Conflict) as conflict:
        store.write(deleting(user(1)))
    assert conflict.value.table == "users"


def test_a_change_made_from_a_state_that_has_moved_on_is_refused(open_another: Open) -> None:
    one, other = open_another(), open_another()
    one.write(putting(user(1)))
    with pytest.raises(Conflict) as conflict:
        other.write(putting(role(1)))  # unrelated, but made without knowing of the user
    assert conflict.value.table == "changes"
    other.catch_up(NOW)
    other.write(putting(role(1)))


def test_the_line_of_a_change_waits_until_it_is_fetched(open_another: Open) -> None:
    store = open_another()
    store.write(putting(user(1)), b'{"first"}', "r-2")
    store.write(putting(user(2)), b'{"second"}', "r-1")
    assert store.outbox_lines() == [("r-2", b'{"first"}'), ("r-1", b'{"second"}')]
    store.forget_outbox(["r-2", "never seen"])
    assert open_another().outbox_lines() == [("r-1", b'{"second"}')]


def test_the_last_word_on_a_record_counts() -> None:
    changes = Changes()
    assert not changes
    changes.put(user(1))
    changes.put(user(1, name="renamed"))
    assert changes.records == (user(1, name="renamed"),)
    changes.delete(user(1))
    assert (changes.records, changes.deleted) == ((), (user(1),))
    changes.put(user(1))
    assert (changes.records, changes.deleted) == ((user(1),), ())
    assert changes


def test_h69_a_third_key_cannot_exist(open_another: Open) -> None:
    store = open_another()
    store.write(putting(user(), key(1, slot=1), key(2, slot=2)))
    for slot in (1, 2):
        with pytest.raises(Conflict) as conflict:
            store.write(putting(key(3, slot=slot)))
        assert conflict.value.table == "access_keys"
    store.write(putting(key(3, user(2), slot=1), user(2)))  # another user's slot is free


def test_h69_two_nodes_racing_for_keys_make_two(open_another: Open) -> None:
    nodes = [open_another(), open_another()]
    nodes[0].write(putting(user()))
    made: list[str] = []
    refused: list[int] = []
    barrier = threading.Barrier(2)

    def race(node: Store, first: int) -> None:
        barrier.wait()
        for n in range(first, first + 25):
            node.catch_up(NOW)
            free = {1, 2} - {held.slot for held in node.snapshot.keys_of(user().id)}
            try:
                node.write(putting(key(n, slot=min(free, default=1))))
                made.append(key(n).id)
            except Conflict:
                refused.append(n)

    threads = [threading.Thread(target=race, args=(node, 100 * n)) for n, node in enumerate(nodes, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert len(refused) == 48
    assert sorted(one.id for one in open_another().snapshot.keys_of(user().id)) == sorted(made)
