"""Who has the database, or a part of the operator's rights, and not the keys (H72, C43, C46)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from daypass.passes import open_token
from daypass.values.errors import ConfigError, ProofError
from rig.node import UID, Keys, Refused, TestNode

OWN = f"uid:{UID}"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = TestNode(tmp_path)
    yield made
    made.close()


def key_of(keys: Keys) -> str:
    return base64.b64decode(keys.token or "")[1:5].hex()


def who(node: TestNode, keys: Keys) -> str:
    """The error code with which `keys` are refused, "" when they are good."""
    try:
        node.call("sts", "GetCallerIdentity", {}, keys)
    except Refused as refused:
        return refused.code
    return ""


def rotate(node: TestNode, kind: str) -> None:
    node.call("daypass", "RotateKeys", {"Kind": kind}, peer=OWN)
    node.store.rotation.round(node.now)
    while node.store.rotation.reseal(node.now):
        pass


def execute(node: TestNode, statement: str, **given: object) -> list[tuple[object, ...]]:
    with node.store._engine.begin() as connection:
        done = connection.execute(text(statement), given)
        return [tuple(row) for row in done] if done.returns_rows else []


def restarted(node: TestNode) -> TestNode:
    node.close()
    again = TestNode(node.directory)
    again.now = node.now
    return again


def test_H72_a_revoked_seal_key_is_not_revived_by_writing_so(node: TestNode, tmp_path: Path) -> None:
    stolen = node.operator()
    id = key_of(stolen)
    node.call("daypass", "RevokeKey", {"KeyId": id}, peer=OWN)
    assert who(node, stolen) == "ExpiredToken"
    changed = "CAST(replace(CAST(body AS TEXT), '\"revoked\"', '\"retained\"') AS BLOB)"
    execute(node, f"UPDATE seal_keys SET body = {changed} WHERE id = :id", id=id)  # the test's own text
    again = restarted(node)
    assert who(again, stolen) == "InvalidClientTokenId"
    assert who(again, again.operator()) == ""  # whoever asks afresh is served
    again.close()


def test_H72_the_row_of_one_seal_key_is_not_taken_for_another(node: TestNode) -> None:
    """The active key's row with the sealed secret of the revoked one, which the thief has."""
    stolen = node.operator()
    node.call("daypass", "RevokeKey", {"KeyId": key_of(stolen)}, peer=OWN)
    active = node.store.snapshot.active_seal_key.id
    swap = "UPDATE seal_keys SET sealed = (SELECT s.sealed FROM seal_keys s WHERE s.id = :old) WHERE id = :new"
    execute(node, swap, old=key_of(stolen), new=active)
    again = restarted(node)
    assert active not in again.store.snapshot.open_seal_keys
    again.store.rotation.round(again.now)  # it makes another and goes on
    fresh = again.operator()
    assert key_of(fresh) not in (active, key_of(stolen))
    assert (who(again, fresh), who(again, stolen)) == ("", "ExpiredToken")
    again.close()


def test_H72_a_data_key_that_was_stolen_does_not_seal_again(node: TestNode) -> None:
    old = node.store.rotation.data_keys[0]
    node.call("daypass", "RotateKeys", {"Kind": "DATA"}, peer=OWN)
    node.store.rotation.round(node.now)
    kept = execute(node, "SELECT id, wrapped FROM data_keys WHERE id = :id", id=old.id)
    execute(node, "UPDATE data_keys SET state = CASE id WHEN :id THEN 'active' ELSE 'retained' END", id=old.id)
    with pytest.raises(ConfigError, match="is damaged"):
        TestNode(node.directory, name="another")
    execute(node, "UPDATE data_keys SET state = CASE id WHEN :id THEN 'retained' ELSE 'active' END", id=old.id)
    while node.store.rotation.reseal(node.now):
        pass
    assert execute(node, "SELECT count(*) FROM data_keys") == [(1,)]
    again = restarted(node)  # what was taken away is not missed
    assert who(again, again.operator()) == ""
    execute(again, "INSERT INTO data_keys (id, state, created, wrapped) VALUES (:id, 'active', 1, :wrapped)", id=old.id, wrapped=kept[0][1])
    with pytest.raises(ConfigError):
        TestNode(node.directory, name="another")
    execute(again, "DELETE FROM data_keys WHERE id = :id", id=old.id)
    again.close()


