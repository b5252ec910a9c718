"""GetCallerIdentity and GetAccessKeyInfo."""

from __future__ import annotations

import pytest

from rig.node import Refused
from unit.way.town import Town, policy

DENY_ALL = policy({"Effect": "Deny", "Action": "*", "Resource": "*"})


def test_who_a_user_is_even_when_everything_is_denied(town: Town) -> None:
    keys = town.user("denied", DENY_ALL)
    known = town.sts("GetCallerIdentity", keys)
    user = town.iam("GetUser", UserName="denied")["User"]
    assert known == {"UserId": user["UserId"], "Account": town.account, "Arn": user["Arn"]}


def test_the_account_of_a_key_id_is_read_from_the_id(town: Town) -> None:
    keys = town.user("asker")
    assert town.sts("GetAccessKeyInfo", keys, AccessKeyId="ASIAY34FZKBOKMUTVV7A") == {"Account": "609629065308"}  # a foreign key
    assert town.sts("GetAccessKeyInfo", keys, AccessKeyId=keys.id) == {"Account": town.account}
    with pytest.raises(Refused, match="ValidationError"):
        town.sts("GetAccessKeyInfo", keys, AccessKeyId="AKIAIOSFODNN7EXAMPLE")  # an id of the old kind, which names no account


def test_key_info_is_a_permission(town: Town) -> None:
    with pytest.raises(Refused, match="AccessDenied"):
        town.sts("GetAccessKeyInfo", town.user("poor", ""), AccessKeyId="ASIAY34FZKBOKMUTVV7A")


def test_unsigned_is_nobody(town: Town) -> None:
    with pytest.raises(Refused) as refused:
        town.sts("GetCallerIdentity", None)
    assert (refused.value.code, refused.value.status) == ("MissingAuthenticationToken", 403)
