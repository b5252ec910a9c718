"""Passwords of users: what they must be, who may change them, and that only a hash is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from daypass.proof.password import matches
from daypass.way.throttle import GUESS_BURST, GUESS_RATE
from unit.services.world import OTHER, World, refused

FIRST, SECOND, THIRD = "First-pass-1", "Second-pass-2", "Third-pass-3"


@pytest.fixture
def bob(world: World) -> World:
    """A world with the user bob, who has a password."""
    world.call("CreateUser", UserName="bob")
    world.call("CreateLoginProfile", UserName="bob", Password=FIRST)
    return world


def change(world: World, old: str, new: str, **more: Any) -> None:
    world.call("ChangePassword", by=world.user("bob"), OldPassword=old, NewPassword=new, **more)


def hashes(world: World) -> list[str]:
    profile = world.store.login_profiles.find(world.user("bob").principal_id)
    assert profile is not None
    return profile.hashes.reveal().decode().split("\n")


def test_a_profile_is_made_shown_and_deleted(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    with refused("NoSuchEntity", "Login Profile for User bob cannot be found."):
        world.call("GetLoginProfile", UserName="bob")
    made = world.call("CreateLoginProfile", UserName="bob", Password=FIRST, PasswordResetRequired=True, MaxSigninSessionDuration=3600)
    wanted = {"UserName": "bob", "CreateDate": world.now - timedelta(seconds=1), "PasswordResetRequired": True}
    assert made == {"LoginProfile": wanted | {"MaxSigninSessionDuration": 3600}}
    assert world.call("GetLoginProfile", UserName="bob") == made == world.call("GetLoginProfile", by=world.user("bob"))
    with refused("EntityAlreadyExists", "Login Profile for user bob already exists."):
        world.call("CreateLoginProfile", UserName="bob", Password=FIRST)
    world.call("DeleteLoginProfile", UserName="bob")
    for operation in ("GetLoginProfile", "DeleteLoginProfile"):
        with refused("NoSuchEntity", "Login Profile for User bob cannot be found."):
            world.call(operation, UserName="bob")


def test_only_a_hash_is_kept_and_nothing_shows_it(bob: World) -> None:
    [kept] = hashes(bob)
    assert kept.startswith("$argon2id$") and matches(FIRST, kept)
    profile = next(iter(bob.store.login_profiles))
    assert kept not in repr(profile) and FIRST not in repr(profile)


def test_a_password_is_needed_and_the_user_must_exist(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    with refused("ValidationError", "password"):
        world.call("CreateLoginProfile", UserName="bob")
    with refused("NoSuchEntity", "The user with name eve cannot be found."):
        world.call("CreateLoginProfile", UserName="eve", Password=FIRST)
    for operation, more in (("GetLoginProfile", {}), ("DeleteLoginProfile", {}), ("UpdateLoginProfile", {"Password": SECOND})):
        with refused("NoSuchEntity", "The user with name eve cannot be found."):
            world.call(operation, UserName="eve", **more)


def test_an_update_changes_what_is_given(bob: World) -> None:
    bob.call("UpdateLoginProfile", UserName="bob", PasswordResetRequired=True, MaxSigninSessionDuration=7200)
    shown = bob.call("GetLoginProfile", UserName="bob")["LoginProfile"]
    assert (shown["PasswordResetRequired"], shown["MaxSigninSessionDuration"]) == (True, 7200)
    assert matches(FIRST, hashes(bob)[0])
    bob.call("UpdateLoginProfile", UserName="bob", Password=SECOND, ResetMaxSigninSessionDuration=True)
    shown = bob.call("GetLoginProfile", UserName="bob")["LoginProfile"]
    assert shown["PasswordResetRequired"] is True and "MaxSigninSessionDuration" not in shown
    assert matches(SECOND, hashes(bob)[0])
    with refused("InvalidInput"):
        bob.call("UpdateLoginProfile", UserName="bob", MaxSigninSessionDuration=7200, ResetMaxSigninSessionDuration=True)
    bob.call("DeleteLoginProfile", UserName="bob")
    with refused("NoSuchEntity"):
        bob.call("UpdateLoginProfile", UserName="bob", Password=SECOND)


def test_one_changes_ones_own_knowing_the_old_one(bob: World) -> None:
    bob.call("UpdateLoginProfile", UserName="bob", PasswordResetRequired=True)
    with refused("AccessDenied", "old password"):
        change(bob, SECOND, THIRD)
    change(bob, FIRST, SECOND)
    assert matches(SECOND, hashes(bob)[0])
    assert bob.call("GetLoginProfile", UserName="bob")["LoginProfile"]["PasswordResetRequired"] is False


def test_only_a_user_has_a_password_to_change(bob: World) -> None:
    for caller in (bob.root(bob.account), bob.session("DaypassOperator")):
        with refused("InvalidUserType"):
            bob.call("ChangePassword", by=caller, OldPassword=FIRST, NewPassword=SECOND)
    bob.call("CreateUser", UserName="eve")
    with refused("NoSuchEntity", "Login Profile for User eve cannot be found."):
        bob.call("ChangePassword", by=bob.user("eve"), OldPassword=FIRST, NewPassword=SECOND)


def test_H16_guessing_the_old_password_is_slowed_even_for_the_right_guess(bob: World) -> None:
    for number in range(int(GUESS_BURST)):
        with refused("AccessDenied"):
            change(bob, f"wrong-{number}", SECOND)
    with refused("Throttling"):
        change(bob, FIRST, SECOND)
    bob.call("UpdateLoginProfile", UserName="bob", Password=THIRD)  # others are not held up
    bob.now += timedelta(seconds=1 / GUESS_RATE)
    change(bob, THIRD, SECOND)


@pytest.mark.parametrize(
    ("weak", "said"),
    [("short-1", "minimum length of 8"), ("onlylowerletters", "at least three of"), ("Password-123", "guessed"), ("BOB-bob1-x", "")],
)
def test_without_a_policy_awss_default_holds(bob: World, weak: str, said: str) -> None:
    if not said:
        change(bob, FIRST, weak)
        return
    with refused("PasswordPolicyViolation", said):
        change(bob, FIRST, weak)
    with refused("PasswordPolicyViolation", said):
        bob.call("UpdateLoginProfile", UserName="bob", Password=weak)


def test_a_password_is_not_ones_name(world: World) -> None:
    world.call("CreateUser", UserName="Bob-Smith-77")
    with refused("PasswordPolicyViolation", "name of the user"):
        world.call("CreateLoginProfile", UserName="Bob-Smith-77", Password="bob-SMITH-77")


def test_the_accounts_policy_holds_and_only_in_that_account(bob: World) -> None:
    bob.call("UpdateAccountPasswordPolicy", MinimumPasswordLength=14, RequireSymbols=True)
    with refused("PasswordPolicyViolation", "minimum length of 14"):
        change(bob, FIRST, SECOND)
    theirs = bob.root(OTHER)
    bob.call("CreateUser", by=theirs, UserName="bob")
    bob.call("CreateLoginProfile", by=theirs, UserName="bob", Password=SECOND)
    bob.call("DeleteAccountPasswordPolicy")
    change(bob, FIRST, SECOND)


def test_reuse_is_prevented_as_far_back_as_the_policy_says(bob: World) -> None:
    bob.call("UpdateAccountPasswordPolicy", PasswordReusePrevention=2)
    with refused("PasswordPolicyViolation", "used before"):
        change(bob, FIRST, FIRST)
    change(bob, FIRST, SECOND)
    with refused("PasswordPolicyViolation", "used before"):
        change(bob, SECOND, FIRST)
    change(bob, SECOND, THIRD)
    assert len(hashes(bob)) == 2
    change(bob, THIRD, FIRST)
    bob.call("DeleteAccountPasswordPolicy")
    change(bob, FIRST, FIRST)
    assert len(hashes(bob)) == 1


def test_when_a_password_was_last_used_is_shown_with_its_user(bob: World) -> None:
    assert "PasswordLastUsed" not in bob.call("GetUser", UserName="bob")["User"]
    [profile] = bob.store.login_profiles
    bob.commit_record(replace(profile, last_used=bob.now))
    assert bob.call("GetUser", UserName="bob")["User"]["PasswordLastUsed"] == bob.now - timedelta(seconds=1)


def test_a_user_with_a_password_is_not_deleted(bob: World) -> None:
    with refused("DeleteConflict", "Cannot delete entity, must delete login profile first."):
        bob.call("DeleteUser", UserName="bob")
    bob.call("DeleteLoginProfile", UserName="bob")
    bob.call("DeleteUser", UserName="bob")


def test_a_password_follows_its_user_through_a_rename(bob: World) -> None:
    bob.call("UpdateUser", UserName="bob", NewUserName="robert")
    assert bob.call("GetLoginProfile", UserName="robert")["LoginProfile"]["UserName"] == "robert"
    bob.call("CreateUser", UserName="bob")
    with refused("NoSuchEntity", "Login Profile for User bob"):
        bob.call("GetLoginProfile", UserName="bob")
