"""What an account sets for itself: alias, password policy, the version of its tokens."""

from __future__ import annotations

import pytest

from unit.services.world import OTHER, World, refused


def test_an_alias_is_set_replaced_and_deleted(world: World) -> None:
    assert world.call("ListAccountAliases") == {"AccountAliases": [], "IsTruncated": False}
    world.call("CreateAccountAlias", AccountAlias="acme")
    world.call("CreateAccountAlias", AccountAlias="acme")
    world.call("CreateAccountAlias", AccountAlias="acme-two")
    assert world.call("ListAccountAliases")["AccountAliases"] == ["acme-two"]
    with refused("NoSuchEntity", "acme"):
        world.call("DeleteAccountAlias", AccountAlias="acme")
    world.call("DeleteAccountAlias", AccountAlias="acme-two")
    assert world.call("ListAccountAliases")["AccountAliases"] == []


def test_an_alias_is_one_accounts_alone(world: World) -> None:
    theirs = world.root(OTHER)
    world.call("CreateAccountAlias", AccountAlias="acme")
    with refused("EntityAlreadyExists", "The account alias acme already exists."):
        world.call("CreateAccountAlias", by=theirs, AccountAlias="acme")
    with refused("NoSuchEntity"):
        world.call("DeleteAccountAlias", by=theirs, AccountAlias="acme")
    assert world.call("ListAccountAliases", by=theirs)["AccountAliases"] == []
    world.call("DeleteAccountAlias", AccountAlias="acme")
    world.call("CreateAccountAlias", by=theirs, AccountAlias="acme")


def test_an_alias_is_no_account_id(world: World) -> None:
    with refused("ValidationError"):
        world.call("CreateAccountAlias", AccountAlias=OTHER)
    world.call("CreateAccountAlias", AccountAlias=OTHER + "0")


def test_a_password_policy_is_shown_as_it_was_set(world: World) -> None:
    with refused("NoSuchEntity", f"The Password Policy with domain name {world.account} cannot be found."):
        world.call("GetAccountPasswordPolicy")
    world.call(
        "UpdateAccountPasswordPolicy", MinimumPasswordLength=14, RequireSymbols=True, RequireNumbers=True, RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True, AllowUsersToChangePassword=True, MaxPasswordAge=90, PasswordReusePrevention=24, HardExpiry=True,
    )  # fmt: skip
    flags = ("RequireSymbols", "RequireNumbers", "RequireUppercaseCharacters", "RequireLowercaseCharacters", "AllowUsersToChangePassword")
    numbers = {"MinimumPasswordLength": 14, "MaxPasswordAge": 90, "PasswordReusePrevention": 24}
    assert world.call("GetAccountPasswordPolicy")["PasswordPolicy"] == {
        **dict.fromkeys((*flags, "ExpirePasswords", "HardExpiry"), True), **numbers
    }  # fmt: skip


def test_what_is_not_given_goes_back_to_its_default(world: World) -> None:
    world.call("UpdateAccountPasswordPolicy", MinimumPasswordLength=14, RequireSymbols=True, MaxPasswordAge=90)
    world.call("UpdateAccountPasswordPolicy", RequireNumbers=True)
    assert world.call("GetAccountPasswordPolicy")["PasswordPolicy"] == {
        "MinimumPasswordLength": 6, "RequireSymbols": False, "RequireNumbers": True, "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False, "AllowUsersToChangePassword": False, "ExpirePasswords": False,
    }  # fmt: skip


def test_a_policy_is_deleted_once_and_other_settings_stay(world: World) -> None:
    world.call("CreateAccountAlias", AccountAlias="acme")
    world.call("UpdateAccountPasswordPolicy")
    with refused("NoSuchEntity"):
        world.call("GetAccountPasswordPolicy", by=world.root(OTHER))
    world.call("DeleteAccountPasswordPolicy")
    with refused("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found."):
        world.call("DeleteAccountPasswordPolicy")
    assert world.call("ListAccountAliases")["AccountAliases"] == ["acme"]


@pytest.mark.parametrize(("version", "shown"), [("v2Token", 2), ("v1Token", 1)])
def test_the_version_of_tokens_is_noted(world: World, version: str, shown: int) -> None:
    world.call("SetSecurityTokenServicePreferences", GlobalEndpointTokenVersion=version)
    assert world.call("GetAccountSummary")["SummaryMap"]["GlobalEndpointTokenVersion"] == shown
