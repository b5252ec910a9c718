"""GetAccountAuthorizationDetails: everything once, in four lists, filtered and paged, of the own account alone."""

from __future__ import annotations

from typing import Any

import pytest

from unit.services.world import ALLOW_ALL, OTHER, World, refused, trust

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


@pytest.fixture
def acme(world: World) -> World:
    """A user in a group, a role in an instance profile, policies of every kind on each."""
    world.call("CreateUser", UserName="bob", Tags=[{"Key": "k", "Value": "v"}])
    world.call("CreateGroup", GroupName="staff")
    world.call("CreateRole", RoleName="app", AssumeRolePolicyDocument=trust(world.account), Description="d", MaxSessionDuration=7200)
    own = world.call("CreatePolicy", PolicyName="own", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    world.call("CreatePolicyVersion", PolicyArn=own, PolicyDocument=ALLOW_ALL, SetAsDefault=True)
    for kind, name in (("User", "bob"), ("Group", "staff"), ("Role", "app")):
        for arn in (own, ADMIN):
            world.call(f"Attach{kind}Policy", **{f"{kind}Name": name}, PolicyArn=arn)
        world.call(f"Put{kind}Policy", **{f"{kind}Name": name}, PolicyName="inline", PolicyDocument=ALLOW_ALL)
    world.call("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess")
    world.call("AddUserToGroup", UserName="bob", GroupName="staff")
    world.call("CreateInstanceProfile", InstanceProfileName="box")
    world.call("AddRoleToInstanceProfile", InstanceProfileName="box", RoleName="app")
    return world


def names(answer: dict[str, Any]) -> list[list[str]]:
    keys = ("UserName", "GroupName", "RoleName", "PolicyName")
    return [[item[key] for item in answer[member]] for member, key in zip(LISTS, keys, strict=True)]


def test_everything_is_there(acme: World) -> None:
    details = acme.call("GetAccountAuthorizationDetails")
    assert names(details) == [["bob"], ["staff"], ["app", "DaypassOperator"], ["AdministratorAccess", "own", "PowerUserAccess"]]
    policies = {
        "AttachedManagedPolicies": [
            {"PolicyName": "own", "PolicyArn": f"arn:aws:iam::{acme.account}:policy/own"},
            {"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN},
        ]
    }
    inline = [{"PolicyName": "inline", "PolicyDocument": ALLOW_ALL}]
    [bob], [staff] = details["UserDetailList"], details["GroupDetailList"]
    user = acme.call("GetUser", UserName="bob")["User"]
    assert bob == user | policies | {"UserPolicyList": inline, "GroupList": ["staff"]}
    group = acme.call("GetGroup", GroupName="staff")["Group"]
    assert staff == group | policies | {"GroupPolicyList": inline}


def test_a_role_has_its_profiles_and_a_policy_its_versions(acme: World) -> None:
    details = acme.call("GetAccountAuthorizationDetails")
    app, own = details["RoleDetailList"][0], details["Policies"][1]
    assert set(app) == {
        "Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "InstanceProfileList", "RolePolicyList",
        "AttachedManagedPolicies",
    }  # fmt: skip
    assert [profile["InstanceProfileName"] for profile in app["InstanceProfileList"]] == ["box"]
    assert [(one["VersionId"], one["IsDefaultVersion"], one["Document"]) for one in own["PolicyVersionList"]] == [
        ("v2", True, ALLOW_ALL), ("v1", False, ALLOW_ALL),
    ]  # fmt: skip
    assert (own["AttachmentCount"], own["DefaultVersionId"]) == (3, "v2")


@pytest.mark.parametrize(
    ("kinds", "counts"),
    [
        (["User"], [1, 0, 0, 0]),
        (["Group", "Role"], [0, 1, 2, 0]),
        (["LocalManagedPolicy"], [0, 0, 0, 1]),
        (["AWSManagedPolicy"], [0, 0, 0, 2]),
        ([], [1, 1, 2, 3]),
    ],
)
def test_a_filter_names_kinds(acme: World, kinds: list[str], counts: list[int]) -> None:
    assert [len(found) for found in names(acme.call("GetAccountAuthorizationDetails", Filter=kinds))] == counts


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_show_everything_once(acme: World, size: int) -> None:
    seen: list[list[str]] = [[], [], [], []]
    marker: dict[str, str] = {}
    while True:
        page = acme.call("GetAccountAuthorizationDetails", MaxItems=size, **marker)
        found = names(page)
        assert sum(map(len, found)) <= size
        seen = [before + more for before, more in zip(seen, found, strict=True)]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert seen == names(acme.call("GetAccountAuthorizationDetails"))


def test_a_marker_belongs_to_its_filter(acme: World) -> None:
    marker = acme.call("GetAccountAuthorizationDetails", MaxItems=1)["Marker"]
    with refused("ValidationError", "Invalid Marker."):
        acme.call("GetAccountAuthorizationDetails", Filter=["Role"], Marker=marker)


def test_another_account_sees_its_own(acme: World) -> None:
    details = acme.call("GetAccountAuthorizationDetails", by=acme.root(OTHER))
    assert names(details) == [[], [], [], []]
