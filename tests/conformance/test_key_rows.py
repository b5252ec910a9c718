"""Rows of keys: what somebody wrote into the database is not believed, what an earlier version wrote is read."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import text

from conformance.rotating import LATER, Open, begin_data, execute, reseal_all
from conformance.samples import NOW, putting, seal_key
from daypass.store import StoreFailed
from daypass.values.errors import ConfigError


def test_h72_the_state_of_a_seal_key_cannot_be_written(open_another: Open) -> None:
    """A revoked key is not revived, an active one not made to be over, by who has the database and not the root key."""
    store = open_another()
    store.write(putting(seal_key(1, "revoked"), seal_key(2), seal_key(3, "retained")))
    for id, before, after in ((1, "revoked", "active"), (1, "revoked", "retained"), (2, "active", "revoked"), (3, "retained", "active")):
        with store._engine.begin() as connection:
            (body,) = connection.execute(text("SELECT body FROM seal_keys WHERE id = :id"), {"id": seal_key(id).id}).one()
        changed = bytes(body).replace(f'"{before}"'.encode(), f'"{after}"'.encode())
        assert changed != bytes(body)
        execute(store, "UPDATE seal_keys SET body = :body WHERE id = :id", body=changed, id=seal_key(id).id)
        assert [text.split(":")[0] for text in open_another().damage()] == [f"seal_keys {seal_key(id).id}"]
        execute(store, "UPDATE seal_keys SET body = :body WHERE id = :id", body=bytes(body), id=seal_key(id).id)
        assert open_another().damage() == []


def test_h72_neither_can_that_of_a_data_key(open_another: Open) -> None:
    store = open_another()
    store.write(putting(seal_key(1)))
    first = store.rotation.data_keys[0].id
    begin_data(store)
    store.rotation.round(NOW)
    fresh = next(k.id for k in store.rotation.data_keys if k.state == "active")
    for statement in (
        "UPDATE data_keys SET state = CASE id WHEN :old THEN 'active' ELSE 'retained' END",
        "UPDATE data_keys SET created = 1 WHERE id = :old",
        "UPDATE data_keys SET wrapped = (SELECT d.wrapped FROM data_keys d WHERE d.id = :new) WHERE id = :old",
        "UPDATE data_keys SET state = 'active' WHERE id = :old",
        "DELETE FROM data_keys WHERE id = :new",
    ):
        with store._engine.begin() as connection:
            kept = connection.execute(text("SELECT id, state, created, wrapped FROM data_keys")).all()
            connection.execute(text(statement), {name: id for name, id in (("old", first), ("new", fresh)) if f":{name}" in statement})
        with pytest.raises(ConfigError, match="data key"):
            open_another()
        execute(store, "DELETE FROM data_keys")
        for row in kept:
            execute(store, "INSERT INTO data_keys (id, state, created, wrapped) VALUES (:id, :state, :created, :wrapped)", **row._asdict())
        assert open_another().damage() == []


def test_h72_a_node_that_runs_does_not_follow_a_data_key_that_was_tampered_with(open_another: Open) -> None:
    store = open_another()
    store.write(putting(seal_key(1)))
    id = store.rotation.data_keys[0].id
    execute(store, "UPDATE data_keys SET wrapped = :wrapped WHERE id = :id", id=id, wrapped=bytes(60))
    execute(store, "INSERT INTO changes (kind, id, operation) VALUES ('data_keys', :id, 'put')", id=id)
    with pytest.raises(StoreFailed, match="damaged"):
        store.catch_up(LATER)
    assert store.snapshot.active_seal_key.id == seal_key(1).id


def test_rows_from_before_states_were_bound_are_read_as_active_alone(open_another: Open) -> None:
    """As schema 0001 wrote them: the data key bound to its place alone, the seal key's row not bound at all."""
    store = open_another()
    store.write(putting(seal_key(1)))
    vault = store._vault
    old = vault.active
    with store._engine.begin() as connection:
        (sealed,) = connection.execute(text("SELECT sealed FROM seal_keys")).one()
    secrets = msgspec.msgpack.decode(vault.envelope.open(bytes(sealed), "seal_keys", "", seal_key(1).id))
    del secrets[""]
    unbound = vault.envelope.seal(msgspec.msgpack.encode(secrets), "seal_keys", "", seal_key(1).id)
    wrapped = vault._root_key.wrap(old.key.reveal(), f"{vault._installation}|root|{old.id}".encode())
    execute(store, "UPDATE data_keys SET wrapped = :wrapped", wrapped=wrapped)
    execute(store, "UPDATE seal_keys SET sealed = :sealed", sealed=unbound)
    again = open_another()
    assert again.damage() == []
    assert again.snapshot.active_seal_key.id == seal_key(1).id
    with store._engine.begin() as connection:
        (body,) = connection.execute(text("SELECT body FROM seal_keys")).one()
    execute(store, "UPDATE seal_keys SET body = :body", body=bytes(body).replace(b'"active"', b'"retained"'))
    assert len(open_another().damage()) == 1
    execute(store, "UPDATE seal_keys SET body = :body", body=bytes(body))
    begin_data(again)
    again.rotation.round(NOW)
    reseal_all(again)
    assert open_another().damage() == []
