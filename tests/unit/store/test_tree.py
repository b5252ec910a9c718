"""The trees: ways from the root, what is below, what cannot be found."""

from __future__ import annotations

import pytest

from conformance.samples import HERE, THERE, account, guard, organization, unit
from daypass.store.records import Account, Organization, OrganizationalUnit, Record
from daypass.store.snapshot import Snapshot
from daypass.store.tree import MAX_DEPTH

ROOT = organization()


def seen(*records: Record) -> Snapshot:
    """A snapshot of these."""
    snapshot = Snapshot()
    snapshot.apply(records, ())
    return snapshot


def test_the_way_leads_from_the_root_to_the_place_itself() -> None:
    first, inner, member = unit(1), unit(2, unit(1).id), account(THERE, parent=unit(2).id)
    tree = seen(ROOT, first, inner, member, account(HERE, parent=ROOT.root_id)).tree
    assert tree.path(THERE) == (ROOT, first, inner, member)
    assert tree.path(inner.id) == (ROOT, first, inner)
    assert tree.path(ROOT.root_id) == (ROOT,)
    assert tree.organization_of(THERE) is tree.organization_of(HERE) is ROOT
    assert list(tree.below(ROOT.root_id)) == [first, account(HERE, parent=ROOT.root_id)]
    assert list(tree.below(inner.id)) == [member] and list(tree.below(THERE)) == []


def test_outside_of_every_organization_there_is_no_way() -> None:
    tree = seen(ROOT, account(THERE)).tree
    assert tree.path(THERE) == tree.path("999999999999") == tree.path("") == tree.path(ROOT.id) == ()
    assert tree.organization_of(THERE) is None


@pytest.mark.parametrize("missing", [Organization, OrganizationalUnit])
def test_a_way_with_a_part_missing_is_none(missing: type[Record]) -> None:
    records: list[Record] = [ROOT, unit(1), account(THERE, parent=unit(1).id)]
    tree = seen(*(record for record in records if type(record) is not missing)).tree
    assert tree.path(THERE) is None and tree.organization_of(THERE) is None


def test_a_circle_and_too_long_a_way_lead_nowhere() -> None:
    circle = [unit(1, unit(2).id), unit(2, unit(1).id), account(THERE, parent=unit(1).id)]
    assert seen(ROOT, *circle).tree.path(THERE) is None
    chain = [unit(1), *(unit(n, unit(n - 1).id) for n in range(2, MAX_DEPTH + 2))]
    deep = seen(ROOT, *chain, account(THERE, parent=unit(MAX_DEPTH).id), account(HERE, parent=unit(MAX_DEPTH + 1).id)).tree
    assert len(deep.path(THERE) or ()) == MAX_DEPTH + 2
    assert deep.path(HERE) is None


def test_a_place_moves_and_goes() -> None:
    snapshot = seen(ROOT, unit(1), account(THERE, parent=ROOT.root_id))
    moved = account(THERE, parent=unit(1).id, policies=(guard(1).id,))
    snapshot.apply([moved], ())
    assert list(snapshot.tree.below(ROOT.root_id)) == [unit(1)]
    assert list(snapshot.tree.below(unit(1).id)) == list(snapshot.tree.attached(guard(1).id)) == [moved]
    snapshot.apply([], [(Account, THERE), (Organization, ROOT.id)])
    assert list(snapshot.tree.below(unit(1).id)) == list(snapshot.tree.attached(guard(1).id)) == []
    assert snapshot.tree.find(ROOT.root_id) is None