def test_H72_what_was_sealed_before_opens_with_nothing_that_is_left(node: TestNode) -> None:
    """After `revoke` and `rotate data` an older copy of a seal key's row opens nothing: its data key is gone."""
    stolen = node.operator()
    id = key_of(stolen)
    ((body, sealed),) = execute(node, "SELECT body, sealed FROM seal_keys WHERE id = :id", id=id)
    node.call("daypass", "RevokeKey", {"KeyId": id}, peer=OWN)
    rotate(node, "DATA")
    execute(node, "UPDATE seal_keys SET body = :body, sealed = :sealed WHERE id = :id", body=body, sealed=sealed, id=id)
    again = restarted(node)
    assert id not in again.store.snapshot.open_seal_keys
    assert who(again, stolen) == "InvalidClientTokenId"
    assert who(again, again.operator()) == ""
    again.close()


def test_C43_an_active_key_that_cannot_be_read_allows_nothing_and_stops_nothing(node: TestNode) -> None:
    before = node.operator()
    execute(node, "UPDATE seal_keys SET sealed = :junk", junk=bytes(80))
    again = restarted(node)
    assert who(again, before) == "InvalidClientTokenId"
    with pytest.raises(Refused) as refused:
        again.operator()
    assert refused.value.code.startswith("ServiceUnavailable")  # upkeep has not come by yet
    again.store.rotation.round(again.now)
    assert who(again, again.operator()) == ""
    again.close()


def test_C43_a_key_that_is_over_opens_nothing_and_one_that_replaced_it_does(node: TestNode) -> None:
    before = node.operator()
    rotate(node, "SEAL")
    after = node.operator()
    assert key_of(after) != key_of(before)
    assert (who(node, before), who(node, after)) == ("", "")
    node.pass_time(hours=12)
    assert who(node, before) == "ExpiredToken"
    node.pass_time(days=2)
    node.store.rotation.round(node.now)
    with pytest.raises(ProofError):
        open_token(before.token or "", node.store.snapshot.open_seal_keys)
    assert [key.state for key in node.store.snapshot.seal_keys] == ["active"]


@pytest.mark.parametrize("operation", ["ListKeys", "RotateKeys", "RevokeKey"])
def test_C46_keys_are_the_management_accounts_alone(node: TestNode, operation: str) -> None:
    """The administrator of a member account has all rights there, and none on keys; the operator has."""
    made = node.call("organizations", "CreateAccount", {"Email": "m@example.test", "AccountName": "m"}, node.operator())
    member = node.operator(made["CreateAccountStatus"]["AccountId"])
    given = {"RevokeKey": {"KeyId": key_of(member)}}.get(operation, {})
    before = sorted((key.id, key.state) for key in node.store.snapshot.seal_keys)
    with pytest.raises(Refused) as refused:
        node.call("daypass", operation, given, member)
    assert refused.value.code.startswith("AccessDenied")
    assert sorted((key.id, key.state) for key in node.store.snapshot.seal_keys) == before
    node.call("daypass", operation, given, peer=OWN)


def test_C46_a_data_key_and_an_unknown_one_are_not_revoked(node: TestNode) -> None:
    for id in (node.store.rotation.data_keys[0].id, "00000000"):
        with pytest.raises(Refused) as refused:
            node.call("daypass", "RevokeKey", {"KeyId": id}, peer=OWN)
        assert refused.value.status == 400
    assert who(node, node.operator()) == ""
