"""AllowUsersToChangePassword: what it gives to users, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from rig.node import Keys, Refused
from unit.way.town import Town, allow, policy, trust

FIRST, SECOND, THIRD = "First-pass-1", "Second-pass-2", "Third-pass-3"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("town"))
    yield made
    made.it.close()


def person(town: Town, name: str, document: str = "") -> Keys:
    keys = town.user(name, document)
    town.iam("CreateLoginProfile", UserName=name, Password=FIRST)
    return keys


def denied(town: Town, keys: Keys, operation: str, **parameters: str) -> None:
    with pytest.raises(Refused) as caught:
        town.iam(operation, keys, **parameters)
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)


@pytest.fixture(autouse=True)
def policy_of_passwords(town: Town) -> Iterator[None]:
    """The town is shared: each test leaves it without a policy of passwords, whichever comes next."""
    yield
    with suppress(Refused):  # there may be none
        town.iam("DeleteAccountPasswordPolicy")


def test_the_account_lets_its_users_change_their_passwords_or_not(town: Town) -> None:
    ann = person(town, "ann")
    change = {"OldPassword": FIRST, "NewPassword": SECOND}
    for allowed in (None, False):
        if allowed is not None:
            town.iam("UpdateAccountPasswordPolicy", AllowUsersToChangePassword=allowed)
        denied(town, ann, "ChangePassword", **change)
        denied(town, ann, "GetAccountPasswordPolicy")
    town.iam("UpdateAccountPasswordPolicy", AllowUsersToChangePassword=True)
    town.iam("ChangePassword", ann, **change)
    assert town.iam("GetAccountPasswordPolicy", ann)["PasswordPolicy"]["AllowUsersToChangePassword"] is True
    denied(town, ann, "UpdateLoginProfile", UserName="ann", Password=THIRD)
    denied(town, ann, "GetLoginProfile", UserName="ann")


def test_a_deny_wins_and_roles_are_no_users(town: Town) -> None:
    town.iam("UpdateAccountPasswordPolicy", AllowUsersToChangePassword=True)
    bea = person(town, "bea", policy({"Effect": "Deny", "Action": "iam:ChangePassword", "Resource": "*"}))
    denied(town, bea, "ChangePassword", OldPassword=FIRST, NewPassword=SECOND)
    role = town.role("plain", trust({"AWS": f"arn:aws:iam::{town.account}:root"}), document=policy(allow("sts:TagSession")))
    denied(town, town.session(town.operator, role), "GetAccountPasswordPolicy")
