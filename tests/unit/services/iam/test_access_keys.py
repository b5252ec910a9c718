"""Access keys: two at most, the secret shown once, last use, and never another's."""

from __future__ import annotations

import pytest

from daypass.values import ids
from unit.services.world import OTHER, World, refused


@pytest.fixture
def bob(world: World) -> World:
    """A world with the users bob and eve."""
    world.call("CreateUser", UserName="bob")
    world.call("CreateUser", UserName="eve")
    return world


def test_a_key_shows_its_secret_once(bob: World) -> None:
    made = bob.call("CreateAccessKey", UserName="bob")["AccessKey"]
    assert (made["UserName"], made["Status"]) == ("bob", "Active")
    assert made["AccessKeyId"].startswith("AKIA") and ids.account_of_key_id(made["AccessKeyId"]) == bob.account
    assert len(made["SecretAccessKey"]) == 40
    listed = bob.call("ListAccessKeys", UserName="bob")["AccessKeyMetadata"]
    assert listed == [{name: value for name, value in made.items() if name != "SecretAccessKey"}]
    record = bob.store.access_keys.find(made["AccessKeyId"])
    assert record is not None and record.secret.reveal().decode() == made["SecretAccessKey"]


def test_a_third_key_is_over_the_quota_and_a_freed_slot_is_used_again(bob: World) -> None:
    first = bob.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    second = bob.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"):
        bob.call("CreateAccessKey", UserName="bob")
    bob.call("CreateAccessKey", UserName="eve")
    bob.call("DeleteAccessKey", UserName="bob", AccessKeyId=first)
    third = bob.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    slots = {key.id: key.slot for key in bob.store.access_keys if key.id in (second, third)}
    assert sorted(slots.values()) == [1, 2]


def test_a_key_id_is_never_given_twice(bob: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([b"s" * 30, b"aaaaa", b"t" * 30, b"aaaaa", b"aaaaa", b"bbbbb"])
    monkeypatch.setattr(bob, "random", lambda count: next(drawn))
    first = bob.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    second = bob.call("CreateAccessKey", UserName="eve")["AccessKey"]["AccessKeyId"]
    assert first == ids.key_id("AKIA", bob.account, b"aaaaa")
    assert second == ids.key_id("AKIA", bob.account, b"bbbbb")


def test_without_a_name_the_calling_users_keys_are_meant(bob: World) -> None:
    made = bob.call("CreateAccessKey", by=bob.user("bob"))["AccessKey"]
    assert made["UserName"] == "bob"
    assert len(bob.call("ListAccessKeys", by=bob.user("bob"))["AccessKeyMetadata"]) == 1
    bob.call("UpdateAccessKey", by=bob.user("bob"), AccessKeyId=made["AccessKeyId"], Status="Inactive")
    bob.call("DeleteAccessKey", by=bob.user("bob"), AccessKeyId=made["AccessKeyId"])
    for caller in (bob.root(bob.account), bob.session("DaypassOperator")):
        with refused("ValidationError", "Must specify userName when calling with non-User credentials"):
            bob.call("CreateAccessKey", by=caller)
        with refused("ValidationError"):
            bob.call("ListAccessKeys", by=caller)


def test_a_key_is_switched_off_and_on(bob: World) -> None:
    key = bob.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    for status in ("Inactive", "Active"):
        bob.call("UpdateAccessKey", UserName="bob", AccessKeyId=key, Status=status)
        assert bob.call("ListAccessKeys", UserName="bob")["AccessKeyMetadata"][0]["Status"] == status
    with refused("InvalidInput"):
        bob.call("UpdateAccessKey", UserName="bob", AccessKeyId=key, Status="Expired")


def test_the_key_of_another_user_or_account_is_not_found(bob: World) -> None:
    key = bob.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    theirs = bob.root(OTHER)
    bob.call("CreateUser", by=theirs, UserName="bob")
    for caller, name in ((None, "eve"), (theirs, "bob")):
        with refused("NoSuchEntity", f"The Access Key with id {key} cannot be found."):
            bob.call("DeleteAccessKey", by=caller, UserName=name, AccessKeyId=key)
        with refused("NoSuchEntity"):
            bob.call("UpdateAccessKey", by=caller, UserName=name, AccessKeyId=key, Status="Inactive")
    assert bob.call("ListAccessKeys", UserName="bob")["AccessKeyMetadata"][0]["Status"] == "Active"


def test_when_a_key_was_last_used(bob: World) -> None:
    key = bob.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    never = {"UserName": "bob", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
    assert bob.call("GetAccessKeyLastUsed", AccessKeyId=key) == never
    bob.store.use(key, bob.now, "sts", "eu-west-1")
    used = bob.call("GetAccessKeyLastUsed", AccessKeyId=key)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "eu-west-1")


def test_last_use_of_a_foreign_key_is_refused_as_that_of_none(bob: World) -> None:
    key = bob.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    theirs = bob.root(OTHER)
    for foreign in (key, "AKIAAAAAAAAAAAAAAAAA"):
        with refused("AccessDenied", f"access key {foreign}"):
            bob.call("GetAccessKeyLastUsed", by=theirs, AccessKeyId=foreign)
        assert [ask.resource for ask in bob.asks("GetAccessKeyLastUsed", by=theirs, AccessKeyId=foreign)] == ["*"]
