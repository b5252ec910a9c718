"""Names that no one may take and quotas of whole accounts, for every kind that is made."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.services.iam import quotas
from unit.services.world import ALLOW_ALL, OTHER, World, refused

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
KINDS: dict[str, dict[str, Any]] = {
    "User": {},
    "Group": {},
    "Role": {"AssumeRolePolicyDocument": TRUST},
    "Policy": {"PolicyDocument": ALLOW_ALL},
    "InstanceProfile": {},
}
QUOTAS = {"User": "USERS", "Group": "GROUPS", "Role": "ROLES", "Policy": "POLICIES", "InstanceProfile": "INSTANCE_PROFILES"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["root", "Root", "ROOT", "AWSServiceRoleForX", "awsreservedsso_x", "r\u043eot", "\uff52oot", "\u017fystem"]
)
def test_a_reserved_or_look_alike_name_is_refused(world: World, kind: str, name: str) -> None:
    with refused("ValidationError"):
        world.call(f"Create{kind}", **{f"{kind}Name": name}, **KINDS[kind])
    world.call(f"Create{kind}", **{f"{kind}Name": "roots"}, **KINDS[kind])
    if kind in ("User", "Group"):
        with refused("ValidationError"):
            world.call(f"Update{kind}", **{f"{kind}Name": "roots", f"New{kind}Name": name})
    if kind in ("User", "Group", "Role"):
        with refused("ValidationError"):
            world.call(f"Put{kind}Policy", **{f"{kind}Name": "roots"}, PolicyName=name, PolicyDocument=ALLOW_ALL)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["/aws-reserved/", "/aws-service-role/ec2.amazonaws.com/", "/AWS-Reserved/x/"])
def test_a_reserved_path_is_refused(world: World, kind: str, path: str) -> None:
    with refused("ValidationError"):
        world.call(f"Create{kind}", **{f"{kind}Name": "x"}, Path=path, **KINDS[kind])
    world.call(f"Create{kind}", **{f"{kind}Name": "x"}, Path="/aws/", **KINDS[kind])
    if kind in ("User", "Group"):
        with refused("ValidationError"):
            world.call(f"Update{kind}", **{f"{kind}Name": "x", "NewPath": path})


@pytest.mark.parametrize("kind", ["User", "Group"])
def test_a_rename_does_not_take_anothers_name_but_may_change_its_case(world: World, kind: str) -> None:
    for name in ("bob", "eve"):
        world.call(f"Create{kind}", **{f"{kind}Name": name})
    with refused("EntityAlreadyExists"):
        world.call(f"Update{kind}", **{f"{kind}Name": "eve", f"New{kind}Name": "BOB"})
    world.call(f"Update{kind}", **{f"{kind}Name": "bob", f"New{kind}Name": "Bob"})
    assert world.call(f"Get{kind}", **{f"{kind}Name": "bob"})[kind][f"{kind}Name"] == "Bob"


@pytest.mark.parametrize("kind", KINDS)
def test_each_account_has_a_quota_of_its_own(world: World, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, QUOTAS[kind], 2)
    theirs = world.root(OTHER)
    for name in ("a", "b"):
        world.call(f"Create{kind}", by=theirs, **{f"{kind}Name": name}, **KINDS[kind])
    with refused("LimitExceeded", "PerAccount: 2"):
        world.call(f"Create{kind}", by=theirs, **{f"{kind}Name": "c"}, **KINDS[kind])
    world.call(f"Create{kind}", **{f"{kind}Name": "c"}, **KINDS[kind])


def test_providers_have_a_quota(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "OIDC_PROVIDERS", 1)
    world.call("CreateOpenIDConnectProvider", Url="https://a.example.org")
    with refused("LimitExceeded"):
        world.call("CreateOpenIDConnectProvider", Url="https://b.example.org")
