"""Attacks with names: reserved and look-alike names, ARNs, markers, operations that are none. One test per row, each with a benign twin."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from attacks.conftest import Target, accepted, allow, keys_of, member, policy, refused, trust
from rig.http import Bend, Reply, form, json_call, sign
from rig.node import Keys

INVALID = ("ValidationError", "InvalidInput", "MalformedInput")

RESERVED = ["root", "Root", "ROOT", "AWSServiceRoleForX", "awsservicerolefory", "AWSReservedSSO_x"]
ODD = [
    "root ", " root", "root\n", "root\t", "root\0", "r\u043eot", "r\uff4foot", "ro\u200bot", "roo\u0442", "\u0131", "caf\u00e9", "e\u0301",
    "\u202eroot", "a/b", "a:b", "a*b", "a?b", "..", "", "x" * 129, "a\r\nb", "${aws:username}", "\u017fts", "\u212aey", "a%00b",
]  # fmt: skip


def _create(target: Target, kind: str, name: str, **more: str) -> Reply:
    if kind == "Policy":
        return target.iam("CreatePolicy", PolicyName=name, PolicyDocument=policy(allow("iam:GetUser")), **more)
    if kind == "Role":
        return target.iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust({"AWS": target.account}), **more)
    return target.iam(f"Create{kind}", **{f"{kind}Name": name}, **more)


@pytest.mark.parametrize("kind", ["User", "Group", "Role", "Policy", "InstanceProfile"])
def test_C47_names_that_no_one_may_take(target: Target, kind: str) -> None:
    for name in RESERVED + [odd for odd in ODD if odd != ".."]:
        if kind in ("Policy", "InstanceProfile", "Group") and name.startswith(("AWSS", "awss", "AWSR")):
            continue  # those names are reserved for roles and users
        refused(_create(target, kind, name), *INVALID, status=400)
    for path in (
        "/aws-reserved/",
        "/aws-reserved/sso.amazonaws.com/",
        "/AWS-Reserved/",
        "/aws-service-role/x/",
        "x/",
        "/x",
        "/\u00e9/",
        "/ /",
    ):
        refused(_create(target, kind, f"c47-{kind}", Path=path), *INVALID, status=400)
    accepted(_create(target, kind, f"c47-{kind}", Path="/team/"))


def test_C47_a_reserved_name_is_not_reached_by_renaming(target: Target) -> None:
    target.user("c47rename")
    for name in RESERVED + [odd for odd in ODD if odd not in ("", "..")]:
        refused(target.iam("UpdateUser", UserName="c47rename", NewUserName=name), *INVALID, status=400)
    refused(target.iam("UpdateUser", UserName="c47rename", NewPath="/aws-reserved/"), *INVALID, status=400)
    accepted(target.iam("UpdateUser", UserName="c47rename", NewUserName="c47renamed"))


def test_C47_a_user_cannot_pass_for_the_root_of_its_account(target: Target) -> None:
    keys = target.user("c47roots", allow("iam:GetUser"), Path="/:root/")
    identity = target.call("GetCallerIdentity", keys)
    assert member(identity, "Arn") == f"arn:aws:iam::{target.account}:user/:root/c47roots"
    role = target.plain_role("c47root", trust({"AWS": f"arn:aws:iam::{target.account}:root"}))
    refused(target.assume(role, keys), "AccessDenied", status=403)
    accepted(target.assume(role, target.alice))


def test_H13_two_names_that_look_alike_are_not_both_there(target: Target) -> None:
    for kind in ("User", "Group", "Role", "Policy", "InstanceProfile"):
        name = f"h13-{kind}-sk"
        accepted(_create(target, kind, name))
        for again in (name, name.upper(), name.lower(), name.swapcase()):
            refused(_create(target, kind, again), "EntityAlreadyExists", status=409)
        for alike in (name[:-2] + "\u017fk", name[:-1] + "\u212a", name + "\u200d", name[:-2] + "\uff53k"):
            refused(_create(target, kind, alike), *INVALID, status=400)


def test_H13_actions_and_arns_fold_ascii_and_nothing_else(target: Target) -> None:
    keys = target.user("h13act", allow("IAM:listUSERS"))
    accepted(target.iam("ListUsers", keys))
    for action in ("iam:LiſtUsers", "iam:ListUſerſ", "\u0130am:ListUsers", "iam:\u212aistUsers", "\uff49am:ListUsers"):
        document = policy({"Effect": "Allow", "Action": action, "Resource": "*"})
        made = target.iam("PutUserPolicy", UserName="h13act", PolicyName="allowed", PolicyDocument=document)
        if made.status == 200:  # stored as text that matches nothing
            refused(target.iam("ListUsers", keys), "AccessDenied", status=403)
        else:
            refused(made, "MalformedPolicyDocument", *INVALID, status=400)
    target.put("h13act", allow("iam:GetUser", resource=f"arn:aws:iam::{target.account}:user/H13ACT"))
    refused(target.iam("GetUser", keys), "AccessDenied", status=403)  # resources are compared as they are


def test_H13_a_key_id_in_other_letters_is_another(target: Target) -> None:
    keys = target.user("h13key")
    for key_id in (keys.id.lower(), keys.id.replace("K", "\u212a").replace("I", "\u0130"), keys.id[:-1] + "\uff21"):
        made = form(target.url, {"Action": "GetCallerIdentity"})
        try:
            reply = sign(made, Keys(key_id, keys.secret)).send()
        except UnicodeEncodeError:  # no header can carry it
            continue
        refused(reply, "InvalidClientTokenId", "IncompleteSignature")
    accepted(target.call("GetCallerIdentity", keys))


BAD_PRINCIPALS = [
    "arn:aws:iam::{account}:role/*", "arn:aws:iam::*:role/m01", "arn:aws:iam:::role/m01", "arn:aws-cn:iam::{account}:role/m01",
    "arn:aws:iam::{account}:role/m01/", "arn:aws:iam::{account}:role/other/m01", "arn:aws:iam::{account}:role/M01",
    "arn:aws:iam::{account}:role:m01", "arn:aws:iam:us-east-1:{account}:role/m01", "arn:aws:iam::{account}:role/m01:x",
    "arn:aws:sts::{account}:assumed-role/path/m01/session", "arn:aws:sts::{account}:assumed-role/m01",
    "arn:aws:sts::{account}:assumed-role/m01/*",
    "arn:aws:iam::{account}:user/*", "arn:aws:iam::{account}:group/g", "arn:aws:iam::123456789012:role/m01", "{account}x", " {account}", "",
    "arn:aws:iam::{account}:root/", "arn:aws:iam::{account}:ROOT", "999999999999", "*{account}", "arn:aws:iam::{account}", "m01",
]  # fmt: skip


def test_M01_principals_that_are_none(target: Target) -> None:
    target.plain_role("m01", trust({"AWS": target.account}), Path="/team/")
    for number, principal in enumerate(BAD_PRINCIPALS):
        document = trust({"AWS": principal.replace("{account}", target.account)})
        reply = target.iam("CreateRole", RoleName=f"m01-{number}", AssumeRolePolicyDocument=document)
        refused(reply, "MalformedPolicyDocument", status=400)
    good = (f"arn:aws:iam::{target.account}:role/team/m01", f"arn:aws:sts::{target.account}:assumed-role/m01/session", target.account)
    for number, principal in enumerate(good):
        target.plain_role(f"m01-good-{number}", trust({"AWS": principal}))


def test_M01_the_arn_of_a_role_is_the_whole_arn(target: Target) -> None:
    target.plain_role("m01whole", trust({"AWS": target.account}), Path="/team/")
    account = target.account
    for arn in (
        f"arn:aws:iam::{account}:role/m01whole",
        f"arn:aws:iam::{account}:role/team/M01whole",
        f"arn:aws:iam::{account}:role/team//m01whole",
        f"arn:aws:iam::{account}:role/team/m01whole/",
        f"arn:aws-us-gov:iam::{account}:role/team/m01whole",
        f"arn:aws:iam:us-east-1:{account}:role/team/m01whole",
        f"arn:aws:iam::{target.partner}:role/team/m01whole",
        f"arn:aws:sts::{account}:assumed-role/m01whole/session",
        f"arn:aws:iam::{account}:user/team/m01whole",
        f"arn:aws:iam::{account}:role/team/*",
    ):
        refused(target.assume(arn, target.alice), "AccessDenied", "ValidationError")
    accepted(target.assume(f"arn:aws:iam::{account}:role/team/m01whole", target.alice))


def test_M16_markers_that_this_listing_did_not_give(target: Target) -> None:
    for number in range(3):
        accepted(target.iam("CreateGroup", GroupName=f"m16-{number}"))
        target.user(f"m16-{number}")
    given = target.iam("ListGroups", MaxItems="1")
    marker = member(given, "Marker")
    raw = base64.urlsafe_b64decode(marker)
    users = member(target.iam("ListUsers", MaxItems="1"), "Marker")
    bent = raw[:8] + b"\xff\xfe", raw[:4], raw[:7] + b"x" + raw[8:], b"\0" * 40, raw + b"\xc3"
    for bad in [users, marker + "=", marker[:-2], "x", "%00", "' OR 1=1 --", *(base64.urlsafe_b64encode(each).decode() for each in bent)]:
        refused(target.iam("ListGroups", MaxItems="1", Marker=bad), *INVALID, status=400)
    refused(target.iam("ListGroups", target.mallory, MaxItems="1", Marker=marker), *INVALID, status=400)
    huge = target.iam("ListGroups", MaxItems="1", Marker="A" * 1_000_000)
    assert huge.status in (400, 413), huge.status
    for token in ("1.x", "9" * 400, "0.", "-1." + "0" * 32, "1." + "0" * 31 + "g"):
        refused(target.own("ListSessions", target.alice, NextToken=token), "ValidationException", "ValidationError")
    accepted(target.iam("ListGroups", MaxItems="1", Marker=marker))


def test_H88_a_name_taken_anew_is_another_principal(target: Target) -> None:
    user = target.user("h88")
    trusting = target.plain_role("h88trust", trust({"AWS": f"arn:aws:iam::{target.account}:user/h88"}))
    accepted(target.assume(trusting, user))
    role = target.plain_role("h88", trust({"AWS": target.account}))
    session = keys_of(target.assume(role, target.alice))
    second = target.plain_role("h88second", trust({"AWS": role}))
    target_id = member(target.iam("GetUser", UserName="h88"), "UserId")
    accepted(target.iam("PutRolePolicy", RoleName="h88", PolicyName="p", PolicyDocument=policy(allow("*"))))
    accepted(target.assume(second, session))
    # both go and come again by the same name
    accepted(target.iam("DeleteRolePolicy", RoleName="h88", PolicyName="p"))
    accepted(target.iam("DeleteRole", RoleName="h88"))
    accepted(target.iam("DeleteAccessKey", UserName="h88", AccessKeyId=user.id))
    accepted(target.iam("DeleteUser", UserName="h88"))
    again = target.user("h88", allow("*"))
    target.plain_role("h88", trust({"AWS": target.account}), allow("*"))
    fresh = keys_of(target.assume(role, target.alice))
    refused(target.call("GetCallerIdentity", session), "ExpiredToken", status=403)
    refused(target.call("GetCallerIdentity", user), "InvalidClientTokenId", status=403)
    refused(target.assume(trusting, again), "AccessDenied", status=403)
    refused(target.assume(second, fresh), "AccessDenied", status=403)
    assert member(target.iam("GetUser", UserName="h88"), "UserId") != target_id
    shown = target.iam("GetRole", RoleName="h88trust").text
    assert quote(target_id) in shown and "user%2Fh88" not in shown  # the trust shows the id that is gone
    accepted(
        target.iam("UpdateAssumeRolePolicy", RoleName="h88trust", PolicyDocument=trust({"AWS": f"arn:aws:iam::{target.account}:user/h88"}))
    )
    accepted(target.assume(trusting, again))


def test_H88_a_policy_or_group_made_anew_is_attached_to_no_one(target: Target) -> None:
    keys = target.user("h88pol")
    arn = member(target.iam("CreatePolicy", PolicyName="h88pol", PolicyDocument=policy(allow("iam:ListUsers"))), "Arn")
    accepted(target.iam("CreateGroup", GroupName="h88pol"))
    accepted(target.iam("AddUserToGroup", GroupName="h88pol", UserName="h88pol"))
    accepted(target.iam("AttachGroupPolicy", GroupName="h88pol", PolicyArn=arn))
    accepted(target.iam("ListUsers", keys))
    refused(target.iam("DeletePolicy", PolicyArn=arn), "DeleteConflict", status=409)
    refused(target.iam("DeleteGroup", GroupName="h88pol"), "DeleteConflict", status=409)
    accepted(target.iam("DetachGroupPolicy", GroupName="h88pol", PolicyArn=arn))
    accepted(target.iam("DeletePolicy", PolicyArn=arn))
    accepted(target.iam("CreatePolicy", PolicyName="h88pol", PolicyDocument=policy(allow("*"))))
    refused(target.iam("ListUsers", keys), "AccessDenied", status=403)


@pytest.mark.parametrize(
    "action",
    [
        "_perform", "run", "handle", "__init__", "get_caller_identity", "getcalleridentity", "GetCallerIdentity ", "GetCallerIdentity\0",
        "sts:GetCallerIdentity", "STS.GetCallerIdentity", "GetCallerIdentityV2", "Batch", "../GetCallerIdentity", "AssumeRoleInternal",
        "GetOperatorCredentials", "Daypass_20261124.GetOperatorCredentials",
    ],
)  # fmt: skip
def test_H90_what_is_no_operation_is_not_dispatched(target: Target, action: str) -> None:
    refused(target.call(action, target.alice), "InvalidAction", "ValidationError", "MalformedQueryString", status=400)
    accepted(target.call("GetCallerIdentity", target.alice))


def test_H90_versions_and_targets_that_are_none(target: Target) -> None:
    for version in ("2010-05-08", "2011-06-16", "", "2011-06-15 ", "v1", "20110615"):
        reply = sign(form(target.url, {"Action": "GetCallerIdentity", "Version": version}), target.alice).send()
        refused(reply, "InvalidAction", "ValidationError", "MalformedQueryString")
    for name in (
        "Daypass_20261124.getOperatorCredentials",
        "Daypass.DescribeServer",
        "Daypass_20261124.DescribeServer.x",
        "DescribeServer",
        "",
    ):
        refused(
            sign(json_call(target.url, name, {}), target.alice, Bend(service="daypass")).send(),
            "UnknownOperationException", "InvalidAction", "MissingAction", "ValidationException", "AccessDeniedException",
            "MissingAuthenticationToken", "SignatureDoesNotMatch", "InvalidSignatureException",
        )  # fmt: skip
    accepted(target.own("DescribeServer", target.alice))
