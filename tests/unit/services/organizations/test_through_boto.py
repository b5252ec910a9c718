"""Organizations as boto3 sees them, over HTTP, with a running server: live sessions feel each change with their next call."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rig.boto import Boto, code, document
from rig.idp import Idp

ENTRY = "OrganizationAccountAccessRole"
TYPES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


NO_USERS = document({"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"})


@pytest.fixture(scope="module")
def organizations(boto: Boto) -> Iterator[Any]:
    """The operator's client, with both types of policy enabled while these tests run."""
    client = boto("organizations")
    root = client.list_roots()["Roots"][0]["Id"]
    enabled = {one["Type"] for one in client.list_roots()["Roots"][0]["PolicyTypes"]}  # by whoever shares the server
    for kind in set(TYPES) - enabled:
        client.enable_policy_type(RootId=root, PolicyType=kind)
    yield client
    for kind in set(TYPES) - enabled:
        client.disable_policy_type(RootId=root, PolicyType=kind)


class Member:
    """A new account in a new unit, and a live session in it."""

    def __init__(self, boto: Boto, organizations: Any) -> None:
        tag = uuid.uuid4().hex[:8]
        self.root = organizations.list_roots()["Roots"][0]["Id"]
        self.unit = organizations.create_organizational_unit(ParentId=self.root, Name=f"unit {tag}")["OrganizationalUnit"]["Id"]
        made = organizations.create_account(Email=f"{tag}@example.test", AccountName=tag)["CreateAccountStatus"]
        self.id = made["AccountId"]
        entered = boto("sts").assume_role(RoleArn=f"arn:aws:iam::{self.id}:role/{ENTRY}", RoleSessionName="live")
        self.iam = boto("iam", entered["Credentials"])
        self.sts = boto("sts", entered["Credentials"])
        self.organizations = boto("organizations", entered["Credentials"])


@pytest.fixture
def member(boto: Boto, organizations: Any) -> Member:
    return Member(boto, organizations)


def policy(organizations: Any, content: str, kind: str = TYPES[0]) -> str:
    """A new policy's id."""
    made = organizations.create_policy(Content=content, Description="", Name=f"guard {uuid.uuid4()}", Type=kind)
    return str(made["Policy"]["PolicySummary"]["Id"])


def test_a_live_session_feels_each_change_at_once(organizations: Any, member: Member) -> None:
    guard = policy(organizations, NO_USERS)
    assert code(member.iam.list_users) == ""
    organizations.attach_policy(PolicyId=guard, TargetId=member.unit)
    assert code(member.iam.list_users) == ""
    organizations.move_account(AccountId=member.id, SourceParentId=member.root, DestinationParentId=member.unit)
    assert code(member.iam.list_users) == "AccessDenied"
    assert code(member.iam.list_roles) == ""
    organizations.update_policy(PolicyId=guard, Content=NO_USERS.replace("ListUsers", "ListRoles"))
    assert (code(member.iam.list_users), code(member.iam.list_roles)) == ("", "AccessDenied")
    organizations.detach_policy(PolicyId=guard, TargetId=member.unit)
    assert (code(member.iam.list_users), code(member.iam.list_roles)) == ("", "")
    assert code(organizations.detach_policy, PolicyId=guard, TargetId=member.unit) == "PolicyNotAttachedException"
    organizations.delete_policy(PolicyId=guard)


def test_a_closed_account_is_over_at_once(organizations: Any, member: Member, boto: Boto) -> None:
    assert code(member.sts.get_caller_identity) == ""
    organizations.close_account(AccountId=member.id)
    assert code(member.sts.get_caller_identity) == "ExpiredToken"
    assert code(member.iam.list_users) == "ExpiredToken"
    role = f"arn:aws:iam::{member.id}:role/{ENTRY}"
    assert code(boto("sts").assume_role, RoleArn=role, RoleSessionName="again") == "AccessDenied"
    assert organizations.describe_account(AccountId=member.id)["Account"]["Status"] == "SUSPENDED"


