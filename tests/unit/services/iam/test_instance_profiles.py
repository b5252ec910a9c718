"""Instance profiles hold one role, which whoever puts it in must be allowed to pass."""

from __future__ import annotations

from unit.services.world import OTHER, World, refused

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'


def test_a_profile_is_made_filled_emptied_and_deleted(world: World) -> None:
    role = world.call("CreateRole", RoleName="r", Path="/x/", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}])["Role"]
    made = world.call("CreateInstanceProfile", InstanceProfileName="P", Path="/y/", Tags=[{"Key": "k", "Value": "v"}])["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{world.account}:instance-profile/y/P"
    assert made["InstanceProfileId"].startswith("AIPA")
    assert (made["Roles"], made["Tags"]) == ([], [{"Key": "k", "Value": "v"}])
    with refused("EntityAlreadyExists"):
        world.call("CreateInstanceProfile", InstanceProfileName="p")
    world.call("AddRoleToInstanceProfile", InstanceProfileName="P", RoleName="r")
    shown = world.call("GetInstanceProfile", InstanceProfileName="P")["InstanceProfile"]
    assert [one["RoleId"] for one in shown["Roles"]] == [role["RoleId"]]
    assert "Tags" not in world.call("ListInstanceProfiles")["InstanceProfiles"][0]
    assert len(world.call("ListInstanceProfilesForRole", RoleName="r")["InstanceProfiles"]) == 1
    with refused("DeleteConflict"):
        world.call("DeleteInstanceProfile", InstanceProfileName="P")
    world.call("CreateRole", RoleName="other", AssumeRolePolicyDocument=TRUST)
    with refused("NoSuchEntity"):
        world.call("RemoveRoleFromInstanceProfile", InstanceProfileName="P", RoleName="other")
    world.call("RemoveRoleFromInstanceProfile", InstanceProfileName="P", RoleName="r")
    with refused("NoSuchEntity"):
        world.call("RemoveRoleFromInstanceProfile", InstanceProfileName="P", RoleName="r")
    world.call("DeleteInstanceProfile", InstanceProfileName="P")
    with refused("NoSuchEntity", "Instance Profile P cannot be found."):
        world.call("GetInstanceProfile", InstanceProfileName="P")


def test_a_second_role_is_over_the_quota(world: World) -> None:
    for name in ("a", "b"):
        world.call("CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST)
    world.call("CreateInstanceProfile", InstanceProfileName="p")
    world.call("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="a")
    for name in ("a", "b"):
        with refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"):
            world.call("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName=name)


def test_putting_a_role_in_asks_to_pass_it(world: World) -> None:
    world.call("CreateRole", RoleName="r", Path="/x/", AssumeRolePolicyDocument=TRUST)
    world.call("CreateInstanceProfile", InstanceProfileName="p")
    asks = world.asks("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="r")
    assert [(ask.action, ask.resource) for ask in asks] == [
        ("iam:AddRoleToInstanceProfile", f"arn:aws:iam::{world.account}:instance-profile/p"),
        ("iam:PassRole", f"arn:aws:iam::{world.account}:role/x/r"),
    ]
    assert asks[1].context["iam:passedtoservice"] == "ec2.amazonaws.com"


def test_a_role_of_another_account_cannot_be_put_in(world: World) -> None:
    world.call("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST)
    theirs = world.root(OTHER)
    world.call("CreateInstanceProfile", by=theirs, InstanceProfileName="p")
    with refused("NoSuchEntity", "The role with name r cannot be found."):
        world.call("AddRoleToInstanceProfile", by=theirs, InstanceProfileName="p", RoleName="r")
