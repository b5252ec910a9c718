"""Orders to end passes, each at −1 s, 0 s and +1 s."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conformance.samples import EPOCH, HERE, NOW, THERE, order, role, session, user
from daypass.store.endings import Endings
from daypass.store.records import Revocation

ROLE, OTHER = role(1), role(2, account=THERE)


def _obeying(*orders: Revocation) -> Endings:
    endings = Endings()
    for one in orders:
        endings.replace(None, one)
    return endings


def test_a_session_is_ended_alone() -> None:
    endings = _obeying(order("session", session(1).id.hex()))
    assert endings.ended(session(1)) is not None
    assert endings.ended(session(2)) is None
    assert endings.ended(session(2, ROLE, session(1), issued=EPOCH - 1)) is None


@pytest.mark.parametrize(("second", "ended"), [(-1, False), (0, True), (1, True)])
def test_nothing_is_made_of_a_session_that_is_ended(second: int, ended: bool) -> None:
    """A node that has not heard of the order yet may make a pass of it: the pass is over as soon as the order is known."""
    parent = session(1)
    child = session(2, ROLE, parent, issued=EPOCH + second)
    endings = _obeying(order("session", parent.id.hex()))
    assert (endings.ended(child) is not None) is ended
    assert (endings.ended(session(3, OTHER, parent, child, issued=EPOCH + 100)) is not None) is ended
    endings.replace(order("session", parent.id.hex()), None)
    assert endings.ended(child) is None


def test_a_subtree_is_ended_with_all_that_descends() -> None:
    root, child = session(1), session(2, ROLE, session(1))
    endings = _obeying(order("subtree", root.id.hex().upper()))
    assert endings.ended(root) is not None
    assert endings.ended(child) is not None
    assert endings.ended(session(3, OTHER, root, child)) is not None
    assert endings.ended(session(4)) is None
    below = _obeying(order("subtree", child.id.hex()))
    assert below.ended(root) is None
    assert below.ended(session(3, OTHER, root, child)) is not None


@pytest.mark.parametrize(("second", "ended"), [(-1, True), (0, True), (1, False)])
def test_a_principals_sessions_are_ended_up_to_the_time(second: int, ended: bool) -> None:
    endings = _obeying(order("principal", ROLE.id))
    own = session(1, ROLE, issued=EPOCH + second)
    assert (endings.ended(own) is not None) is ended
    assert (endings.ended(session(2, OTHER, own, issued=EPOCH + 100)) is not None) is ended  # by the ancestor's own time
    assert endings.ended(session(3, OTHER, issued=EPOCH + second)) is None


@pytest.mark.parametrize(("second", "ended"), [(-1, True), (0, True), (1, False)])
def test_an_accounts_or_all_sessions_are_ended_up_to_the_time(second: int, ended: bool) -> None:
    here, there = session(1, ROLE, issued=EPOCH + second), session(2, OTHER, issued=EPOCH + second)
    of_here = _obeying(order("issued-before", account=HERE))
    assert (of_here.ended(here) is not None) is ended
    assert of_here.ended(there) is None
    assert of_here.accounts
    of_all = _obeying(order("issued-before", account=""))
    assert [of_all.ended(one) is not None for one in (here, there)] == [ended, ended]


def test_the_latest_of_several_orders_counts_and_each_is_let_go_alone() -> None:
    early, late = order("principal", ROLE.id, n=1), order("principal", ROLE.id, n=2, before=NOW + timedelta(seconds=10))
    endings = _obeying(late, early)
    assert endings.ended(session(1, ROLE, issued=EPOCH + 10)) is not None
    endings.replace(late, None)
    assert endings.ended(session(1, ROLE, issued=EPOCH + 10)) is None
    assert endings.ended(session(1, ROLE, issued=EPOCH)) is not None
    endings.replace(early, None)
    assert endings.ended(session(1, ROLE, issued=EPOCH)) is None


def test_an_order_that_is_let_go_does_not_lift_another_on_the_same_session() -> None:
    value = session(0xAB).id.hex()
    first, second = order("session", value, n=1), order("session", value.upper(), n=2)
    endings = _obeying(first, second)
    endings.replace(first, None)
    assert endings.ended(session(0xAB)) is not None
    endings.replace(second, None)
    assert endings.ended(session(0xAB)) is None


def test_an_order_may_change_its_aim() -> None:
    before, after = order("session", session(1).id.hex()), order("principal", user().id)
    endings = _obeying(before)
    endings.replace(before, after)
    assert endings.ended(session(1)) is None
    assert endings.ended(session(2, user())) is not None
