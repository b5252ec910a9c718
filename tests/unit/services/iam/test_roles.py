"""Roles and their trust policies: principals are bound to unique ids when a policy is written, and shown as they are called today."""

from __future__ import annotations

import json

import pytest

from daypass.policy.rails import AWS_EXACT
from unit.services.world import ALLOW_ALL, OTHER, World, refused, trust

OWN = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
POLICY = "arn:aws:iam::aws:policy/IAMFullAccess"


def role(world: World, name: str, document: str = OWN) -> str:
    """Make a role and give its ARN."""
    return str(world.call("CreateRole", RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])


def shown(world: World, name: str) -> object:
    """What the trust policy's AWS principals are shown as."""
    document = json.loads(world.call("GetRole", RoleName=name)["Role"]["AssumeRolePolicyDocument"])
    return document["Statement"][0]["Principal"]["AWS"]


def test_a_role_is_made_and_shown_with_all_its_members(world: World) -> None:
    made = world.call(
        "CreateRole",
        RoleName="App",
        Path="/svc/",
        AssumeRolePolicyDocument=OWN,
        Description="d",
        MaxSessionDuration=7200,
        PermissionsBoundary=POLICY,
        Tags=[{"Key": "a", "Value": ""}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{world.account}:role/svc/App"
    assert made["RoleId"].startswith("AROA")
    assert made["AssumeRolePolicyDocument"] == OWN
    assert (made["MaxSessionDuration"], made["Description"]) == (7200, "d")
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == POLICY
    assert made["Tags"] == [{"Key": "a", "Value": ""}]
    assert world.call("GetRole", RoleName="App")["Role"] == made
    listed = next(one for one in world.call("ListRoles")["Roles"] if one["RoleName"] == "App")
    assert "Tags" not in listed and "PermissionsBoundary" not in listed
    with refused("EntityAlreadyExists", "Role with name APP already exists."):
        role(world, "APP")


def test_an_update_leaves_alone_what_it_does_not_name(world: World) -> None:
    role(world, "r")
    world.call("UpdateRole", RoleName="r", Description="one", MaxSessionDuration=3600)
    world.call("UpdateRole", RoleName="r", MaxSessionDuration=43200)
    assert world.call("GetRole", RoleName="r")["Role"]["Description"] == "one"
    answer = world.call("UpdateRoleDescription", RoleName="r", Description="two")["Role"]
    assert (answer["Description"], answer["MaxSessionDuration"]) == ("two", 43200)
    world.call("UpdateRole", RoleName="r", Description="")
    assert "Description" not in world.call("GetRole", RoleName="r")["Role"]


@pytest.mark.parametrize(
    "principal",
    [
        "arn:aws:iam::{account}:user/nobody",
        "arn:aws:iam::{account}:role/nobody",
        "arn:aws:iam::{account}:user/BOB",  # ARNs are compared as they are
        "arn:aws:iam::{account}:group/g",
        "arn:aws:iam::{account}:user/*",
        "arn:aws:iam::*:user/bob",
        "arn:aws:iam::{account}:user/bob/",
        "arn:aws:iam:us-east-1:{account}:user/bob",
        "arn:aws:iam::{account}:user:bob",
        "arn:aws-cn:iam::{account}:user/bob",
        "arn:aws:iam:::user/bob",
        "arn:aws:iam::111122223333:root",
        "111122223333",
        "arn:aws:iam::111122223333:role/x",
        "arn:aws:sts::{account}:assumed-role/nobody/s",
        "arn:aws:sts::{account}:assumed-role/R/s",
        "arn:aws:sts::{account}:assumed-role/svc/r/s",
        "AROAAAAAAAAAAAAAAAAAA",
        "AGPAAAAAAAAAAAAAAAAAA",
        "bob",
        "",
    ],
)
def test_an_unknown_or_misspelt_principal_is_refused(world: World, principal: str) -> None:
    world.call("CreateUser", UserName="bob")
    world.call("CreateGroup", GroupName="g")
    role(world, "r")
    named = principal.format(account=world.account)
    with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{named}"'):
        role(world, "new", trust(named))
    with refused("MalformedPolicyDocument"):
        world.call("UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=trust(named))
    assert world.call("GetRole", RoleName="r")["Role"]["AssumeRolePolicyDocument"] == OWN


def test_known_principals_of_every_form_are_bound(world: World) -> None:
    user = world.call("CreateUser", UserName="bob", Path="/x/")["User"]
    source = world.call("CreateRole", RoleName="r", Path="/svc/", AssumeRolePolicyDocument=OWN)["Role"]
    session = f"arn:aws:sts::{world.account}:assumed-role/r/one"
    principals = [user["Arn"], source["Arn"], session, user["UserId"], world.account, f"arn:aws:iam::{OTHER}:root", "*"]
    world.rails = AWS_EXACT
    role(world, "t", trust(*principals))
    record = world.store.roles.named(world.account, "t")
    assert record is not None
    assert record.trusted == {
        user["Arn"]: user["UserId"], source["Arn"]: source["RoleId"], session: source["RoleId"], user["UserId"]: user["UserId"],
    }  # fmt: skip
    assert shown(world, "t") == [user["Arn"] if one == user["UserId"] else one for one in principals]


def test_a_principal_of_another_account_is_bound_as_well(world: World) -> None:
    theirs = world.call("CreateUser", by=world.root(OTHER), UserName="partner")["User"]
    role(world, "t", trust(theirs["Arn"]))
    record = world.store.roles.named(world.account, "t")
    assert record is not None and record.trusted == {theirs["Arn"]: theirs["UserId"]}


def test_a_principal_that_is_gone_is_shown_by_its_id_and_its_namesake_is_not_meant(world: World) -> None:
    user = world.call("CreateUser", UserName="bob")["User"]
    text = trust(user["Arn"])
    role(world, "t", text)
    assert world.call("GetRole", RoleName="t")["Role"]["AssumeRolePolicyDocument"] == text
    world.call("DeleteUser", UserName="bob")
    world.call("CreateUser", UserName="bob")
    assert shown(world, "t") == [user["UserId"]]
    with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{user["UserId"]}"'):
        world.call("UpdateAssumeRolePolicy", RoleName="t", PolicyDocument=trust(user["UserId"]))
    world.call("UpdateAssumeRolePolicy", RoleName="t", PolicyDocument=text)
    assert shown(world, "t") == [user["Arn"]]


def test_a_renamed_principal_is_shown_by_its_new_name(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    role(world, "t", json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{world.account}:user/bob"}, "Action": "sts:AssumeRole",
         "Condition": {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{world.account}:user/bob"}}}]}))  # fmt: skip
    world.call("UpdateUser", UserName="bob", NewUserName="rob")
    document = json.loads(world.call("GetRole", RoleName="t")["Role"]["AssumeRolePolicyDocument"])
    assert document["Statement"][0]["Principal"]["AWS"] == f"arn:aws:iam::{world.account}:user/rob"
    assert document["Statement"][0]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"].endswith(":user/bob")


def test_a_provider_of_another_account_is_not_trusted(world: World) -> None:
    def federated(account: str) -> str:
        arn = f"arn:aws:iam::{account}:oidc-provider/token.example.org"
        return trust(arn, kind="Federated", action="sts:AssumeRoleWithWebIdentity")

    with refused("MalformedPolicyDocument", 'Invalid principal in policy: "FEDERATED"'):
        role(world, "t", federated(OTHER))
    role(world, "t", federated(world.account))  # it need not exist yet


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("{", ""),
        ("[]", ""),
        (ALLOW_ALL, ""),
        ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}', "Resource"),
        ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}]}', "STS AssumeRole actions"),
        ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}', "Principal"),
    ],
)
def test_a_trust_policy_that_is_none_is_refused(world: World, document: str, text: str) -> None:
    with refused("MalformedPolicyDocument", text):
        role(world, "r", document)


