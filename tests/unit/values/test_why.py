from __future__ import annotations

from typing import Any

import pytest

from daypass.values.why import Considered, Why, is_of_owner

CALLER, OWNER = "111111111111", "222222222222"
LAYERS = ("rcp", "scp", "trust", "resource", "identity", "boundary", "session")


def why(**more: Any) -> Why:
    statements = tuple(Considered(layer, layer, "1", "Deny") for layer in LAYERS)
    made: dict[str, Any] = {
        "request_id": "r", "explicit": True, "layer": "trust", "action": "sts:AssumeRole", "resource": "*",
        "account": CALLER, "owner": OWNER, "principal_id": "AIDA", "principal_arn": "arn", "statements": statements,
        "context": (("sts:externalid", ("x",)), ("aws:resourcetag/a", ("y",)), ("iam:resourcetag/a", ("y",))), "omitted": 3,
    }  # fmt: skip
    return Why(**(made | more))


def layers(seen: Why | None) -> set[str]:
    assert seen is not None
    return {one.layer for one in seen.statements}


def test_the_callers_account_reads_its_own_part() -> None:
    seen = why().seen_by(CALLER)
    assert layers(seen) == {"scp", "identity", "boundary", "session"}
    assert seen is not None and (seen.layer, seen.explicit) == ("none", False)
    assert [key for key, _ in seen.context] == ["sts:externalid"]


def test_the_owners_account_reads_its_own_part() -> None:
    seen = why().seen_by(OWNER)
    assert layers(seen) == {"rcp", "trust", "resource"}
    assert seen is not None and (seen.layer, seen.explicit, len(seen.context)) == ("trust", True, 3)


def test_in_one_account_everything_is_read() -> None:
    same = why(owner=CALLER)
    assert same.seen_by(CALLER) == same


@pytest.mark.parametrize("account", ["333333333333", ""])
def test_nobody_else_reads_anything(account: str) -> None:
    assert why().seen_by(account) is None
    assert why(account="").seen_by(account) is None


def test_the_tags_of_a_resource_are_its_owners() -> None:
    assert is_of_owner("aws:resourcetag/team") and is_of_owner("iam:resourcetag/")
    assert not is_of_owner("aws:requesttag/team") and not is_of_owner("resourcetag/team") and not is_of_owner("aws:tagkeys")
