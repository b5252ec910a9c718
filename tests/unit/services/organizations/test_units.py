"""Units and the tree: made, renamed, listed, deleted, at most five deep; accounts moved between them."""

from __future__ import annotations

import pytest

from daypass.services.organizations import refusals
from daypass.values.errors import Refusal
from unit.services.organizations.town import Town, reason
from unit.services.world import OTHER, refused


def test_a_unit_is_made_shown_renamed_and_deleted(town: Town) -> None:
    made = town.org("CreateOrganizationalUnit", ParentId=town.root_id, Name="Prod", Tags=[{"Key": "k", "Value": "v"}])["OrganizationalUnit"]
    assert made["Id"].startswith(f"ou-{town.root_id[2:]}-")
    assert made["Arn"] == f"arn:aws:organizations::{town.account}:ou/{town.organization_id}/{made['Id']}"
    assert made["Path"] == f"{town.organization_id}/{town.root_id}/{made['Id']}/"
    assert town.org("DescribeOrganizationalUnit", OrganizationalUnitId=made["Id"])["OrganizationalUnit"] == made
    renamed = town.org("UpdateOrganizationalUnit", OrganizationalUnitId=made["Id"], Name="Production")["OrganizationalUnit"]
    assert renamed == made | {"Name": "Production"}
    assert town.org("UpdateOrganizationalUnit", OrganizationalUnitId=made["Id"])["OrganizationalUnit"] == renamed
    assert town.org("ListTagsForResource", ResourceId=made["Id"])["Tags"] == [{"Key": "k", "Value": "v"}]
    town.org("DeleteOrganizationalUnit", OrganizationalUnitId=made["Id"])
    with refused("OrganizationalUnitNotFoundException"):
        town.org("DescribeOrganizationalUnit", OrganizationalUnitId=made["Id"])


def test_a_name_is_unique_below_one_parent(town: Town) -> None:
    first, second = town.unit(name="a"), town.unit(name="b")
    inside = town.unit(first, name="b")
    with refused("DuplicateOrganizationalUnitException"):
        town.unit(name="a")
    with refused("DuplicateOrganizationalUnitException"):
        town.org("UpdateOrganizationalUnit", OrganizationalUnitId=second, Name="a")
    town.org("UpdateOrganizationalUnit", OrganizationalUnitId=first, Name="a")  # its own name is no duplicate
    assert town.org("ListParents", ChildId=inside)["Parents"] == [{"Id": first, "Type": "ORGANIZATIONAL_UNIT"}]


@pytest.mark.parametrize("name", [" a", "a ", "a\nb", "\u202eevil", "a\x00"])
def test_a_name_that_misleads_is_refused(town: Town, name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        town.unit(name=name)
    assert reason(refusal) == "INVALID_PATTERN"


def test_units_are_at_most_five_deep(town: Town) -> None:
    parent = town.root_id
    for depth in range(5):
        parent = town.unit(parent, name=str(depth))
    town.move(OTHER, parent)
    path = town.org("DescribeAccount", AccountId=OTHER)["Account"]["Paths"][0]
    assert path.count("/ou-") == 5 and path.endswith(f"/{parent}/{OTHER}/")
    with pytest.raises(Refusal) as refusal:
        town.unit(parent)
    assert reason(refusal) == "OU_DEPTH_LIMIT_EXCEEDED"


def test_there_is_a_most_of_units(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "UNITS", 1)
    town.unit(name="a")
    with pytest.raises(Refusal) as refusal:
        town.unit(name="b")
    assert reason(refusal) == "OU_NUMBER_LIMIT_EXCEEDED"


def test_what_is_below_is_listed(town: Town) -> None:
    first, second = town.unit(name="a"), town.unit(name="b")
    inside = town.unit(first, name="c")
    town.move(OTHER, first)
    units = town.org("ListOrganizationalUnitsForParent", ParentId=town.root_id)["OrganizationalUnits"]
    assert sorted(unit["Id"] for unit in units) == sorted([first, second])
    assert [one["Id"] for one in town.org("ListAccountsForParent", ParentId=first)["Accounts"]] == [OTHER]
    assert [one["Id"] for one in town.org("ListAccountsForParent", ParentId=town.root_id)["Accounts"]] == [town.account]
    assert town.org("ListChildren", ParentId=first, ChildType="ACCOUNT")["Children"] == [{"Id": OTHER, "Type": "ACCOUNT"}]
    below = town.org("ListChildren", ParentId=first, ChildType="ORGANIZATIONAL_UNIT")["Children"]
    assert below == [{"Id": inside, "Type": "ORGANIZATIONAL_UNIT"}]
    assert {one["Id"] for one in town.org("ListAccounts")["Accounts"]} == {town.account, OTHER}
    page = town.org("ListChildren", ParentId=town.root_id, ChildType="ORGANIZATIONAL_UNIT", MaxResults=1)
    rest = town.org("ListChildren", ParentId=town.root_id, ChildType="ORGANIZATIONAL_UNIT", MaxResults=1, NextToken=page["NextToken"])
    assert "NextToken" not in rest
    assert sorted(one["Id"] for one in page["Children"] + rest["Children"]) == sorted([first, second])
    with refused("InvalidInputException"):  # a token of one listing opens no other
        town.org("ListChildren", ParentId=first, ChildType="ORGANIZATIONAL_UNIT", NextToken=page["NextToken"])


def test_a_unit_with_anything_in_it_stays(town: Town) -> None:
    first = town.unit()
    inside = town.unit(first)
    town.move(OTHER, inside)
    for full in (first, inside):
        with refused("OrganizationalUnitNotEmptyException"):
            town.org("DeleteOrganizationalUnit", OrganizationalUnitId=full)
    town.move(OTHER, town.root_id)
    town.org("DeleteOrganizationalUnit", OrganizationalUnitId=inside)
    town.org("DeleteOrganizationalUnit", OrganizationalUnitId=first)
    assert town.org("ListOrganizationalUnitsForParent", ParentId=town.root_id)["OrganizationalUnits"] == []


def test_a_move_needs_both_ends(town: Town) -> None:
    unit, another = town.unit(), town.unit(name="another")
    elsewhere = "ou-none-12345678"

    def move(account: str, source: str, destination: str) -> None:
        town.org("MoveAccount", AccountId=account, SourceParentId=source, DestinationParentId=destination)

    with refused("AccountNotFoundException"):
        move("111122223333", town.root_id, unit)
    with refused("SourceParentNotFoundException"):
        move(OTHER, elsewhere, unit)
    with refused("SourceParentNotFoundException", "isn't in"):
        move(OTHER, unit, another)
    with refused("DestinationParentNotFoundException"):
        move(OTHER, town.root_id, elsewhere)
    with refused("DuplicateAccountException"):
        move(OTHER, town.root_id, town.root_id)
    move(OTHER, town.root_id, unit)
    move(town.account, town.root_id, unit)
    assert len(town.org("ListAccountsForParent", ParentId=unit)["Accounts"]) == 2


@pytest.mark.parametrize("name", ["ListOrganizationalUnitsForParent", "ListAccountsForParent", "CreateOrganizationalUnit"])
def test_a_parent_is_a_root_or_a_unit(town: Town, name: str) -> None:
    more = {"Name": "x"} if name.startswith("Create") else {}
    for parent in ("r-none", "ou-none-12345678", OTHER):
        with refused("ParentNotFoundException"):
            town.org(name, ParentId=parent, **more)
    with refused("ChildNotFoundException"):
        town.org("ListParents", ChildId=town.root_id)
