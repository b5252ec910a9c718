"""Virtual MFA devices: the seed shown once, enabled by two codes, one user's at a time, deleted last."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from daypass.services.iam import quotas
from daypass.values.caller import Caller
from daypass.values.session import Origin, Session
from daypass.way.throttle import GUESS_BURST, GUESS_RATE
from rig.authenticator import STEP, Authenticator
from unit.services.world import OTHER, World, refused


@pytest.fixture
def bob(world: World) -> World:
    """A world with the users bob and eve."""
    world.call("CreateUser", UserName="bob")
    world.call("CreateUser", UserName="eve")
    return world


def make(world: World, name: str = "phone", **more: object) -> Authenticator:
    return Authenticator(world.call("CreateVirtualMFADevice", VirtualMFADeviceName=name, **more))


def enabled(world: World, name: str = "phone", user: str = "bob", by: Caller | None = None) -> Authenticator:
    device = make(world, name)
    world.call("EnableMFADevice", by=by, UserName=user, SerialNumber=device.serial, **device.pair(world.now))
    return device


def with_mfa(world: World, caller: Caller) -> Caller:
    """The caller with a session that GetSessionToken made with a code."""
    now = int(world.now.timestamp())
    session = Session(
        id=bytes(16), key_id="ASIA", kind="user", account=caller.account, principal_id=caller.principal_id, name="", issued=now,
        expires=now + 900, origin=Origin("sigv4", "AKIA"), mfa_at=now,
    )  # fmt: skip
    return replace(caller, session=session)


def test_a_device_shows_its_seed_once(bob: World) -> None:
    made = bob.call("CreateVirtualMFADevice", VirtualMFADeviceName="phone", Path="/phones/", Tags=[{"Key": "k", "Value": "v"}])
    device = made["VirtualMFADevice"]
    assert device["SerialNumber"] == f"arn:aws:iam::{bob.account}:mfa/phones/phone"
    assert len(device["Base32StringSeed"]) == 32 and device["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
    assert device["Tags"] == [{"Key": "k", "Value": "v"}]
    assert bob.call("ListVirtualMFADevices")["VirtualMFADevices"] == [{"SerialNumber": device["SerialNumber"]}]
    [record] = bob.store.mfa_devices
    assert "seed=Secret(…)" in repr(record)


def test_names_are_unique_ignoring_case_and_serials_fit(bob: World) -> None:
    make(bob, "Phone")
    with refused("EntityAlreadyExists", "MFADevice entity at the same path and name already exists."):
        make(bob, "phone")
    make(bob, "x" * (256 - len(f"arn:aws:iam::{bob.account}:mfa/")))
    with refused("ValidationError", "256"):
        make(bob, "y" * (257 - len(f"arn:aws:iam::{bob.account}:mfa/")))
    for reserved in ({"Path": "/aws-reserved/"}, {"name": "root"}):
        with refused("ValidationError", "reserved"):
            make(bob, **reserved)  # type: ignore[arg-type]  # one parameter of two


def test_two_consecutive_codes_enable_it(bob: World) -> None:
    device = make(bob)
    wrong = device.pair(bob.now)
    for codes in ({"AuthenticationCode2": wrong["AuthenticationCode1"]}, {"AuthenticationCode1": wrong["AuthenticationCode2"]}):
        with refused("InvalidAuthenticationCode"):
            bob.call("EnableMFADevice", UserName="bob", SerialNumber=device.serial, **(wrong | codes))
    bob.call("EnableMFADevice", UserName="bob", SerialNumber=device.serial, **device.pair(bob.now))
    shown = {"UserName": "bob", "SerialNumber": device.serial, "EnableDate": bob.now - timedelta(seconds=1)}
    assert bob.call("ListMFADevices", UserName="bob") == {"MFADevices": [shown], "IsTruncated": False}
    assert bob.call("ListMFADevices", by=bob.user("bob"))["MFADevices"] == [shown]
    assert bob.call("GetMFADevice", SerialNumber=device.serial, UserName="bob") == shown
    assert bob.call("ListMFADevices", UserName="eve")["MFADevices"] == []
    [listed] = bob.call("ListVirtualMFADevices", AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert (listed["User"]["UserName"], listed["EnableDate"], "Base32StringSeed" in listed) == ("bob", shown["EnableDate"], False)


def test_a_device_is_one_users_at_a_time(bob: World) -> None:
    device = enabled(bob)
    with refused("EntityAlreadyExists", "MFA Device is already in use."):
        bob.call("EnableMFADevice", UserName="eve", SerialNumber=device.serial, **device.pair(bob.now, 2))
    for operation in ("DeactivateMFADevice", "GetMFADevice"):
        with refused("NoSuchEntity", device.serial):
            bob.call(operation, UserName="eve", SerialNumber=device.serial)
    with refused("NoSuchEntity", device.serial):
        bob.call("ResyncMFADevice", UserName="eve", SerialNumber=device.serial, **device.pair(bob.now, 2))


def test_a_device_is_deactivated_enabled_again_and_deleted(bob: World) -> None:
    device = enabled(bob)
    with refused("DeleteConflict"):
        bob.call("DeleteVirtualMFADevice", SerialNumber=device.serial)
    bob.call("DeactivateMFADevice", UserName="bob", SerialNumber=device.serial)
    assert bob.call("ListVirtualMFADevices", AssignmentStatus="Assigned")["VirtualMFADevices"] == []
    assert len(bob.call("ListVirtualMFADevices", AssignmentStatus="Unassigned")["VirtualMFADevices"]) == 1
    with refused("InvalidAuthenticationCode"):  # the codes that were taken before
        bob.call("EnableMFADevice", UserName="eve", SerialNumber=device.serial, **device.pair(bob.now))
    bob.call("EnableMFADevice", UserName="eve", SerialNumber=device.serial, **device.pair(bob.now, 2))
    bob.call("DeactivateMFADevice", UserName="eve", SerialNumber=device.serial)
    bob.call("DeleteVirtualMFADevice", SerialNumber=device.serial)
    with refused("NoSuchEntity", device.serial):
        bob.call("DeleteVirtualMFADevice", SerialNumber=device.serial)


def test_a_user_with_a_device_is_not_deleted(bob: World) -> None:
    device = enabled(bob)
    with refused("DeleteConflict", "Cannot delete entity, must deactivate MFA devices first."):
        bob.call("DeleteUser", UserName="bob")
    bob.call("DeactivateMFADevice", UserName="bob", SerialNumber=device.serial)
    bob.call("DeleteUser", UserName="bob")


def test_eight_devices_and_no_more(bob: World) -> None:
    for number in range(quotas.MFA_DEVICES_PER_USER):
        enabled(bob, f"phone-{number}")
    with refused("LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: 8"):
        enabled(bob, "one-more")
    enabled(bob, "eves", "eve")


def test_a_resync_learns_the_drift(bob: World) -> None:
    device = enabled(bob)
    with refused("InvalidAuthenticationCode"):
        bob.call("ResyncMFADevice", UserName="bob", SerialNumber=device.serial, **device.pair(bob.now, 200))
    bob.call("ResyncMFADevice", UserName="bob", SerialNumber=device.serial, **device.pair(bob.now, 7))
    [record] = bob.store.mfa_devices
    assert record.drift == 7
    bob.now += timedelta(seconds=STEP * 60)
    bob.call("ResyncMFADevice", UserName="bob", SerialNumber=device.serial, **device.pair(bob.now, 1))
    [record] = bob.store.mfa_devices
    assert record.drift == 0


def test_H16_guesses_at_a_device_are_slowed(bob: World) -> None:
    device, other = make(bob), make(bob, "other")
    for number in range(int(GUESS_BURST)):
        with refused("InvalidAuthenticationCode"):
            wrong = {"AuthenticationCode1": f"{number:06d}", "AuthenticationCode2": "000000"}
            bob.call("EnableMFADevice", UserName="bob", SerialNumber=device.serial, **wrong)
    with refused("Throttling"):
        bob.call("EnableMFADevice", UserName="bob", SerialNumber=device.serial, **device.pair(bob.now))
    bob.call("EnableMFADevice", UserName="bob", SerialNumber=other.serial, **other.pair(bob.now))
    bob.now += timedelta(seconds=1 / GUESS_RATE)
    bob.call("EnableMFADevice", UserName="bob", SerialNumber=device.serial, **device.pair(bob.now))


def test_H16_with_a_key_alone_nobody_changes_their_own_devices(bob: World) -> None:
    me = bob.user("bob")
    first = enabled(bob, by=me)  # the first needs none: there is nothing to prove yet
    second = make(bob, "second")
    with refused("AccessDenied", "without MFA"):
        bob.call("EnableMFADevice", by=me, UserName="bob", SerialNumber=second.serial, **second.pair(bob.now))
    with refused("AccessDenied", "without MFA"):
        bob.call("DeactivateMFADevice", by=me, SerialNumber=first.serial)
    safe = with_mfa(bob, me)
    bob.call("EnableMFADevice", by=safe, UserName="bob", SerialNumber=second.serial, **second.pair(bob.now))
    bob.call("DeactivateMFADevice", by=safe, UserName="bob", SerialNumber=first.serial)
    bob.call("DeactivateMFADevice", by=bob.user("eve"), UserName="bob", SerialNumber=second.serial)  # for others policies decide


def test_another_accounts_device_is_not_there(bob: World) -> None:
    device, theirs = enabled(bob), bob.root(OTHER)
    bob.call("CreateUser", by=theirs, UserName="bob")
    for operation, more in (
        ("DeactivateMFADevice", {"UserName": "bob"}),
        ("GetMFADevice", {"UserName": "bob"}),
        ("DeleteVirtualMFADevice", {}),
        ("TagMFADevice", {"Tags": [{"Key": "k", "Value": "v"}]}),
        ("UntagMFADevice", {"TagKeys": ["k"]}),
        ("ListMFADeviceTags", {}),
        ("EnableMFADevice", {"UserName": "bob", **device.pair(bob.now, 2)}),
    ):
        with refused("NoSuchEntity", device.serial):
            bob.call(operation, by=theirs, SerialNumber=device.serial, **more)
    assert bob.call("ListVirtualMFADevices", by=theirs)["VirtualMFADevices"] == []
    bob.call("CreateVirtualMFADevice", by=theirs, VirtualMFADeviceName="phone")


def test_tags(bob: World) -> None:
    device = make(bob)
    bob.call("TagMFADevice", SerialNumber=device.serial, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    bob.call("UntagMFADevice", SerialNumber=device.serial, TagKeys=["A"])
    assert bob.call("ListMFADeviceTags", SerialNumber=device.serial)["Tags"] == [{"Key": "b", "Value": "2"}]
    [ask] = bob.asks("DeleteVirtualMFADevice", SerialNumber=device.serial)
    assert (ask.resource, ask.context) == (device.serial, {"aws:resourcetag/b": "2", "iam:resourcetag/b": "2"})
    [ask] = bob.asks("CreateVirtualMFADevice", VirtualMFADeviceName="n", Path="/p/", Tags=[{"Key": "t", "Value": "v"}])
    assert (ask.resource, ask.context["aws:requesttag/t"]) == (f"arn:aws:iam::{bob.account}:mfa/p/n", "v")


def test_listings_are_paged(bob: World) -> None:
    for number in range(5):
        enabled(bob, f"phone-{number}")
    for operation, member, more in (
        ("ListVirtualMFADevices", "VirtualMFADevices", {"AssignmentStatus": "Any"}),
        ("ListMFADevices", "MFADevices", {"UserName": "bob"}),
    ):
        seen, marker = [], None
        while True:
            page = bob.call(operation, MaxItems=2, **more, **({"Marker": marker} if marker else {}))
            seen += [device["SerialNumber"] for device in page[member]]
            if not page["IsTruncated"]:
                break
            marker = page["Marker"]
        assert sorted(seen) == sorted(device.arn for device in bob.store.mfa_devices)
        with refused("ValidationError", "Invalid Marker."):
            bob.call(operation, Marker="nonsense", **more)
