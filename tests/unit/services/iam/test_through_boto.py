"""IAM as boto3 sees it, over HTTP with real policies: what only shows when wire, proof, policy and store are in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rig.boto import Boto, code, document

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"


def allow(action: str | list[str], resource: str = "*", **condition: Any) -> dict[str, Any]:
    """A statement that allows, with `condition` as operator → key → value."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


@pytest.fixture(scope="module")
def iam(boto: Boto) -> Any:
    """The operator's IAM client."""
    return boto("iam")


@pytest.fixture
def new_user(boto: Boto, iam: Any) -> Callable[..., Any]:
    """`new_user("name", statements…)`: a new user's own IAM client; the user may do what the statements say."""

    def make(name: str, *statements: dict[str, Any]) -> Any:
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
        return boto("iam", iam.create_access_key(UserName=name)["AccessKey"])

    return make


def test_documents_come_back_decoded_and_pages_and_waiters_work(iam: Any) -> None:
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
         "Condition": {"StringEquals": {"sts:ExternalId": "a+b %20 / é"}}}]}  # fmt: skip
    made = iam.create_role(RoleName="boto-decoded", AssumeRolePolicyDocument=json.dumps(trust, ensure_ascii=False))["Role"]
    assert made["AssumeRolePolicyDocument"] == trust
    iam.get_waiter("role_exists").wait(RoleName="boto-decoded", WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    for number in range(5):
        iam.create_group(GroupName=f"boto-{number}", Path="/paged/")
    pages = list(iam.get_paginator("list_groups").paginate(PathPrefix="/paged/", PaginationConfig={"PageSize": 2}))
    assert [len(page["Groups"]) for page in pages] == [2, 2, 1]
    assert [group["GroupName"] for page in pages for group in page["Groups"]] == [f"boto-{number}" for number in range(5)]


def test_errors_are_the_modelled_exceptions(iam: Any) -> None:
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.get_user(UserName="boto-nobody")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    iam.create_group(GroupName="boto-twice")
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_group(GroupName="Boto-Twice")
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException, match="Invalid principal in policy"):
        named = document({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:user/x"}, "Action": "sts:AssumeRole"})
        iam.create_role(RoleName="boto-none", AssumeRolePolicyDocument=named)
    assert code(iam.update_role, RoleName="DaypassOperator", Description="mine") == "UnmodifiableEntity"


def test_of_many_at_once_exactly_two_keys_are_made(iam: Any) -> None:
    iam.create_user(UserName="boto-race")
    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda _: code(iam.create_access_key, UserName="boto-race"), range(32)))
    assert sorted(codes) == [""] * 2 + ["LimitExceeded"] * 30
    assert len(iam.list_access_keys(UserName="boto-race")["AccessKeyMetadata"]) == 2


def test_a_condition_on_the_policy_that_is_attached_holds(new_user: Callable[..., Any]) -> None:
    mine = new_user("boto-attacher", allow("iam:AttachUserPolicy", "*", ArnEquals={"iam:PolicyARN": POWER_USER}))
    assert code(mine.attach_user_policy, UserName="boto-attacher", PolicyArn=ADMINISTRATOR) == "AccessDenied"
    assert code(mine.attach_user_policy, UserName="boto-attacher", PolicyArn=POWER_USER) == ""


def test_a_condition_on_the_boundary_of_who_is_made_holds(new_user: Callable[..., Any]) -> None:
    mine = new_user("boto-delegate", allow("iam:CreateUser", "*", StringEquals={"iam:PermissionsBoundary": POWER_USER}))
    assert code(mine.create_user, UserName="boto-free") == "AccessDenied"
    assert code(mine.create_user, UserName="boto-free", PermissionsBoundary=ADMINISTRATOR) == "AccessDenied"
    assert code(mine.create_user, UserName="boto-bound", PermissionsBoundary=POWER_USER) == ""


def test_conditions_on_tags_hold(iam: Any, new_user: Callable[..., Any]) -> None:
    iam.create_user(UserName="boto-red", Tags=[{"Key": "Team", "Value": "red"}])
    iam.create_user(UserName="boto-blue", Tags=[{"Key": "Team", "Value": "blue"}])
    mine = new_user(
        "boto-tagger",
        allow("iam:DeleteUser", "*", StringEquals={"aws:ResourceTag/team": "red"}),
        allow("iam:TagUser", "*", **{"ForAllValues:StringEquals": {"aws:TagKeys": ["Cost"]}}),
    )
    assert code(mine.delete_user, UserName="boto-blue") == "AccessDenied"
    assert code(mine.tag_user, UserName="boto-blue", Tags=[{"Key": "Team", "Value": "red"}]) == "AccessDenied"
    assert code(mine.tag_user, UserName="boto-blue", Tags=[{"Key": "Cost", "Value": "1"}]) == ""
    assert code(mine.delete_user, UserName="boto-red") == ""


