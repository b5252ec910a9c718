"""Users: made, shown, renamed, deleted; membership of groups."""

from __future__ import annotations

from daypass.services.iam import quotas
from unit.services.world import ALLOW_ALL, OTHER, World, refused

POLICY = "arn:aws:iam::aws:policy/IAMFullAccess"


def test_a_user_is_made_and_shown_with_all_its_members(world: World) -> None:
    made = world.call("CreateUser", UserName="Bob", Path="/dev/", PermissionsBoundary=POLICY, Tags=[{"Key": "Team", "Value": "a b"}])[
        "User"
    ]
    assert made["Arn"] == f"arn:aws:iam::{world.account}:user/dev/Bob"
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 21
    assert made["PermissionsBoundary"] == {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": POLICY}
    assert made["Tags"] == [{"Key": "Team", "Value": "a b"}]
    assert world.call("GetUser", UserName="Bob")["User"] == made
    listed = world.call("ListUsers")["Users"]
    assert listed == [{name: made[name] for name in ("Path", "UserName", "UserId", "Arn", "CreateDate")}]


def test_names_are_unique_whatever_their_case_and_keep_it(world: World) -> None:
    world.call("CreateUser", UserName="Bob")
    with refused("EntityAlreadyExists", "User with name bOB already exists."):
        world.call("CreateUser", UserName="bOB")
    assert world.call("GetUser", UserName="BOB")["User"]["UserName"] == "Bob"


def test_get_user_without_a_name_shows_the_caller(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    assert world.call("GetUser", by=world.user("bob"))["User"]["UserName"] == "bob"
    assert world.call("GetUser")["User"] == {
        "UserId": world.account,
        "Arn": f"arn:aws:iam::{world.account}:root",
        "CreateDate": world.store.accounts.find(world.account).created,  # type: ignore[union-attr] # it is there from the start
    }
    with refused("ValidationError", "Must specify userName when calling with non-User credentials"):
        world.call("GetUser", by=world.session("DaypassOperator"))


def test_a_rename_keeps_the_id_and_what_hangs_on_it(world: World) -> None:
    before = world.call("CreateUser", UserName="bob")["User"]
    key = world.call("CreateAccessKey", UserName="bob")["AccessKey"]
    world.call("UpdateUser", UserName="bob", NewUserName="robert", NewPath="/x/")
    after = world.call("GetUser", UserName="robert")["User"]
    assert after["UserId"] == before["UserId"]
    assert after["Arn"] == f"arn:aws:iam::{world.account}:user/x/robert"
    assert [k["AccessKeyId"] for k in world.call("ListAccessKeys", UserName="robert")["AccessKeyMetadata"]] == [key["AccessKeyId"]]
    with refused("NoSuchEntity", "The user with name bob cannot be found."):
        world.call("GetUser", UserName="bob")


def test_a_rename_asks_for_both_names(world: World) -> None:
    world.call("CreateUser", UserName="bob", Path="/a/")
    prefix = f"arn:aws:iam::{world.account}:user"
    both = world.asks("UpdateUser", UserName="bob", NewUserName="root2", NewPath="/b/")
    assert [ask.resource for ask in both] == [f"{prefix}/a/bob", f"{prefix}/b/root2"]
    assert [ask.resource for ask in world.asks("UpdateUser", UserName="bob")] == [f"{prefix}/a/bob"]


def test_a_user_is_deleted_only_when_nothing_hangs_on_it(world: World) -> None:
    world.call("CreateUser", UserName="bob", PermissionsBoundary=POLICY)
    world.call("CreateGroup", GroupName="g")
    key = world.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    world.call("AddUserToGroup", GroupName="g", UserName="bob")
    world.call("AttachUserPolicy", UserName="bob", PolicyArn=POLICY)
    world.call("PutUserPolicy", UserName="bob", PolicyName="p", PolicyDocument=ALLOW_ALL)
    with refused("DeleteConflict", "must delete access keys first"):
        world.call("DeleteUser", UserName="bob")
    world.call("DeleteAccessKey", UserName="bob", AccessKeyId=key)
    with refused("DeleteConflict", "must remove users from group first"):
        world.call("DeleteUser", UserName="bob")
    world.call("RemoveUserFromGroup", GroupName="g", UserName="bob")
    with refused("DeleteConflict", "must detach all policies first"):
        world.call("DeleteUser", UserName="bob")
    world.call("DetachUserPolicy", UserName="bob", PolicyArn=POLICY)
    with refused("DeleteConflict", "must delete policies first"):
        world.call("DeleteUser", UserName="bob")
    world.call("DeleteUserPolicy", UserName="bob", PolicyName="p")
    world.call("DeleteUser", UserName="bob")
    with refused("NoSuchEntity"):
        world.call("GetUser", UserName="bob")
    again = world.call("CreateUser", UserName="bob")["User"]
    assert "PermissionsBoundary" not in again


def test_membership_is_shown_from_both_sides_and_adding_twice_is_no_error(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    world.call("CreateGroup", GroupName="Admins")
    world.call("AddUserToGroup", GroupName="admins", UserName="BOB")
    world.call("AddUserToGroup", GroupName="Admins", UserName="bob")
    assert [user["UserName"] for user in world.call("GetGroup", GroupName="Admins")["Users"]] == ["bob"]
    assert [group["GroupName"] for group in world.call("ListGroupsForUser", UserName="bob")["Groups"]] == ["Admins"]
    world.call("RemoveUserFromGroup", GroupName="Admins", UserName="bob")
    with refused("NoSuchEntity"):
        world.call("RemoveUserFromGroup", GroupName="Admins", UserName="bob")
    assert world.call("GetGroup", GroupName="Admins")["Users"] == []


def test_an_eleventh_group_is_over_the_quota(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    for number in range(quotas.GROUPS_PER_USER + 1):
        world.call("CreateGroup", GroupName=f"g{number}")
    for number in range(quotas.GROUPS_PER_USER):
        world.call("AddUserToGroup", GroupName=f"g{number}", UserName="bob")
    with refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10"):
        world.call("AddUserToGroup", GroupName=f"g{quotas.GROUPS_PER_USER}", UserName="bob")
    world.call("AddUserToGroup", GroupName="g0", UserName="bob")


def test_a_group_is_renamed_and_deleted_when_empty(world: World) -> None:
    made = world.call("CreateGroup", GroupName="dev", Path="/a/")["Group"]
    world.call("CreateUser", UserName="bob")
    world.call("AddUserToGroup", GroupName="dev", UserName="bob")
    world.call("UpdateGroup", GroupName="dev", NewGroupName="ops", NewPath="/b/")
    shown = world.call("GetGroup", GroupName="ops")
    assert shown["Group"] == made | {"GroupName": "ops", "Path": "/b/", "Arn": f"arn:aws:iam::{world.account}:group/b/ops"}
    assert [user["UserName"] for user in shown["Users"]] == ["bob"]
    with refused("DeleteConflict", "must remove users from group first"):
        world.call("DeleteGroup", GroupName="ops")
    world.call("RemoveUserFromGroup", GroupName="ops", UserName="bob")
    world.call("AttachGroupPolicy", GroupName="ops", PolicyArn=POLICY)
    with refused("DeleteConflict", "must detach all policies first"):
        world.call("DeleteGroup", GroupName="ops")
    world.call("DetachGroupPolicy", GroupName="ops", PolicyArn=POLICY)
    world.call("DeleteGroup", GroupName="ops")
    assert world.call("ListGroups")["Groups"] == []


def test_lists_are_filtered_by_path_and_sorted_ignoring_case(world: World) -> None:
    for name, path in (("b", "/x/"), ("A", "/x/y/"), ("c", "/xy/"), ("D", "/")):
        world.call("CreateUser", UserName=name, Path=path)
    assert [user["UserName"] for user in world.call("ListUsers")["Users"]] == ["A", "b", "c", "D"]
    assert [user["UserName"] for user in world.call("ListUsers", PathPrefix="/x/")["Users"]] == ["A", "b"]
    assert [user["UserName"] for user in world.call("ListUsers", PathPrefix="/x")["Users"]] == ["A", "b", "c"]


def test_another_account_sees_and_touches_nothing_of_this_one(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    world.call("CreateGroup", GroupName="g")
    other = world.root(OTHER)
    assert world.call("ListUsers", by=other)["Users"] == []
    assert world.call("ListGroups", by=other)["Groups"] == []
    for name, members in (
        ("GetUser", {"UserName": "bob"}),
        ("DeleteUser", {"UserName": "bob"}),
        ("UpdateUser", {"UserName": "bob", "NewUserName": "x"}),
        ("TagUser", {"UserName": "bob", "Tags": [{"Key": "a", "Value": "b"}]}),
        ("CreateAccessKey", {"UserName": "bob"}),
        ("DeleteGroup", {"GroupName": "g"}),
    ):
        with refused("NoSuchEntity"):
            world.call(name, by=other, **members)
    assert world.call("CreateUser", by=other, UserName="bob")["User"]["Arn"] == f"arn:aws:iam::{OTHER}:user/bob"
    assert len(world.call("ListUsers")["Users"]) == 1
