"""Keys that rotate: a step at a time, over restarts and several nodes, and never by what somebody wrote into the database."""

from __future__ import annotations

import threading
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import text

from conformance.rotating import LATER, Open, begin, begin_data, execute, pending, reseal_all, standing, state_of
from conformance.samples import NOW, key, putting, seal_key, user
from daypass import passes
from daypass.store import Changes, Store, StoreFailed, resealing, rotation
from daypass.store.records import AccessKey


def fill(store: Store, count: int) -> None:
    store.write(putting(*(user(n) for n in range(1, count + 1)), *(key(n, user(n)) for n in range(1, count + 1))))


# -- seal keys


def test_a_seal_key_is_pending_then_active_and_the_one_before_opens_until_its_passes_are_over(store: Store) -> None:
    store.write(putting(seal_key(1)))
    fresh = pending()
    begin(store, fresh)
    assert store.snapshot.active_seal_key.id == seal_key(1).id
    assert fresh.id in store.snapshot.open_seal_keys  # a node that is quicker may seal with it
    store.rotation.round(LATER)
    assert store.snapshot.active_seal_key.id == fresh.id
    assert [one.state for one in standing(store, "seal")] == ["retained", "active"]
    old = store.snapshot.seal_keys.find(seal_key(1).id)
    assert old is not None and old.until is not None and old.replaced == LATER
    longest = timedelta(seconds=passes.MAX_DURATION + store.rotation.staleness)
    assert old.until >= LATER + longest
    store.rotation.round(old.until - timedelta(seconds=1))
    assert seal_key(1).id in store.snapshot.open_seal_keys
    store.rotation.round(old.until)
    assert [one.id for one in standing(store, "seal")] == [fresh.id]


def test_revoking_the_active_one_makes_its_successor_in_the_same_change(store: Store) -> None:
    store.write(putting(seal_key(1)))
    changes = Changes()
    successor = store.rotation.revoke(changes, seal_key(1), LATER, lambda count: bytes([7]) * count)
    store.write(changes)
    assert successor is not None and store.snapshot.active_seal_key.id == successor.id
    assert seal_key(1).id not in store.snapshot.open_seal_keys
    assert seal_key(1).id in store.snapshot.revoked_seal_keys


def test_revoking_the_active_one_while_another_is_pending_takes_that(store: Store) -> None:
    store.write(putting(seal_key(1)))
    begin(store, waiting := pending())
    changes = Changes()
    successor = store.rotation.revoke(changes, seal_key(1), LATER, lambda count: bytes([7]) * count)
    store.write(changes)
    assert successor is not None and successor.id == waiting.id == store.snapshot.active_seal_key.id
    assert len(standing(store, "seal")) == 2


@pytest.mark.parametrize("loss", ["deleted", "altered"])
def test_f23_where_the_active_key_is_lost_a_new_one_is_made_and_the_others_go_on(open_another: Open, loss: str) -> None:
    store = open_another()
    store.write(putting(seal_key(1, "retained"), seal_key(2)))
    if loss == "deleted":
        execute(store, "DELETE FROM seal_keys WHERE id = :id", id=seal_key(2).id)
    else:
        execute(store, "UPDATE seal_keys SET body = :body WHERE id = :id", id=seal_key(2).id, body=b"{}")
    again = open_another()
    with pytest.raises(StoreFailed, match="no active seal key"):
        _ = again.snapshot.active_seal_key
    again.rotation.round(LATER)
    made = again.snapshot.active_seal_key
    assert made.id not in (seal_key(1).id, seal_key(2).id)
    assert seal_key(1).id in again.snapshot.open_seal_keys
    assert open_another().snapshot.active_seal_key.id == made.id


def test_of_two_active_keys_one_is_left(store: Store) -> None:
    store.write(putting(seal_key(1), seal_key(2, created=LATER)))
    store.rotation.round(LATER)
    assert [one.state for one in standing(store, "seal")] == ["retained", "active"]


