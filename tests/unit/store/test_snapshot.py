"""The snapshot: what ends with what it rests on, seal keys, and the odd look-up. (Its indices: tests/conformance/test_reload.py.)"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from conformance.samples import EPOCH, HERE, NOW, THERE, account, deleting, key, order, role, seal_key, session, used, user
from daypass.store import StoreFailed
from daypass.store.records import AccessKey, Record, Role, SealKey, User
from daypass.store.snapshot import Snapshot
from daypass.values.session import Session

THEIRS = role(2, account=THERE)
ROOT = session(1, user(), source_key=key().id)
CHILD = replace(session(2, THEIRS, ROOT), source_key=key().id)


def _seen(*records: Record) -> Snapshot:
    snapshot = Snapshot()
    snapshot.apply(records, ())
    return snapshot


@pytest.fixture
def world() -> Snapshot:
    return _seen(user(), THEIRS, role(1), key())


def test_sessions_whose_ground_stands_are_not_ended(world: Snapshot) -> None:
    assert [world.ended(one) for one in (ROOT, CHILD)] == [None, None]


@pytest.mark.parametrize(("kind", "id"), [(User, user().id), (AccessKey, key().id)])
def test_sessions_end_with_the_user_or_key_they_came_from(world: Snapshot, kind: type[Record], id: str) -> None:
    world.apply((), [(kind, id)])
    assert [world.ended(one) is not None for one in (ROOT, CHILD)] == [True, True]


def test_sessions_end_with_their_own_role(world: Snapshot) -> None:
    world.apply((), [(Role, THEIRS.id)])
    assert [world.ended(one) is not None for one in (ROOT, CHILD)] == [False, True]


def test_a_role_made_again_by_the_same_name_does_not_revive_sessions(world: Snapshot) -> None:
    world.apply([role(7, account=THERE, name=THEIRS.name)], [(Role, THEIRS.id)])
    assert world.ended(CHILD) is not None


def test_an_inactive_key_ends_what_came_from_it_and_an_active_one_revives_it(world: Snapshot) -> None:
    world.apply([key(active=False)], ())
    assert world.ended(CHILD) is not None
    world.apply([key(active=True)], ())
    assert world.ended(CHILD) is None


@pytest.mark.parametrize(("second", "ended"), [(-1, True), (0, True), (1, False)])
def test_what_descends_from_an_account_that_was_ended_is_ended_in_other_accounts_too(world: Snapshot, second: int, ended: bool) -> None:
    world.apply([order("issued-before", account=HERE)], ())
    root = session(1, user(), issued=EPOCH + second)
    assert (world.ended(session(2, THEIRS, root, issued=EPOCH + 100)) is not None) is ended
    assert world.ended(session(3, THEIRS, issued=EPOCH - 1)) is None


@pytest.mark.parametrize(("account_of", "ended"), [(HERE, [True, True, True]), (THERE, [False, True, True])])
def test_a_closed_account_ends_its_sessions_and_what_came_from_them(world: Snapshot, account_of: str, ended: list[bool]) -> None:
    """Of its own, of its role taken with the other's key, and of its role taken by a session of the other's user."""
    by_session = session(3, THEIRS, session(1, user()))
    world.apply([account(account_of, status="SUSPENDED", closed=NOW)], ())
    assert [world.ended(one) is not None for one in (ROOT, CHILD, by_session)] == ended
    by_key = replace(session(4, THEIRS), source_key=key().id)
    assert world.ended(by_key) is not None  # the account of the role or that of the key
    world.apply([account(account_of)], ())
    assert [world.ended(one) for one in (ROOT, CHILD, by_session, by_key)] == [None] * 4


@pytest.mark.parametrize("made", [session(1, role(1), source_key=key().id), replace(session(3, THEIRS, session(1)), source_key=key().id)])
def test_an_order_on_a_user_ends_what_was_made_with_its_key(world: Snapshot, made: Session) -> None:
    assert world.ended(made) is None
    world.apply([order("principal", user().id)], ())
    assert world.ended(made) is not None


def test_seal_keys_open_unless_revoked_and_the_newest_active_one_seals() -> None:
    newer = seal_key(3, created=NOW + timedelta(seconds=1))
    snapshot = _seen(seal_key(1, "retained"), newer, seal_key(2), seal_key(4, "revoked"))
    assert set(snapshot.open_seal_keys) == {seal_key(n).id for n in (1, 2, 3)}
    assert snapshot.active_seal_key.id == seal_key(3).id


def test_the_mapping_of_seal_keys_is_a_new_one_exactly_when_a_key_changes() -> None:
    snapshot = _seen(seal_key(1))
    before = snapshot.open_seal_keys
    snapshot.apply([user()], ())
    assert snapshot.open_seal_keys is before
    snapshot.apply([seal_key(1, "revoked")], ())
    assert snapshot.open_seal_keys is not before
    assert set(before) == {seal_key(1).id}  # who holds the old one sees no change
    with pytest.raises(StoreFailed):
        _ = snapshot.active_seal_key


def test_what_another_key_opened_stays_open_when_one_changes() -> None:
    snapshot = _seen(seal_key(1, "retained"), seal_key(2))
    before = snapshot.open_seal_keys
    snapshot.apply([seal_key(1, "revoked")], ())
    assert snapshot.open_seal_keys[seal_key(2).id] is before[seal_key(2).id]
    snapshot.apply((), [(SealKey, seal_key(1).id)])
    assert set(snapshot.open_seal_keys) == {seal_key(2).id}


def test_a_used_token_is_known() -> None:
    snapshot = _seen(used(1))
    assert snapshot.used(used(1).id)
    assert not snapshot.used(used(2).id)


def test_keys_are_listed_oldest_first() -> None:
    older = AccessKey(id="AKIAZ", account=HERE, created=NOW - timedelta(days=1), user_id=user().id, slot=2, secret=key().secret)
    snapshot = _seen(user(), key(1), older)
    assert [one.id for one in snapshot.keys_of(user().id)] == ["AKIAZ", key(1).id]


def test_removing_what_is_not_there_changes_nothing(world: Snapshot) -> None:
    world.apply((), [(type(record), record.id) for record in deleting(user(9)).deleted])
    assert len(world.users) == 1
