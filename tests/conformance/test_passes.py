"""The table of passes: found by what they are and by what they come from, forgotten when over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from conformance.samples import EPOCH, HERE, NOW, THERE, order, putting, role, session, used, user
from daypass.store import Filter, Store
from daypass.values.session import Origin, Session

Open = Callable[[], Store]

LAPTOP = Origin("oidc", "arn:aws:iam::111111111111:oidc-provider/idp.example.org", "ann@example.org", "app", "jti-1")


@pytest.fixture
def family(store: Store) -> dict[str, Session]:
    """A root with two children, one of which has a child; and a stranger in another account."""
    there = role(2, account=THERE)
    root = session(1, user(), issued=EPOCH, expires=EPOCH + 9000, origin=LAPTOP)
    left = session(2, role(), root, issued=EPOCH + 10, source_identity="ann", source_key="AKIA0000000000000009")
    right = session(3, there, root, issued=EPOCH + 10)
    grandchild = session(4, there, root, left, issued=EPOCH + 20, expires=EPOCH + 60)
    stranger = session(5, there, issued=EPOCH + 5)
    sessions = {"root": root, "left": left, "right": right, "grandchild": grandchild, "stranger": stranger}
    store.write(putting(user(), role(), there))
    store.record_passes(sessions.values(), "node", 7)
    return sessions


def _names(family: dict[str, Session], found: list[Session]) -> list[str]:
    return [name for one in found for name, member in family.items() if member.id == one.id]


def _found(store: Store, wanted: Filter) -> set[str]:
    return {one.session.name for one in store.passes(wanted)}


def test_a_pass_comes_back_with_its_lineage_and_without_what_narrowed_it(open_another: Open) -> None:
    store = open_another()
    store.write(putting(role(name="Deployer", path="/ci/")))
    parent = session(1)
    made = session(2, role(), parent, tags=(("k", "v"),), policy="{}", source_identity="ann", source_key="AKIA0000000000000009")
    made = replace(made, origin=LAPTOP)
    store.record_passes([made], "node", 1)
    [found] = open_another().passes(Filter(session_id=made.id))
    assert found.session == replace(made, tags=(), policy="")
    assert found.principal_arn == "arn:aws:iam::111111111111:role/ci/Deployer"


def test_newest_first_and_page_by_page(store: Store, family: dict[str, Session]) -> None:
    pages: list[Session] = []
    after = None
    for size in (2, 2, 1, 0):
        page = store.passes(limit=2, after=after)
        assert len(page) == size
        pages += [one.session for one in page]
        after = (pages[-1].issued, pages[-1].id)
    assert _names(family, pages) == ["grandchild", "right", "left", "stranger", "root"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(account=HERE), {"session-1", "session-2"}),
        (Filter(account=THERE, live_at=NOW + timedelta(seconds=60)), {"session-3", "session-5"}),
        (Filter(live_at=NOW + timedelta(seconds=59)), {"session-1", "session-2", "session-3", "session-4", "session-5"}),
        (Filter(parent=session(1).id), {"session-2", "session-3"}),
        (Filter(root=session(1).id), {"session-1", "session-2", "session-3", "session-4"}),
        (Filter(principal_id=user().id), {"session-1"}),
        (Filter(key_id=session(5).key_id), {"session-5"}),
        (Filter(issuer=LAPTOP.issuer, subject=LAPTOP.subject), {"session-1"}),
        (Filter(subject="bob@example.org"), set()),
    ],
)
def test_passes_are_found_by(store: Store, family: dict[str, Session], wanted: Filter, expected: set[str]) -> None:
    assert _found(store, wanted) == expected


def test_descendants_are_all_below_parents_first(store: Store, family: dict[str, Session]) -> None:
    below = [one.session for one in store.descendants(family["root"].id)]
    assert _names(family, below) == ["left", "right", "grandchild"]
    assert _names(family, [one.session for one in store.descendants(family["left"].id)]) == ["grandchild"]
    assert store.descendants(family["stranger"].id) == []


def test_noting_a_pass_twice_changes_nothing(store: Store, family: dict[str, Session]) -> None:
    store.record_passes([replace(family["root"], name="another"), family["left"]], "node", 8)
    assert _found(store, Filter(root=family["root"].id)) == {"session-1", "session-2", "session-3", "session-4"}


def test_the_shipped_line_is_noted_with_the_passes_for_each_node(open_another: Open, store: Store, family: dict[str, Session]) -> None:
    assert store.shipped_line("node") == 7
    assert store.shipped_line("other") == 0
    store.record_passes([], "node", 9)
    assert open_another().shipped_line("node") == 9


def test_a_found_pass_tells_whether_it_was_ended(store: Store, family: dict[str, Session]) -> None:
    store.write(putting(order("subtree", family["left"].id.hex())))
    ended = {one.session.name for one in store.passes() if store.snapshot.ended(one.session) is not None}
    assert ended == {"session-2", "session-4"}


def test_live_passes_are_counted(store: Store, family: dict[str, Session]) -> None:
    assert store.count_live_passes(NOW) == 5
    assert store.count_live_passes(NOW + timedelta(seconds=60)) == 4
    assert store.count_live_passes(NOW + timedelta(hours=3)) == 0


def test_what_is_over_is_collected_and_nothing_else(open_another: Open, store: Store, family: dict[str, Session]) -> None:
    end = NOW + timedelta(seconds=60)
    margin = timedelta(minutes=10)  # for a node whose clock is behind
    kept = order("session", "00" * 16, n=1, until=end - margin + timedelta(seconds=1))
    over = order("principal", "AIDA", n=2, until=end - margin)
    old = used(1, until=end - timedelta(hours=1))
    young = used(2, until=end - timedelta(minutes=59))
    store.write(putting(kept, over, old, young))
    assert store.collect(end) == 3
    other = open_another()
    for seen in (store.snapshot, other.snapshot):
        assert list(seen.revocations) == [kept]
        assert list(seen.used_tokens) == [young]
    assert _found(other, Filter()) == {"session-1", "session-2", "session-3", "session-5"}
    assert store.collect(end) == 0