def test_the_size_of_a_trust_policy_is_counted_without_white_space(world: World) -> None:
    def padded(total: int, blanks: int) -> str:
        text = OWN.replace('"Statement"', '"Id":"","Statement"')
        return text.replace('"Id":""', f'"Id":"{"x" * (total - len(text))}"' + " " * blanks)

    role(world, "r", padded(2048, 5000))
    with refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"):
        role(world, "s", padded(2049, 0))


def test_a_role_is_deleted_only_when_nothing_hangs_on_it(world: World) -> None:
    role(world, "r")
    world.call("CreateInstanceProfile", InstanceProfileName="p")
    world.call("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="r")
    world.call("AttachRolePolicy", RoleName="r", PolicyArn=POLICY)
    world.call("PutRolePolicy", RoleName="r", PolicyName="i", PolicyDocument=ALLOW_ALL)
    with refused("DeleteConflict", "must remove roles from instance profile first"):
        world.call("DeleteRole", RoleName="r")
    world.call("RemoveRoleFromInstanceProfile", InstanceProfileName="p", RoleName="r")
    with refused("DeleteConflict", "must detach all policies first"):
        world.call("DeleteRole", RoleName="r")
    world.call("DetachRolePolicy", RoleName="r", PolicyArn=POLICY)
    with refused("DeleteConflict", "must delete policies first"):
        world.call("DeleteRole", RoleName="r")
    world.call("DeleteRolePolicy", RoleName="r", PolicyName="i")
    world.call("DeleteRole", RoleName="r")
    with refused("NoSuchEntity", "The role with name r cannot be found."):
        world.call("GetRole", RoleName="r")


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("DeleteRole", {}),
        ("UpdateRole", {"Description": "x"}),
        ("UpdateRoleDescription", {"Description": "x"}),
        ("UpdateAssumeRolePolicy", {"PolicyDocument": OWN}),
        ("AttachRolePolicy", {"PolicyArn": POLICY}),
        ("DetachRolePolicy", {"PolicyArn": POLICY}),
        ("PutRolePolicy", {"PolicyName": "p", "PolicyDocument": ALLOW_ALL}),
        ("DeleteRolePolicy", {"PolicyName": "p"}),
        ("PutRolePermissionsBoundary", {"PermissionsBoundary": POLICY}),
        ("DeleteRolePermissionsBoundary", {}),
        ("TagRole", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("UntagRole", {"TagKeys": ["a"]}),
    ],
)
def test_the_operators_role_is_out_of_reach_but_a_namesake_elsewhere_is_not(world: World, name: str, members: dict[str, object]) -> None:
    with refused("UnmodifiableEntity"):
        world.call(name, RoleName="daypassoperator", **members)
    theirs = world.root(OTHER)
    world.call("CreateRole", by=theirs, RoleName="DaypassOperator", AssumeRolePolicyDocument=OWN)
    world.call("UpdateRole", by=theirs, RoleName="DaypassOperator", Description="x")