def test_f23_two_nodes_that_step_at_once_take_one_step(open_another: Open) -> None:
    stores = [open_another() for _ in range(3)]
    stores[0].write(putting(seal_key(1)))
    begin(stores[0], fresh := pending())
    begin_data(stores[0])
    for store in stores:
        store.catch_up(NOW)
    gate = threading.Barrier(len(stores))

    def step(store: Store) -> None:
        gate.wait()
        store.rotation.round(LATER)

    threads = [threading.Thread(target=step, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh_look = open_another()
    assert [one.id for one in standing(fresh_look, "seal") if one.state == "active"] == [fresh.id]
    assert [one.state for one in standing(fresh_look, "data")].count("active") == 1
    for store in stores:
        store.catch_up(LATER)
        assert store.snapshot.active_seal_key.id == fresh.id


def test_keys_are_replaced_by_themselves_at_an_age_and_not_before(store: Store) -> None:
    store.write(putting(seal_key(1)))
    before = [one.id for one in store.rotation.standing(NOW)]
    store.rotation.after = timedelta(days=30)
    store.rotation.round(NOW + timedelta(days=30, seconds=-1))
    assert [one.id for one in store.rotation.standing(NOW)] == before
    due = NOW + timedelta(days=30)
    for _ in range(3):
        store.rotation.round(due)
    states = {(one.kind, one.state) for one in store.rotation.standing(due)}
    assert states == {("seal", "retained"), ("seal", "active"), ("data", "retained"), ("data", "active")}
    store.rotation.round(due + timedelta(days=29))
    assert sum(one.kind == "data" and one.state == "pending" for one in store.rotation.standing(due)) == 0


def test_what_a_restore_revoked_is_over_some_day_as_well(store: Store) -> None:
    store.write(putting(seal_key(1, "revoked"), seal_key(2)))
    store.rotation.round(NOW)
    old = store.snapshot.seal_keys.find(seal_key(1).id)
    assert old is not None and old.until is not None
    store.rotation.round(old.until)
    assert store.snapshot.seal_keys.find(seal_key(1).id) is None


# -- data keys


def test_rows_are_sealed_again_in_batches_and_the_old_key_is_removed(open_another: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "ROWS_AT_ONCE", 7)
    store = open_another()
    store.write(putting(seal_key(1)))
    fill(store, 30)
    store.secret("ledger")
    (first,) = standing(store, "data")
    assert first.resting == 32
    fresh = begin_data(store)
    assert reseal_all(store) == 1  # nothing yet: it is not active
    store.rotation.round(NOW)
    assert {one.id: one.state for one in standing(store, "data")} == {first.id: "retained", fresh: "active"}
    assert reseal_all(store) >= 5
    assert [(one.id, one.resting) for one in standing(store, "data")] == [(fresh, 32)]
    again = open_another()
    assert again.damage() == []
    assert len(again.snapshot.access_keys) == 30
    assert again.secret("ledger").reveal() == store.secret("ledger").reveal()


def test_it_goes_on_where_it_was_broken_off_and_beside_others_who_write(open_another: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "ROWS_AT_ONCE", 5)
    one, other = open_another(), open_another()
    one.write(putting(seal_key(1)))
    fill(one, 23)
    begin_data(one)
    one.rotation.round(NOW)
    assert one.rotation.reseal(NOW)  # and then it dies
    other.catch_up(NOW)
    with other.turn():
        other.catch_up(NOW)
        other.write(putting(user(100), key(100, user(100)), msgspec.structs.replace(key(1, user(1)), active=False)))
    more = True
    while more:
        more = other.rotation.reseal(NOW)
    assert [left.state for left in standing(other, "data")] == ["active"]
    one.catch_up(NOW)
    for seen in (one, other, open_another()):
        assert len(seen.snapshot.access_keys) == 24
        changed = seen.snapshot.access_keys.find(key(1).id)
        assert isinstance(changed, AccessKey) and not changed.active
        assert seen.damage() == []


def test_a_key_that_is_replaced_while_rows_are_sealed_again_begins_anew(open_another: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "ROWS_AT_ONCE", 5)
    store = open_another()
    store.write(putting(seal_key(1)))
    fill(store, 23)
    begin_data(store)
    store.rotation.round(NOW)
    for _ in range(3):
        assert store.rotation.reseal(NOW)
    last = begin_data(store)
    store.rotation.round(NOW)
    assert len(standing(store, "data")) == 3
    reseal_all(store)
    assert [(one.id, one.resting) for one in standing(store, "data")] == [(last, 24)]
    assert open_another().damage() == []


def test_who_was_away_takes_the_new_key_before_the_rows_under_it(open_another: Open) -> None:
    one, away = open_another(), open_another()
    one.write(putting(seal_key(1)))
    fill(one, 3)
    away.catch_up(NOW)
    begin_data(one)
    one.rotation.round(NOW)
    reseal_all(one)
    with one.turn():
        one.catch_up(NOW)
        one.write(putting(user(9), key(9, user(9))))
    away.catch_up(NOW)
    assert away.snapshot.access_keys.find(key(9).id) is not None
    assert [k.id for k in away.rotation.data_keys] == [k.id for k in one.rotation.data_keys]
    with away.turn():
        away.catch_up(NOW)
        away.write(putting(user(10), key(10, user(10))))
    assert open_another().damage() == []


def test_a_row_that_cannot_be_opened_keeps_its_key(open_another: Open) -> None:
    store = open_another()
    store.write(putting(seal_key(1)))
    fill(store, 3)
    with store._engine.begin() as connection:
        (sealed,) = connection.execute(text("SELECT sealed FROM access_keys WHERE id = :id"), {"id": key(2).id}).one()
    execute(store, "UPDATE access_keys SET sealed = :sealed WHERE id = :id", id=key(2).id, sealed=bytes(sealed)[:-1] + b"!")
    begin_data(store)
    store.rotation.round(NOW)
    reseal_all(store)
    assert sorted((one.state, one.resting) for one in standing(store, "data")) == [("active", 3), ("retained", 1)]
    assert not store.rotation.reseal(NOW)  # nobody tries all the time
    execute(store, "UPDATE access_keys SET sealed = :sealed WHERE id = :id", id=key(2).id, sealed=bytes(sealed))
    later = NOW + rotation.AGAIN
    while store.rotation.reseal(later):
        pass
    assert [(one.state, one.resting) for one in standing(store, "data")] == [("active", 4)]


# -- nodes


def beat(store: Store, name: str) -> None:
    store.node = name
    store.beat("1", "", 0, NOW)


def two_nodes(open_another: Open) -> tuple[Store, Store]:
    """Two that know the same and have said so, where several may share a database."""
    one, other = open_another(), open_another()
    one.write(putting(seal_key(1)))
    for store, name in ((one, "a"), (other, "b")):
        store.catch_up(NOW)
        if store.shared:
            beat(store, name)
    return one, other


def silent_for(store: Store, name: str, seconds: int) -> None:
    execute(store, "UPDATE nodes SET seen = seen - :age WHERE node = :name", age=seconds * 1000, name=name)


def test_a_key_waits_for_every_node_that_may_serve(open_another: Open) -> None:
    one, other = two_nodes(open_another)
    if not one.shared:
        return  # nobody else is there
    begin(one, fresh := pending())
    data = begin_data(one)
    one.rotation.round(NOW)
    shown = {s.id: s for s in one.rotation.standing(NOW)}
    assert [(shown[id].state, shown[id].holders, shown[id].missing) for id in (fresh.id, data)] == [("pending", ("a",), ("b",))] * 2
    silent_for(one, "b", 60)  # without its database it serves, and makes no change
    one.rotation.round(NOW)
    assert [state_of(one, id) for id in (fresh.id, data)] == ["pending", "active"]
    other.catch_up(NOW)
    beat(other, "b")
    one.rotation.round(NOW)
    assert state_of(one, fresh.id) == "active"


def test_a_node_that_was_silent_for_too_long_to_serve_is_not_waited_for(open_another: Open) -> None:
    one, _ = two_nodes(open_another)
    if not one.shared:
        return
    begin(one, fresh := pending())
    silent_for(one, "b", int(one.rotation.staleness) + 1)
    one.rotation.round(NOW)
    assert state_of(one, fresh.id) == "active"


def test_nor_is_any_that_is_silent_when_the_operator_says_so(open_another: Open) -> None:
    one, other = two_nodes(open_another)
    if not one.shared:
        return
    begin(one, fresh := pending(hurried=True))
    one.rotation.round(NOW)
    assert state_of(one, fresh.id) == "pending"  # it is live
    silent_for(one, "b", 11)
    one.rotation.round(NOW)
    assert state_of(one, fresh.id) == "active"
    other.catch_up(NOW)  # it comes back
    assert other.snapshot.active_seal_key.id == fresh.id


def test_f24_beside_an_earlier_version_nothing_rotates_and_afterwards_that_one_stays_out(open_another: Open) -> None:
    one = open_another()
    one.write(putting(seal_key(1)))
    if one.shared:
        beat(one, "a")
        execute(one, "INSERT INTO nodes SELECT 'old', version, '0001', url, position, lines, seen, ahead FROM nodes WHERE node = 'a'")
        assert one.rotation.older_nodes(NOW) == ["old"]
        with pytest.raises(StoreFailed, match=r"old \(schema 0001\)"):
            begin(one, pending())
        one.rotation.after = timedelta(0)
        one.rotation.round(LATER)
        assert [s.state for s in one.rotation.standing(NOW)] == ["active", "active"]
        execute(one, "DELETE FROM nodes WHERE node = 'old'")
    begin(one, pending())
    with one._engine.begin() as connection:
        (oldest,) = connection.execute(text("SELECT value FROM settings WHERE key = 'oldest-schema'")).one()
    assert bytes(oldest) == b"0002"


def test_who_looks_for_damage_leaves_the_keys_to_the_storage_thread(open_another: Open) -> None:
    """Rows under a data key that this node has not heard of are read with it, and its own vault stays as it was (fault F-21)."""
    first, second = open_another(), open_another()
    fill(first, 3)
    second.catch_up(NOW)
    before = second.rotation.data_keys
    begin_data(first)
    first.rotation.round(LATER)
    reseal_all(first)
    assert second.damage() == []
    assert second.rotation.data_keys is before
    execute(first, "UPDATE users SET body = :body WHERE id = :id", body=b"\0", id=user(2).id)
    assert [told.partition(":")[0] for told in second.damage()] == [f"users {user(2).id}"]
    assert second.rotation.data_keys is before
