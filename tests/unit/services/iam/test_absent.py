"""What daypass does not keep is shown as none, but only of what exists; and the account's summary counts what there is."""

from __future__ import annotations

import pytest

from daypass.services.iam import quotas
from unit.services.world import ALLOW_ALL, OTHER, World, refused


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("ListMFADevices", "MFADevices"),
        ("ListSSHPublicKeys", "SSHPublicKeys"),
        ("ListSigningCertificates", "Certificates"),
        ("ListServiceSpecificCredentials", "ServiceSpecificCredentials"),
    ],
)
def test_a_user_has_none_and_a_missing_user_is_missing(world: World, name: str, member: str) -> None:
    world.call("CreateUser", UserName="bob")
    assert world.call(name, UserName="bob") == {member: [], "IsTruncated": False}
    assert world.call(name, by=world.user("bob"))[member] == []
    with refused("NoSuchEntity"):
        world.call(name, UserName="eve")


def test_the_account_has_none(world: World) -> None:
    assert world.call("ListVirtualMFADevices", AssignmentStatus="Assigned")["VirtualMFADevices"] == []
    assert world.call("ListAccountAliases")["AccountAliases"] == []


@pytest.mark.parametrize("name", ["GetLoginProfile", "DeleteLoginProfile"])
def test_a_user_has_no_password(world: World, name: str) -> None:
    world.call("CreateUser", UserName="bob")
    with refused("NoSuchEntity", "Login Profile for User bob cannot be found."):
        world.call(name, UserName="bob")
    with refused("NoSuchEntity", "The user with name eve cannot be found."):
        world.call(name, UserName="eve")


def test_the_summary_counts_the_own_account(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    world.call("CreateGroup", GroupName="g")
    arn = world.call("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    world.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    counted = world.call("GetAccountSummary")["SummaryMap"]
    wanted = {"Users": 1, "Groups": 1, "Roles": 1, "Policies": 1, "PolicyVersionsInUse": 2, "UsersQuota": quotas.USERS}
    assert {name: counted[name] for name in wanted} == wanted
    assert world.call("GetAccountSummary", by=world.root(OTHER))["SummaryMap"]["Users"] == 0