def test_a_resource_control_policy_and_a_closed_account_stop_tokens_too(organizations: Any, member: Member, boto: Boto, idp: Idp) -> None:
    tag = uuid.uuid4().hex[:8]
    issuer = idp.issuer(f"/{tag}")
    provider = member.iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])["OpenIDConnectProviderArn"]
    host = issuer.removeprefix("https://")
    trust = {
        "Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": "sts.amazonaws.com"}, "StringLike": {f"{host}:sub": "repo:acme/*"}},
    }  # fmt: skip
    role = member.iam.create_role(RoleName="ci", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    token = idp.token(idp.claims(path=f"/{tag}", lifetime=3600))
    enter = {"RoleArn": role, "RoleSessionName": "build", "WebIdentityToken": token}
    anyone = boto("sts").assume_role_with_web_identity
    assert code(anyone, **enter) == ""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Resource": "*"}
    guard = policy(organizations, document(deny | {"Condition": {"StringLike": {f"{host}:sub": "repo:acme/*"}}}), TYPES[1])
    organizations.attach_policy(PolicyId=guard, TargetId=member.id)
    assert code(anyone, **enter) == "AccessDenied"
    organizations.detach_policy(PolicyId=guard, TargetId=member.id)
    assert code(anyone, **enter) == ""
    organizations.close_account(AccountId=member.id)
    assert code(anyone, **enter) == "AccessDenied"


def test_pages_paths_and_reasons_reach_the_client(organizations: Any, member: Member) -> None:
    units = [page["OrganizationalUnits"] for page in organizations.get_paginator("list_organizational_units_for_parent").paginate(
        ParentId=member.root, PaginationConfig={"PageSize": 1})]  # fmt: skip
    (own,) = [unit for page in units for unit in page if unit["Id"] == member.unit]
    account = organizations.describe_account(AccountId=member.id)["Account"]
    assert own["Path"].endswith(f"/{member.root}/{member.unit}/") and account["Paths"][0].endswith(f"/{member.root}/{member.id}/")
    with pytest.raises(ClientError) as error:
        organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=member.id)
    assert error.value.response["Error"]["Code"] == "ConstraintViolationException"
    assert error.value.response["Reason"] == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    with pytest.raises(organizations.exceptions.TargetNotFoundException):
        organizations.attach_policy(PolicyId="p-FullAWSAccess", TargetId="ou-none-12345678")
    assert code(organizations.create_gov_cloud_account, Email="x@example.org", AccountName="x") == "UnknownOperationException"


def test_an_account_leaves_is_invited_and_comes_back(organizations: Any, member: Member) -> None:
    member.organizations.leave_organization()
    assert code(member.organizations.describe_organization) == "AWSOrganizationsNotInUseException"
    sent = organizations.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": member.id}, Notes="come back")["Handshake"]
    (got,) = member.organizations.list_handshakes_for_account()["Handshakes"]
    assert got["Id"] == sent["Id"] and got["State"] == "OPEN"
    assert code(organizations.accept_handshake, HandshakeId=sent["Id"]) == "HandshakeNotFoundException"
    member.organizations.accept_handshake(HandshakeId=sent["Id"])
    assert organizations.describe_account(AccountId=member.id)["Account"]["JoinedMethod"] == "INVITED"


def test_a_member_is_let_manage_policies(organizations: Any, member: Member) -> None:
    allow = {"Effect": "Allow", "Principal": {"AWS": member.id}, "Action": ["organizations:CreatePolicy", "organizations:Describe*",
             "organizations:List*"], "Resource": "*", "Condition": {"StringEquals": {"organizations:PolicyType": TYPES[0]}}}  # fmt: skip
    organizations.put_resource_policy(Content=document(allow))
    made = policy(member.organizations, NO_USERS)
    assert code(policy, organizations=member.organizations, content=NO_USERS, kind=TYPES[1]) == "AccessDeniedException"
    assert code(member.organizations.delete_policy, PolicyId=made) == "AccessDeniedException"
    assert code(member.organizations.list_policies, Filter=TYPES[0]) == ""
    organizations.delete_resource_policy()
    assert code(member.organizations.list_policies, Filter=TYPES[0]) == "AccessDeniedException"