def test_a_path_limits_who_may_be_touched_and_a_rename_does_not_lead_out(iam: Any, new_user: Callable[..., Any]) -> None:
    iam.create_user(UserName="boto-in", Path="/in/")
    iam.create_user(UserName="boto-out", Path="/out/")
    mine = new_user("boto-pathed", allow("iam:*", "arn:aws:iam::*:user/in/*"))
    assert code(mine.create_access_key, UserName="boto-in") == ""
    assert code(mine.create_access_key, UserName="boto-out") == "AccessDenied"
    assert code(mine.create_access_key, UserName="BOTO-OUT") == "AccessDenied"
    assert code(mine.update_user, UserName="boto-in", NewPath="/out/") == "AccessDenied"
    assert code(mine.update_user, UserName="boto-in", NewUserName="boto-inner") == ""


def test_a_role_is_put_into_a_profile_only_by_who_may_pass_it(iam: Any, new_user: Callable[..., Any]) -> None:
    trust = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    for name in ("boto-weak", "boto-strong"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.create_instance_profile(InstanceProfileName="boto-profile")
    to_ec2 = {"iam:PassedToService": "ec2.amazonaws.com"}
    mine = new_user(
        "boto-passer", allow("iam:AddRoleToInstanceProfile"), allow("iam:PassRole", "arn:aws:iam::*:role/boto-weak", StringEquals=to_ec2)
    )
    members = {"InstanceProfileName": "boto-profile"}
    assert code(mine.add_role_to_instance_profile, **members, RoleName="boto-strong") == "AccessDenied"
    assert code(mine.add_role_to_instance_profile, **members, RoleName="boto-weak") == ""


def test_a_session_policy_narrows_what_a_session_makes_of_itself(boto: Boto, iam: Any) -> None:
    sts = boto("sts")
    account = sts.get_caller_identity()["Account"]
    trust = document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName="boto-narrowed", AssumeRolePolicyDocument=trust)["Role"]
    iam.attach_role_policy(RoleName="boto-narrowed", PolicyArn=ADMINISTRATOR)
    iam.create_user(UserName="boto-target")
    members = {"RoleArn": role["Arn"], "RoleSessionName": "me"}
    narrow = boto("iam", sts.assume_role(**members, Policy=document(allow("iam:GetUser")))["Credentials"])
    wide = boto("iam", sts.assume_role(**members)["Credentials"])
    assert code(narrow.get_user, UserName="boto-target") == ""
    for call, more in (
        ("create_access_key", {}),
        ("put_user_policy", {"PolicyName": "p", "PolicyDocument": document(allow("*"))}),
        ("attach_user_policy", {"PolicyArn": ADMINISTRATOR}),
    ):
        assert code(getattr(narrow, call), UserName="boto-target", **more) == "AccessDenied"
        assert code(getattr(wide, call), UserName="boto-target", **more) == ""


def test_an_account_is_entered_by_its_role_and_sees_only_itself(boto: Boto, iam: Any) -> None:
    made = boto("organizations").create_account(Email="boto@example.org", AccountName="boto")["CreateAccountStatus"]
    arn = f"arn:aws:iam::{made['AccountId']}:role/OrganizationAccountAccessRole"
    theirs = boto("iam", boto("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"])
    own = iam.create_policy(PolicyName="boto-own", PolicyDocument=document(allow("*")))["Policy"]["Arn"]
    iam.create_user(UserName="boto-mine")
    key = iam.create_access_key(UserName="boto-mine")["AccessKey"]["AccessKeyId"]
    assert [role["RoleName"] for role in theirs.list_roles()["Roles"]] == ["OrganizationAccountAccessRole"]
    assert theirs.list_users()["Users"] == []
    assert code(theirs.get_policy, PolicyArn=own) == "NoSuchEntity"
    assert code(theirs.get_user, UserName="boto-mine") == "NoSuchEntity"
    assert code(theirs.delete_access_key, UserName="boto-mine", AccessKeyId=key) == "NoSuchEntity"
    assert code(theirs.get_access_key_last_used, AccessKeyId=key) == "AccessDenied"
