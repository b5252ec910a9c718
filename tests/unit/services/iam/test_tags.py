"""Tags on every kind that has them: one rule, and one way to put, take away and list them."""

from __future__ import annotations

from typing import Any

import pytest

from unit.services.world import ALLOW_ALL, World, refused

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
KINDS = ["User", "Role", "Policy", "InstanceProfile", "OpenIDConnectProvider"]


def make(world: World, kind: str, **members: Any) -> dict[str, str]:
    """Make one of `kind`, and give the member that names it."""
    match kind:
        case "User" | "InstanceProfile":
            world.call(f"Create{kind}", **{f"{kind}Name": "x"}, **members)
            return {f"{kind}Name": "x"}
        case "Role":
            world.call("CreateRole", RoleName="x", AssumeRolePolicyDocument=TRUST, **members)
            return {"RoleName": "x"}
        case "Policy":
            return {"PolicyArn": world.call("CreatePolicy", PolicyName="x", PolicyDocument=ALLOW_ALL, **members)["Policy"]["Arn"]}
    answer = world.call("CreateOpenIDConnectProvider", Url="https://idp.example.org", **members)
    return {"OpenIDConnectProviderArn": answer["OpenIDConnectProviderArn"]}


def tags(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Tags as the wire reads them."""
    return [{"Key": key, "Value": value} for key, value in pairs]


@pytest.mark.parametrize("kind", KINDS)
def test_tags_are_put_replaced_listed_and_taken_away(world: World, kind: str) -> None:
    name = make(world, kind, Tags=tags(("Env", "test")))
    world.call(f"Tag{kind}", **name, Tags=tags(("team", "a"), ("ENV", "prod")))
    assert world.call(f"List{kind}Tags", **name)["Tags"] == tags(("ENV", "prod"), ("team", "a"))
    world.call(f"Untag{kind}", **name, TagKeys=["TEAM", "unknown"])
    assert world.call(f"List{kind}Tags", **name) == {"Tags": tags(("ENV", "prod")), "IsTruncated": False}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [[("a", "1"), ("A", "2")], [("aws:x", "1")], [("AWS:x", "1")]])
def test_a_repeated_or_reserved_key_is_refused(world: World, kind: str, wrong: list[tuple[str, str]]) -> None:
    with refused("InvalidInput"):
        make(world, kind, Tags=tags(*wrong))
    name = make(world, kind)
    with refused("InvalidInput"):
        world.call(f"Tag{kind}", **name, Tags=tags(*wrong))
    assert world.call(f"List{kind}Tags", **name)["Tags"] == []


def test_keys_that_fold_only_outside_ascii_are_two_keys(world: World) -> None:
    name = make(world, "User", Tags=tags(("k", "1"), ("\u212a", "2"), ("s", "3"), ("\u017f", "4")))
    assert len(world.call("ListUserTags", **name)["Tags"]) == 4


def test_fifty_tags_are_the_most(world: World) -> None:
    name = make(world, "User", Tags=tags(*((f"k{number}", "") for number in range(50))))
    world.call("TagUser", **name, Tags=tags(("K0", "again")))
    with refused("LimitExceeded", "50"):
        world.call("TagUser", **name, Tags=tags(("one-more", "")))


def test_long_keys_are_paged(world: World) -> None:
    given = tags(*((f"{number:03}" + "é" * 125, "") for number in range(5)))
    name = make(world, "User", Tags=given)
    first = world.call("ListUserTags", **name, MaxItems=3)
    rest = world.call("ListUserTags", **name, MaxItems=3, Marker=first["Marker"])
    assert (first["IsTruncated"], rest["IsTruncated"]) == (True, False)
    assert first["Tags"] + rest["Tags"] == given
