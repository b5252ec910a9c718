"""The account's summary has every key of the model, counts the own account alone, and follows what is made."""

from __future__ import annotations

from daypass import wire
from daypass.services.iam import quotas
from rig.authenticator import Authenticator
from unit.services.world import ALLOW_ALL, OTHER, World


def summary(world: World, **more: object) -> dict[str, int]:
    return world.call("GetAccountSummary", **more)["SummaryMap"]


def test_every_key_of_the_model_is_there(world: World) -> None:
    shape = wire.get_operation("iam", "get_account_summary").output
    assert shape is not None
    keys = shape.members["SummaryMap"].shape.key
    assert keys is not None and set(summary(world)) == set(keys.enum)


def test_it_counts_the_own_account(world: World) -> None:
    before = summary(world)
    world.call("CreateUser", UserName="bob")
    world.call("CreateGroup", GroupName="g")
    arn = world.call("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    world.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    world.call("CreateInstanceProfile", InstanceProfileName="i")
    world.call("CreateOpenIDConnectProvider", Url="https://idp.example.test")
    devices = [Authenticator(world.call("CreateVirtualMFADevice", VirtualMFADeviceName=name)) for name in ("one", "two")]
    world.call("EnableMFADevice", UserName="bob", SerialNumber=devices[0].serial, **devices[0].pair(world.now))
    grown = {name: count - before[name] for name, count in summary(world).items() if count != before[name]}
    assert grown == {
        "Users": 1, "Groups": 1, "Policies": 1, "PolicyVersionsInUse": 2, "InstanceProfiles": 1, "Providers": 1,
        "MFADevices": 2, "MFADevicesInUse": 1,
    }  # fmt: skip
    theirs = summary(world, by=world.root(OTHER))
    assert (theirs["Users"], theirs["MFADevices"], theirs["UsersQuota"]) == (0, 0, quotas.USERS)
