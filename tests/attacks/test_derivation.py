"""Attacks by derivation: what a credential can make of itself or of others. One test per row; each has a benign twin that succeeds."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL, Target, accepted, allow, keys_of, member, policy, refused, trust
from rig.http import form
from rig.idp import Idp
from rig.node import Keys, Refused, TestNode

NARROW = policy(allow("iam:ListUsers", "sts:AssumeRole"))


def _trusting(target: Target) -> str:
    return trust({"AWS": target.account})


def test_C37_a_session_policy_holds_for_everything_that_could_undo_it(target: Target) -> None:
    role = target.plain_role("c37", _trusting(target), allow("*"))
    wide, narrow = keys_of(target.assume(role, target.alice)), keys_of(target.assume(role, target.alice, Policy=NARROW))
    target.user("c37-victim")
    attempts: tuple[tuple[str, dict[str, str]], ...] = (
        ("CreateAccessKey", {"UserName": "c37-victim"}),
        ("PutUserPolicy", {"UserName": "c37-victim", "PolicyName": "p", "PolicyDocument": ALLOW_ALL}),
        ("PutRolePolicy", {"RoleName": "c37", "PolicyName": "p", "PolicyDocument": ALLOW_ALL}),
        ("UpdateAssumeRolePolicy", {"RoleName": "c37", "PolicyDocument": _trusting(target)}),
        ("CreateUser", {"UserName": "c37-own"}),
    )
    for action, parameters in attempts:
        refused(target.iam(action, narrow, **parameters), "AccessDenied", status=403)
    refused(target.own("RevokeSessions", narrow, IssuedBefore=1), "AccessDeniedException")
    accepted(target.iam("ListUsers", narrow))
    for action, parameters in attempts:
        accepted(target.iam(action, wide, **parameters))


def test_C37_a_session_policy_narrows_and_never_widens(target: Target) -> None:
    role = target.plain_role("c37n", _trusting(target), allow("iam:ListUsers"))
    everything = keys_of(target.assume(role, target.alice, Policy=ALLOW_ALL))
    refused(target.iam("ListRoles", everything), "AccessDenied", status=403)
    accepted(target.iam("ListUsers", everything))
    arns = {"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    both = keys_of(target.assume(role, target.alice, Policy=policy(allow("iam:ListRoles")), **arns))
    refused(target.iam("ListRoles", both), "AccessDenied", status=403)
    accepted(target.iam("ListUsers", both))


@pytest.mark.parametrize("other", ["GetFederationToken", "AssumeRoot", "GetSessionToken"])
def test_C37_role_sessions_get_no_user_session(target: Target, other: str) -> None:
    session = keys_of(target.assume(target.plain_role(f"c37-{other.lower()}", _trusting(target), allow("*")), target.alice))
    reply = target.call(other, session, **({"Name": "x"} if other == "GetFederationToken" else {}))
    assert 400 <= reply.status < 500 and reply.code and b"SecretAccessKey" not in reply.body, reply
    accepted(target.call("GetSessionToken", target.alice))


def test_C38_a_user_session_without_mfa_makes_nothing_lasting(target: Target) -> None:
    user = target.user("c38", allow("*"))
    session = keys_of(target.call("GetSessionToken", user))
    for action, parameters in (
        ("CreateAccessKey", {}),
        ("CreateAccessKey", {"UserName": "c38"}),
        ("ListAccessKeys", {}),
        ("CreateUser", {"UserName": "c38x"}),
        ("GetUser", {}),
    ):
        refused(target.iam(action, session, **parameters), "InvalidClientTokenId", status=403)
    refused(target.call("GetSessionToken", session), "AccessDenied", status=403)
    refused(target.call("GetAccessKeyInfo", session, AccessKeyId=user.id), "InvalidClientTokenId", status=403)
    accepted(target.call("GetCallerIdentity", session))
    accepted(target.assume(target.plain_role("c38", _trusting(target)), session))
    accepted(target.iam("CreateAccessKey", user))


def test_C38_the_owner_of_a_key_is_not_what_the_body_says(target: Target) -> None:
    lone = target.user("c38own", allow("iam:CreateAccessKey", resource=f"arn:aws:iam::{target.account}:user/c38own"))
    target.user("c38boss", allow("*"))
    refused(target.iam("CreateAccessKey", lone, UserName="c38boss"), "AccessDenied", status=403)
    for extra in ({"UserId": "AIDAEXAMPLE"}, {"AccountId": target.partner}, {"userName": "c38boss"}, {"Username": "c38boss"}):
        made = target.iam("CreateAccessKey", lone, **extra)
        assert member(made, "UserName") == "c38own"
        accepted(target.iam("DeleteAccessKey", UserName="c38own", AccessKeyId=member(made, "AccessKeyId")))


def test_C38_operator_credentials_are_for_the_socket_alone(target: Target) -> None:
    operator = target.client("sts")._request_signer._credentials.get_frozen_credentials()
    for keys in (target.alice, target.mallory, Keys(operator.access_key, operator.secret_key, operator.token)):
        reply = target.own("GetOperatorCredentials", keys)
        refused(reply, "AccessDeniedException")
        assert b"SecretAccessKey" not in reply.body
    accepted(target.own("DescribeServer", target.alice))


# -- P3, over every edge of the graph of derivation


class Graph:
    """A node of its own with a role for each set of actions; each kind of credential at the start."""

    def __init__(self, node: TestNode) -> None:
        self.node = node
        self.operator = node.operator()
        call = node.call
        call("iam", "CreateUser", {"UserName": "user"}, self.operator)
        call("iam", "PutUserPolicy", {"UserName": "user", "PolicyName": "p", "PolicyDocument": ALLOW_ALL}, self.operator)
        self.user = Keys.of(call("iam", "CreateAccessKey", {"UserName": "user"}, self.operator)["AccessKey"])
        for name, actions in (("wide", "*"), ("narrow", "iam:ListUsers")):
            document = {"RoleName": name, "AssumeRolePolicyDocument": trust({"AWS": node.account}), "MaxSessionDuration": 43200}
            call("iam", "CreateRole", document, self.operator)
            text = policy(allow(actions, "sts:AssumeRole"))
            call("iam", "PutRolePolicy", {"RoleName": name, "PolicyName": "p", "PolicyDocument": text}, self.operator)

    def derive(self, keys: Keys, edge: str, duration: int) -> tuple[Keys, datetime]:
        if edge == "GetSessionToken":
            made = self.node.call("sts", edge, {"DurationSeconds": duration}, keys)
        else:
            role, _, narrowed = edge.partition("+")
            arn = f"arn:aws:iam::{self.node.account}:role/{role}"
            parameters: dict[str, Any] = {"RoleArn": arn, "RoleSessionName": "child", "DurationSeconds": duration}
            if narrowed:
                parameters["Policy"] = policy(allow(*narrowed.split(",")))
            made = self.node.call("sts", "AssumeRole", parameters, keys)
        return Keys.of(made["Credentials"]), made["Credentials"]["Expiration"]

    def can(self, keys: Keys) -> set[str]:
        allowed = set()
        for action in ("ListUsers", "ListRoles", "ListGroups"):
            try:
                self.node.call("iam", action, {}, keys)
                allowed.add(action)
            except Refused as error:
                assert error.code in ("AccessDenied", "InvalidClientTokenId"), error
        return allowed


EDGES = ("GetSessionToken", "wide", "narrow", "wide+iam:ListUsers,iam:ListGroups,sts:AssumeRole", "narrow+*", "wide+iam:ListRoles")
MAY = {
    "GetSessionToken": set(),  # no IAM without MFA
    "wide": {"ListUsers", "ListRoles", "ListGroups"},
    "narrow": {"ListUsers"},
    "wide+iam:ListUsers,iam:ListGroups,sts:AssumeRole": {"ListUsers", "ListGroups"},
    "narrow+*": {"ListUsers"},
    "wide+iam:ListRoles": {"ListRoles"},
}


@pytest.mark.parametrize("start", ["operator", "user"])
def test_C38_no_child_outlives_its_parent_or_exceeds_its_principal_and_session_policies(tmp_path: Any, start: str) -> None:
    graph = Graph(TestNode(tmp_path))
    derived = 0
    for line in itertools.product(EDGES, repeat=3):
        graph.node.now = graph.node.now.replace(hour=12, minute=0)
        keys, ends = getattr(graph, start), None
        for edge, duration in zip(line, (2700, 3600, 900), strict=True):
            try:
                keys, until = graph.derive(keys, edge, duration)
            except Refused as error:
                assert error.code == "AccessDenied", error  # where a session policy leaves no sts:AssumeRole, and for GetSessionToken
                break
            derived += 1
            assert ends is None or until <= ends, f"{line}: the child lives longer than its parent"
            ends = until
            assert graph.can(keys) == MAY[edge], f"{line}: at {edge}"
    assert derived > 60  # the benign twin: lines that may be gone are gone
    graph.node.close()


def test_C38_web_identity_sessions_stay_within_their_session_policy(target: Target, idp: Idp) -> None:
    path = "/c38"
    accepted(target.iam("CreateOpenIDConnectProvider", Url=idp.issuer(path), **{"ClientIDList.member.1": "sts.amazonaws.com"}))
    provider = f"arn:aws:iam::{target.account}:oidc-provider/{idp.name}{path}"
    condition = {"StringEquals": {f"{idp.name}{path}:sub": "repo:acme/app"}}
    document = trust({"Federated": provider}, action="sts:AssumeRoleWithWebIdentity", condition=condition)
    role = target.plain_role("c38web", document, allow("*"))
    given = {"RoleArn": role, "RoleSessionName": "web", "WebIdentityToken": idp.token(idp.claims(path=path))}
    narrowed = form(target.url, {"Action": "AssumeRoleWithWebIdentity", **given, "Policy": NARROW}).send()
    narrow = keys_of(narrowed)
    refused(target.iam("ListRoles", narrow), "AccessDenied", status=403)
    refused(target.iam("CreateUser", narrow, UserName="c38web"), "AccessDenied", status=403)
    accepted(target.iam("ListUsers", narrow))
    hop = target.plain_role("c38hop", _trusting(target), allow("*"))
    chained = target.assume(hop, narrow, DurationSeconds="3600")
    assert member(chained, "Expiration") <= member(narrowed, "Expiration")
    refused(target.assume(hop, narrow, DurationSeconds="3601"), "ValidationError", status=400)


# -- the classic paths of privilege escalation

_PATHS: dict[str, tuple[str, dict[str, str]]] = {
    "CreatePolicyVersion": ("iam:CreatePolicyVersion", {"PolicyArn": "{policy}", "PolicyDocument": ALLOW_ALL, "SetAsDefault": "true"}),
    "SetDefaultPolicyVersion": ("iam:SetDefaultPolicyVersion", {"PolicyArn": "{policy}", "VersionId": "v2"}),
    "CreateAccessKey": ("iam:CreateAccessKey", {"UserName": "{name}-boss"}),
    "PutUserPolicy": ("iam:PutUserPolicy", {"UserName": "{name}", "PolicyName": "own", "PolicyDocument": ALLOW_ALL}),
    "AttachUserPolicy": ("iam:AttachUserPolicy", {"UserName": "{name}", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    "AddUserToGroup": ("iam:AddUserToGroup", {"UserName": "{name}", "GroupName": "{name}-admins"}),
    "PutGroupPolicy": ("iam:PutGroupPolicy", {"GroupName": "{name}-own", "PolicyName": "own", "PolicyDocument": ALLOW_ALL}),
    "AttachGroupPolicy": (
        "iam:AttachGroupPolicy",
        {"GroupName": "{name}-own", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
    ),
    "UpdateAssumeRolePolicy": ("iam:UpdateAssumeRolePolicy", {"RoleName": "{name}-role", "PolicyDocument": "{trust}"}),
    "PutRolePolicy": ("iam:PutRolePolicy", {"RoleName": "{name}-role", "PolicyName": "own", "PolicyDocument": ALLOW_ALL}),
    "DeleteUserPolicy": ("iam:DeleteUserPolicy", {"UserName": "{name}", "PolicyName": "deny"}),
    "DeleteUserPermissionsBoundary": ("iam:DeleteUserPermissionsBoundary", {"UserName": "{name}-boss"}),
    "AddRoleToInstanceProfile": ("iam:AddRoleToInstanceProfile", {"InstanceProfileName": "{name}-profile", "RoleName": "{name}-role"}),
}


def _stage(target: Target, name: str, boundary: str = "") -> dict[str, str]:
    """The user `name` with nothing, and beside it what each path needs."""
    made = target.iam("CreatePolicy", PolicyName=f"{name}-policy", PolicyDocument=policy(allow("iam:GetUser")))
    arn = member(made, "Arn")
    accepted(target.iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL))
    target.user(f"{name}-boss")
    accepted(target.iam("PutUserPermissionsBoundary", UserName=f"{name}-boss", PermissionsBoundary=arn))
    for group in ("admins", "own"):
        accepted(target.iam("CreateGroup", GroupName=f"{name}-{group}"))
    target.plain_role(f"{name}-role", trust({"AWS": target.account}))
    accepted(target.iam("CreateInstanceProfile", InstanceProfileName=f"{name}-profile"))
    accepted(target.iam("AttachUserPolicy", UserName=name, PolicyArn=arn))
    accepted(target.iam("AddUserToGroup", UserName=name, GroupName=f"{name}-own"))
    if boundary:
        accepted(target.iam("PutUserPermissionsBoundary", UserName=name, PermissionsBoundary=boundary))
    return {"policy": arn, "name": name, "trust": trust({"AWS": f"arn:aws:iam::{target.account}:user/{name}"})}


def _filled(parameters: dict[str, str], words: dict[str, str]) -> dict[str, str]:
    def fill(text: str) -> str:
        for word, value in words.items():
            text = text.replace("{" + word + "}", value)
        return text

    return {key: fill(value) for key, value in parameters.items()}


@pytest.mark.parametrize("path", sorted(_PATHS))
def test_H01_a_path_of_escalation_needs_its_own_permission_and_ends_at_a_boundary(target: Target, path: str) -> None:
    action, parameters = _PATHS[path]
    name = f"h01-{path.lower()}"
    keys = target.user(name)
    words = _stage(target, name)
    target.put(name, {"Effect": "Deny", "Action": "iam:TagUser", "Resource": "*"}, policy_name="deny")
    given = _filled(parameters, words)
    # every permission of IAM but the one
    target.put(name, {"Effect": "Allow", "NotAction": [action, "iam:TagUser"], "Resource": "*"})
    refused(target.iam(path, keys, **given), "AccessDenied", status=403)
    # the one, behind a boundary that leaves it out
    needed = [action, "iam:PassRole"] if path == "AddRoleToInstanceProfile" else [action]
    target.put(name, allow(*needed))
    fence = target.iam("CreatePolicy", PolicyName=f"{name}-fence", PolicyDocument=policy(allow("iam:Get*", "iam:List*")))
    accepted(target.iam("PutUserPermissionsBoundary", UserName=name, PermissionsBoundary=member(fence, "Arn")))
    refused(target.iam(path, keys, **given), "AccessDenied", status=403)
    accepted(target.iam("DeleteUserPermissionsBoundary", UserName=name))
    # exactly the one: as on AWS, it works
    accepted(target.iam(path, keys, **given))


def test_H01_to_hand_a_role_to_an_instance_needs_pass_role(target: Target) -> None:
    keys = target.user("h01pass", allow("iam:AddRoleToInstanceProfile"))
    target.plain_role("h01pass", trust({"AWS": target.account}), allow("*"))
    accepted(target.iam("CreateInstanceProfile", InstanceProfileName="h01pass"))
    given = {"InstanceProfileName": "h01pass", "RoleName": "h01pass"}
    refused(target.iam("AddRoleToInstanceProfile", keys, **given), "AccessDenied", status=403)
    elsewhere = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    target.put("h01pass", allow("iam:AddRoleToInstanceProfile"), allow("iam:PassRole", Condition=elsewhere))
    refused(target.iam("AddRoleToInstanceProfile", keys, **given), "AccessDenied", status=403)
    target.put(
        "h01pass", allow("iam:AddRoleToInstanceProfile"), allow("iam:PassRole", resource=f"arn:aws:iam::{target.account}:role/h01pass")
    )
    accepted(target.iam("AddRoleToInstanceProfile", keys, **given))


def test_H01_a_boundary_holds_for_what_was_won_behind_it(target: Target) -> None:
    keys = target.user("h01won", allow("iam:PutUserPolicy", "iam:ListUsers"))
    fence = member(
        target.iam("CreatePolicy", PolicyName="h01won", PolicyDocument=policy(allow("iam:PutUserPolicy", "iam:ListUsers"))), "Arn"
    )
    accepted(target.iam("PutUserPermissionsBoundary", UserName="h01won", PermissionsBoundary=fence))
    accepted(target.iam("PutUserPolicy", keys, UserName="h01won", PolicyName="more", PolicyDocument=ALLOW_ALL))
    for action, parameters in (
        ("ListRoles", {}),
        ("CreateAccessKey", {}),
        ("DeleteUserPermissionsBoundary", {"UserName": "h01won"}),
        ("CreatePolicyVersion", {"PolicyArn": fence, "PolicyDocument": ALLOW_ALL, "SetAsDefault": "true"}),
    ):
        refused(target.iam(action, keys, **parameters), "AccessDenied", status=403)
    accepted(target.iam("ListUsers", keys))


def test_H69_the_limit_of_two_keys_holds_when_asked_for_at_once(target: Target) -> None:
    accepted(target.iam("CreateUser", UserName="h69"))
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: target.iam("CreateAccessKey", UserName="h69"), range(60)))
    assert [reply.status for reply in replies].count(200) == 2
    assert {reply.code for reply in replies if reply.status != 200} == {"LimitExceeded"}
    first = next(keys_of(reply) for reply in replies if reply.status == 200)

    def churn(number: int) -> int:
        if number % 4:
            return target.iam("CreateAccessKey", UserName="h69").status
        return target.iam("DeleteAccessKey", UserName="h69", AccessKeyId=first.id).status

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(churn, range(40)))
    assert target.iam("ListAccessKeys", UserName="h69").text.count("<AccessKeyId>") == 2
    refused(target.call("GetCallerIdentity", first), "InvalidClientTokenId", status=403)
