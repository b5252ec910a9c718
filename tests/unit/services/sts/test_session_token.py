"""GetSessionToken: a user's own temporary credentials, for whom and what they may (fact sheet A §3.4, §3.5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rig.node import Keys, Refused
from unit.way.town import Town, policy


@pytest.fixture(scope="module")
def alice(town: Town) -> Keys:
    return town.user("alice")


@pytest.fixture(scope="module")
def temporary(town: Town, alice: Keys) -> Keys:
    return Keys.of(town.sts("GetSessionToken", alice)["Credentials"])


def test_it_is_the_user_for_twelve_hours(town: Town, alice: Keys) -> None:
    made = town.sts("GetSessionToken", alice)
    assert made["Credentials"]["Expiration"] == town.it.now + timedelta(hours=12)
    assert made["SessionTokenSize"] == len(made["Credentials"]["SessionToken"])
    assert town.sts("GetCallerIdentity", Keys.of(made["Credentials"])) == town.sts("GetCallerIdentity", alice)
    longest = town.sts("GetSessionToken", alice, DurationSeconds=129600)
    assert longest["Credentials"]["Expiration"] == town.it.now + timedelta(hours=36)


@pytest.mark.parametrize("seconds", [899, 129601])
def test_durations_out_of_range(town: Town, alice: Keys, seconds: int) -> None:
    with pytest.raises(Refused, match="ValidationError"):
        town.sts("GetSessionToken", alice, DurationSeconds=seconds)


def test_it_needs_no_permission_but_a_deny_holds(town: Town) -> None:
    assert town.sts("GetSessionToken", town.user("without", ""))
    deny = policy({"Effect": "Deny", "Action": "sts:GetSessionToken", "Resource": "*"})
    with pytest.raises(Refused) as refused:
        town.sts("GetSessionToken", town.user("denied", deny))
    assert (refused.value.code, refused.value.status) == ("AccessDenied", 403)
    assert "explicit deny" in refused.value.message


def test_sessions_cannot_call_it(town: Town, alice: Keys, temporary: Keys) -> None:
    for keys in (temporary, town.session(alice, town.role("caller")), town.operator):
        with pytest.raises(Refused) as refused:
            town.sts("GetSessionToken", keys)
        assert (refused.value.code, refused.value.message) == ("AccessDenied", "Cannot call GetSessionToken with session credentials")


def test_without_mfa_it_cannot_call_iam(town: Town, alice: Keys, temporary: Keys) -> None:
    assert town.iam("ListUsers", alice)
    with pytest.raises(Refused) as refused:
        town.iam("ListUsers", temporary)
    assert (refused.value.code, refused.value.status) == ("InvalidClientTokenId", 403)


def test_of_sts_it_may_assume_roles_and_ask_who_it_is(town: Town, temporary: Keys) -> None:
    assert town.assume(temporary, town.role("for-user-sessions", MaxSessionDuration=43200), DurationSeconds=7200)  # no chaining
    assert town.sts("GetCallerIdentity", temporary)
    with pytest.raises(Refused) as refused:
        town.sts("GetAccessKeyInfo", temporary, AccessKeyId=temporary.id)
    assert refused.value.code == "InvalidClientTokenId"


@pytest.mark.parametrize("change", ["inactive", "deleted"])
def test_it_ends_with_the_key_that_it_came_from(town: Town, change: str) -> None:
    keys = town.user(f"key-{change}")
    temporary = Keys.of(town.sts("GetSessionToken", keys)["Credentials"])
    assert town.sts("GetCallerIdentity", temporary)
    if change == "inactive":
        town.iam("UpdateAccessKey", UserName=f"key-{change}", AccessKeyId=keys.id, Status="Inactive")
    else:
        town.iam("DeleteAccessKey", UserName=f"key-{change}", AccessKeyId=keys.id)
    with pytest.raises(Refused) as refused:
        town.sts("GetCallerIdentity", temporary)
    assert refused.value.code == "ExpiredToken"
