"""Guard rails where policies are written and used; what each finds is tests/unit/policy/rails's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from daypass.policy.rails import AWS_EXACT, read_settings
from daypass.store import Conflict
from daypass.store.records import Role
from rig.node import Refused
from unit.services.world import OTHER, World, refused, trust
from unit.way.town import ISSUER, Town
from unit.way.town import trust as trusting

EVERYONE = trust("*")
PASS_ANY = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}})


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.it.close()


def warnings(town: Town, operation: str) -> list[str]:
    """What the ledger's last line of this operation warns of."""
    [line] = town.it.call("daypass", "ListEvents", {"MaxResults": 1, "Operation": operation}, town.it.operator())["Events"]
    return json.loads(line)["daypass"].get("warnings", [])


def test_a_trust_that_is_refused_changes_nothing(world: World) -> None:
    with refused("MalformedPolicyDocument", "(This is the guard rail open-principal=refuse of this server.)"):
        world.call("CreateRole", RoleName="r", AssumeRolePolicyDocument=EVERYONE)
    world.call("CreateRole", RoleName="r", AssumeRolePolicyDocument=trust(world.account))
    with refused("MalformedPolicyDocument", "Name the principals"):
        world.call("UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=EVERYONE)
    assert json.loads(world.call("GetRole", RoleName="r")["Role"]["AssumeRolePolicyDocument"]) == json.loads(trust(world.account))


def test_as_aws_does_it_everyone_may_be_trusted(world: World) -> None:
    world.rails = AWS_EXACT
    world.call("CreateRole", RoleName="r", AssumeRolePolicyDocument=EVERYONE)


@pytest.mark.parametrize("put", ["PutUserPolicy", "PutRolePolicy", "PutGroupPolicy", "CreatePolicy", "CreatePolicyVersion"])
def test_every_way_to_write_a_policy_is_held_to_them(world: World, put: str) -> None:
    world.rails = read_settings(["pass-role=refuse"])
    world.call("CreateUser", UserName="u")
    world.call("CreateGroup", GroupName="g")
    world.call("CreateRole", RoleName="r", AssumeRolePolicyDocument=trust(world.account))
    good = PASS_ANY.replace('"*"', f'"arn:aws:iam::{world.account}:role/r"')
    arn = world.call("CreatePolicy", PolicyName="first", PolicyDocument=good)["Policy"]["Arn"]
    target: dict[str, Any] = {
        "PutUserPolicy": {"UserName": "u", "PolicyName": "p"},
        "PutRolePolicy": {"RoleName": "r", "PolicyName": "p"},
        "PutGroupPolicy": {"GroupName": "g", "PolicyName": "p"},
        "CreatePolicy": {"PolicyName": "p"},
        "CreatePolicyVersion": {"PolicyArn": arn},
    }[put]
    with refused("MalformedPolicyDocument", "iam:PassRole on every role"):
        world.call(put, PolicyDocument=PASS_ANY, **target)
    world.call(put, PolicyDocument=good, **target)


def test_what_is_warned_of_is_done_and_stands_in_the_ledger(town: Town) -> None:
    town.iam("CreateRole", RoleName="partner", AssumeRolePolicyDocument=trusting({"AWS": town.account}))
    assert warnings(town, "CreateRole") == []
    town.iam("CreatePolicy", PolicyName="p", PolicyDocument=PASS_ANY)
    [warning] = warnings(town, "CreatePolicy")
    assert warning.startswith("pass-role: statement 1: It allows iam:PassRole on every role.")


def test_C25_a_refused_trust_that_is_stored_all_the_same_is_not_acted_upon(town: Town) -> None:
    town.provider()
    host = "cognito-identity.amazonaws.com"
    web = "sts:AssumeRoleWithWebIdentity"
    with pytest.raises(Refused, match="identity pool") as caught:
        town.role("app", trusting({"Federated": host}, web))
    assert caught.value.code == "MalformedPolicyDocument"
    provider = f"arn:aws:iam::{town.account}:oidc-provider/{ISSUER.removeprefix('https://')}"
    arn = town.role("app", trusting({"Federated": provider}, web, Condition={"StringEquals": {"aws:PrincipalArn": "nobody"}}))
    record = town.it.store.snapshot.roles.by_arn(arn)
    assert record is not None
    stored = trusting({"Federated": [provider, host]}, web)
    town.it.store.snapshot.apply([_with_trust(record, stored)], [])
    with pytest.raises(Refused) as caught:
        town.web(arn, town.token())
    assert caught.value.code == "AccessDenied"
    assert warnings(town, "AssumeRoleWithWebIdentity") == ["the trust policy is not acted upon: a guard rail refuses it"]
    town.it.node.rules = replace(town.it.node.rules, rails=read_settings(["cognito-audience=warn"]))
    assert town.web(arn, town.token())["Credentials"]


def _with_trust(role: Role, text: str) -> Role:
    return structs.replace(role, trust=text)


def test_another_account_is_warned_of(world: World) -> None:
    world.call("CreateRole", RoleName="r", AssumeRolePolicyDocument=trust(OTHER))
    world.rails = read_settings(["external-id=refuse"])
    with refused("MalformedPolicyDocument", "sts:ExternalId"):
        world.call("CreateRole", RoleName="s", AssumeRolePolicyDocument=trust(OTHER))


def test_a_warning_is_told_once_however_often_it_is_tried(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others committed first, so that the change is made anew from their state."""
    write, tries = town.it.store.write, []

    def contested(*given: Any) -> None:
        tries.append(given)
        if len(tries) == 1:
            raise Conflict("changes", "others have written since")
        write(*given)

    monkeypatch.setattr(town.it.store, "write", contested)
    town.iam("CreatePolicy", PolicyName="twice", PolicyDocument=PASS_ANY)
    assert len(tries) == 2
    assert len(warnings(town, "CreatePolicy")) == 1
