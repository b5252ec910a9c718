"""Which policies let an entity call a service at all."""

from __future__ import annotations

import json

import pytest

from daypass.services.iam.granting import allowing, grants, services_of
from unit.services.world import ALLOW_ALL, OTHER, World, refused, trust


def document(effect: str = "Allow", element: str = "Action", *actions: str) -> str:
    statement = {"Effect": effect, element: list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("text", "services"),
    [
        (ALLOW_ALL, ["iam", "s3", "sts"]),
        (document("Allow", "Action", "IAM:Get*", "sts:AssumeRole"), ["iam", "sts"]),
        (document("Deny", "Action", "iam:*"), []),
        (document("Allow", "NotAction", "iam:*"), ["s3", "sts"]),
        (document("Allow", "NotAction", "iam:Get*"), ["iam", "s3", "sts"]),
        (document("Allow", "NotAction", "*"), []),
        (document("Allow", "Action", "i:*", "s3control:*"), []),
        ("no policy at all", []),
    ],
)
def test_what_a_document_grants(text: str, services: list[str]) -> None:
    assert services_of([text], ["sts", "iam", "s3"]) == services
    assert [one for one in ("iam", "s3", "sts") if grants(allowing(text), one)] == services


@pytest.fixture
def acme(world: World) -> World:
    """The user bob, in a group; each has policies of both kinds."""
    world.call("CreateUser", UserName="bob")
    world.call("CreateGroup", GroupName="staff")
    world.call("AddUserToGroup", UserName="bob", GroupName="staff")
    world.call("CreatePolicy", PolicyName="own", PolicyDocument=document("Allow", "Action", "sts:*"))
    world.call("AttachUserPolicy", UserName="bob", PolicyArn=f"arn:aws:iam::{world.account}:policy/own")
    world.call("AttachGroupPolicy", GroupName="staff", PolicyArn="arn:aws:iam::aws:policy/IAMFullAccess")
    world.call("PutGroupPolicy", GroupName="staff", PolicyName="inline", PolicyDocument=document("Allow", "Action", "iam:Get*"))
    return world


def test_a_users_and_its_groups_policies_are_listed(acme: World) -> None:
    arn = f"arn:aws:iam::{acme.account}:user/bob"
    listed = acme.call("ListPoliciesGrantingServiceAccess", Arn=arn, ServiceNamespaces=["s3", "iam", "sts", "iam"])
    own = {"PolicyName": "own", "PolicyType": "MANAGED", "PolicyArn": f"arn:aws:iam::{acme.account}:policy/own"}
    full = {"PolicyName": "IAMFullAccess", "PolicyType": "MANAGED", "PolicyArn": "arn:aws:iam::aws:policy/IAMFullAccess"}
    inline = {"PolicyName": "inline", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": "staff"}
    assert listed == {
        "PoliciesGrantingServiceAccess": [
            {"ServiceNamespace": "iam", "Policies": [inline, full]},
            {"ServiceNamespace": "s3", "Policies": []},
            {"ServiceNamespace": "sts", "Policies": [own]},
        ],
        "IsTruncated": False,
    }


def test_two_hundred_services_are_paged(acme: World) -> None:
    arn, wanted = f"arn:aws:iam::{acme.account}:group/staff", [f"s{number:03}" for number in range(200)]
    first = acme.call("ListPoliciesGrantingServiceAccess", Arn=arn, ServiceNamespaces=wanted)
    rest = acme.call("ListPoliciesGrantingServiceAccess", Arn=arn, ServiceNamespaces=wanted, Marker=first["Marker"])
    pages = [page["PoliciesGrantingServiceAccess"] for page in (first, rest)]
    assert [one["ServiceNamespace"] for page in pages for one in page] == wanted
    assert not rest["IsTruncated"]


def test_what_is_not_there_or_has_no_policies_is_refused(acme: World) -> None:
    acme.call("CreateRole", RoleName="app", AssumeRolePolicyDocument=trust(acme.account))
    for arn, code in (
        (f"arn:aws:iam::{acme.account}:user/eve", "NoSuchEntity"),
        (f"arn:aws:iam::{OTHER}:user/bob", "NoSuchEntity"),
        (f"arn:aws:iam::{acme.account}:mfa/bob", "InvalidInput"),
        ("arn:aws:iam::aws:policy/IAMFullAccess", "InvalidInput"),
        ("nonsense-of-twenty-letters", "InvalidInput"),
    ):
        with refused(code):
            acme.call("ListPoliciesGrantingServiceAccess", Arn=arn, ServiceNamespaces=["iam"])
    acme.call("CreateUser", by=acme.root(OTHER), UserName="eve")
    with refused("NoSuchEntity"):
        acme.call("ListPoliciesGrantingServiceAccess", Arn=f"arn:aws:iam::{OTHER}:user/eve", ServiceNamespaces=["iam"])
