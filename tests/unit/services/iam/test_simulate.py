"""The simulators and the listing of context keys, through botocore's own models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.node import Refused
from unit.way.town import ALLOW_ALL, Town, allow, policy, trust

GET, PUT = "s3:GetObject", "s3:PutObject"
BUCKET = "arn:aws:s3:::bucket/key"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A town for each test: they name the same people."""
    made = Town(tmp_path)
    yield made
    made.it.close()


def custom(town: Town, *policies: str, actions: tuple[str, ...] = (GET,), **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = town.iam("SimulateCustomPolicy", PolicyInputList=list(policies), ActionNames=list(actions), **more)[
        "EvaluationResults"
    ]
    return found


def principal(town: Town, arn: str, *actions: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = town.iam("SimulatePrincipalPolicy", PolicySourceArn=arn, ActionNames=list(actions), **more)[
        "EvaluationResults"
    ]
    return found


def entry(key: str, *values: str, kind: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": key, "ContextKeyValues": list(values), "ContextKeyType": kind}


def decisions(found: list[dict[str, Any]]) -> dict[str, str]:
    return {one["EvalActionName"]: one["EvalDecision"] for one in found}


def sources(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["SourcePolicyId"], one["SourcePolicyType"]) for one in result["MatchedStatements"]]


def invalid(town: Town, operation: str, text: str = "", code: str = "InvalidInput", **parameters: Any) -> None:
    with pytest.raises(Refused) as caught:
        town.iam(operation, **parameters)
    assert (caught.value.code, caught.value.status) == (code, 404 if code == "NoSuchEntity" else 400)
    assert text in caught.value.message


# SimulateCustomPolicy


def test_allowed_denied_and_neither(town: Town) -> None:
    text = policy(allow("s3:Get*"), {"Effect": "Deny", "Action": "s3:GetBucketAcl", "Resource": "*"})
    found = custom(town, text, actions=(GET, PUT, "s3:GetBucketAcl"))
    assert decisions(found) == {GET: "allowed", PUT: "implicitDeny", "s3:GetBucketAcl": "explicitDeny"}
    assert [one["EvalResourceName"] for one in found] == ["*"] * 3
    assert [len(one["MatchedStatements"]) for one in found] == [1, 0, 1]


def test_positions_are_those_in_the_text(town: Town) -> None:
    text = '{\n  "Version": "2012-10-17",\n  "Statement": {\n    "Effect": "Allow", "Action": "s3:*",\n    "Resource": "*"\n  }\n}'
    [result] = custom(town, ALLOW_ALL, text)
    first, second = result["MatchedStatements"]
    assert (first["SourcePolicyId"], first["SourcePolicyType"]) == ("PolicyInputList.1", "none")
    assert second == {
        "SourcePolicyId": "PolicyInputList.2",
        "SourcePolicyType": "none",
        "StartPosition": {"Line": 3, "Column": 16},
        "EndPosition": {"Line": 6, "Column": 4},
    }
    start, end = (first[name]["Column"] - 1 for name in ("StartPosition", "EndPosition"))
    assert json.loads(ALLOW_ALL[start:end]) == json.loads(ALLOW_ALL)["Statement"][0]


def test_missing_keys_are_named_until_they_are_given(town: Town) -> None:
    text = policy(
        allow(GET, resource="arn:aws:s3:::${aws:username}/*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        allow(PUT, Condition={"Bool": {"aws:SecureTransport": "true"}}),
    )
    [result] = custom(town, text)
    assert result["MissingContextValues"] == ["aws:SourceIp", "aws:username"]
    given = [entry("AWS:sourceip", "10.1.2.3", kind="ip"), entry("aws:username", "bucket")]
    [result] = custom(town, text, ContextEntries=given, ResourceArns=[BUCKET])
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])
    given[0] = entry("aws:SourceIp", "11.1.2.3", kind="ip")
    assert custom(town, text, ContextEntries=given, ResourceArns=[BUCKET])[0]["EvalDecision"] == "implicitDeny"


def test_several_resources_have_their_own_results(town: Town) -> None:
    text = policy(allow(GET, resource="arn:aws:s3:::a/*"), {"Effect": "Deny", "Action": GET, "Resource": "arn:aws:s3:::c/*"})
    arns = [f"arn:aws:s3:::{name}/x" for name in "abc"]
    [result] = custom(town, text, ResourceArns=arns)
    assert (result["EvalResourceName"], result["EvalDecision"]) == ("*", "explicitDeny")
    specific = result["ResourceSpecificResults"]
    assert [one["EvalResourceName"] for one in specific] == arns
    assert [one["EvalResourceDecision"] for one in specific] == ["allowed", "implicitDeny", "explicitDeny"]
    [result] = custom(town, text, ResourceArns=arns[:1])
    assert (result["EvalResourceName"], result["EvalDecision"]) == (arns[0], "allowed")


def test_the_boundary_and_the_organization_by_themselves(town: Town) -> None:
    boundary = {"PermissionsBoundaryPolicyInputList": [policy(allow("ec2:*"))]}
    [result] = custom(town, ALLOW_ALL, **boundary)
    assert (result["EvalDecision"], result["PermissionsBoundaryDecisionDetail"]) == (
        "implicitDeny",
        {"AllowedByPermissionsBoundary": False},
    )
    levels = [{"ServiceControlPolicyInputList": [ALLOW_ALL]}, {"ServiceControlPolicyInputList": [policy(allow("s3:Get*"))]}]
    found = custom(town, ALLOW_ALL, actions=(GET, PUT), OrderedOrganizationPolicyInputList=levels)
    assert decisions(found) == {GET: "allowed", PUT: "implicitDeny"}
    assert [one["OrganizationsDecisionDetail"]["AllowedByOrganizations"] for one in found] == [True, False]
    assert "PermissionsBoundaryDecisionDetail" not in found[0]


def test_a_resource_policy_across_accounts(town: Town) -> None:
    caller = "arn:aws:iam::111122223333:user/guest"
    lets_in = policy({"Effect": "Allow", "Principal": {"AWS": caller}, "Action": GET, "Resource": BUCKET})
    more = {"CallerArn": caller, "ResourcePolicy": lets_in, "ResourceOwner": f"arn:aws:iam::{town.account}:root", "ResourceArns": [BUCKET]}
    [result] = custom(town, ALLOW_ALL, **more)
    assert result["EvalDecision"] == "allowed"
    assert result["ResourceSpecificResults"][0]["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "allowed"}
    assert ("ResourcePolicyInput", "resource") in sources(result)
    [result] = custom(town, policy(allow("ec2:*")), **more)
    assert result["EvalDecision"] == "implicitDeny"
    assert result["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}


def test_a_trust_policy_is_a_resource_policy_without_resource(town: Town) -> None:
    role = f"arn:aws:iam::{town.account}:role/any"
    caller = f"arn:aws:iam::{town.account}:user/any"
    more = {
        "CallerArn": caller,
        "ResourceArns": [role],
        "ResourcePolicy": trust({"AWS": town.account}, Condition={"Bool": {"aws:x": "true"}}),
    }
    [result] = custom(town, ALLOW_ALL, actions=("sts:AssumeRole",), **more)
    assert result["EvalDecision"] == "implicitDeny"
    assert result["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:x"]
    [result] = custom(town, ALLOW_ALL, actions=("sts:AssumeRole",), ContextEntries=[entry("aws:x", "true", kind="boolean")], **more)
    assert result["EvalDecision"] == "allowed"


@pytest.mark.parametrize(
    "more",
    [
        {"PolicyInputList": ["{}"]},
        {"PolicyInputList": [ALLOW_ALL, policy({"Effect": "Allow", "Action": "s3:*"})]},
        {"ActionNames": ["s3:*"]},
        {"ActionNames": ["GetObject"]},
        {"ResourceArns": ["bucket"]},
        {"ResourcePolicy": ALLOW_ALL},
        {"ResourcePolicy": "{}", "CallerArn": "arn:aws:iam::111122223333:user/x"},
        {"CallerArn": "arn:aws:iam::111122223333:role/x"},
        {"ResourceOwner": "111122223333"},
        {"PermissionsBoundaryPolicyInputList": [ALLOW_ALL, ALLOW_ALL]},
        {"ContextEntries": [entry("aws:x", "a", "b")]},
        {"ContextEntries": [entry("aws:x", "a"), entry("AWS:X", "a")]},
        {"ContextEntries": [entry("aws:x", "a", kind="numericList")]},
        {"ContextEntries": [entry("aws:x", "256.1.1.1", kind="ip")]},
        {"ContextEntries": [entry("aws:x", "yesterday", kind="date")]},
        {"ActionNames": [f"s3:A{n}" for n in range(101)], "ResourceArns": [f"arn:aws:s3:::{n}" for n in range(100)]},
        {"PolicyInputList": [ALLOW_ALL + " " * 131072] * 3},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_is_refused(town: Town, more: dict[str, Any]) -> None:
    good = {"PolicyInputList": [ALLOW_ALL], "ActionNames": [GET]}
    code = "ValidationError" if any(len(text) > 131072 for text in more.get("PolicyInputList", ())) else "InvalidInput"
    invalid(town, "SimulateCustomPolicy", code=code, **(good | more))


def test_pages_hold_every_combination_once(town: Town) -> None:
    actions, arns = [f"s3:Get{n}" for n in range(5)], [f"arn:aws:s3:::{n}" for n in range(3)]
    parameters: dict[str, Any] = {"PolicyInputList": [ALLOW_ALL], "ActionNames": actions, "ResourceArns": arns, "MaxItems": 4}
    seen, marker = [], {}
    while True:
        page = town.iam("SimulateCustomPolicy", **parameters, **marker)
        seen += [
            (one["EvalActionName"], each["EvalResourceName"])
            for one in page["EvaluationResults"]
            for each in one["ResourceSpecificResults"]
        ]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert seen == [(action, arn) for action in actions for arn in arns]
    invalid(town, "SimulateCustomPolicy", code="ValidationError", **parameters, Marker="AAAA")


# SimulatePrincipalPolicy


def test_everything_around_a_user(town: Town) -> None:
    town.user("alice", policy(allow(GET, resource="arn:aws:s3:::${aws:PrincipalTag/team}/*")))
    arn = town.iam("GetUser", UserName="alice")["User"]["Arn"]
    town.iam("TagUser", UserName="alice", Tags=[{"Key": "team", "Value": "bucket"}])
    town.iam("CreateGroup", GroupName="staff")
    town.iam("PutGroupPolicy", GroupName="staff", PolicyName="g", PolicyDocument=policy(allow(PUT)))
    town.iam("AddUserToGroup", GroupName="staff", UserName="alice")
    made = town.iam("CreatePolicy", PolicyName="acls", PolicyDocument=policy(allow("s3:GetObjectAcl")))["Policy"]["Arn"]
    town.iam("AttachUserPolicy", UserName="alice", PolicyArn=made)
    town.iam("AttachUserPolicy", UserName="alice", PolicyArn="arn:aws:iam::aws:policy/IAMFullAccess")
    actions = (GET, PUT, "s3:GetObjectAcl", "iam:GetUser", "s3:DeleteObject")
    found = principal(town, arn, *actions, ResourceArns=[BUCKET])
    assert [sources(one) for one in found] == [
        [("user_alice_p", "user")],
        [("group_staff_g", "group")],
        [("acls", "user-managed")],
        [("IAMFullAccess", "aws-managed")],
        [],
    ]
    bounds = town.iam("CreatePolicy", PolicyName="bounds", PolicyDocument=policy(allow(PUT)))["Policy"]["Arn"]
    town.iam("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=bounds)
    found = principal(town, arn, GET, PUT, ResourceArns=[BUCKET])
    assert decisions(found) == {GET: "implicitDeny", PUT: "allowed"}
    assert [one["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for one in found] == [False, True]
    [result] = principal(town, arn, GET, ResourceArns=[BUCKET], PermissionsBoundaryPolicyInputList=[ALLOW_ALL])
    assert result["EvalDecision"] == "allowed"
    deny = policy({"Effect": "Deny", "Action": "*", "Resource": "*"})
    [result] = principal(town, arn, PUT, PolicyInputList=[deny])
    assert sources(result) == [("PolicyInputList.1", "none")] and result["EvalDecision"] == "explicitDeny"


def test_what_is_left_out(town: Town) -> None:
    arn = town.role("app", document=policy(allow(GET)))
    made = town.iam("CreatePolicy", PolicyName="writes", PolicyDocument=policy(allow(PUT)))["Policy"]["Arn"]
    town.iam("AttachRolePolicy", RoleName="app", PolicyArn=made)
    town.iam("PutRolePermissionsBoundary", RoleName="app", PermissionsBoundary=made)
    inline = {"PolicyName": "p", "AttachmentType": "role", "AttachmentName": "app"}
    for exclusion, allowed in (
        ({"PolicyType": "scp"}, {PUT}),
        ({"PolicyType": "permission-boundary"}, {GET, PUT}),
        ({"PolicyType": "user-managed"}, set()),  # the boundary stays
    ):
        found = decisions(principal(town, arn, GET, PUT, PolicyExclusionList=[exclusion]))
        assert {action for action, decision in found.items() if decision == "allowed"} == allowed, exclusion
    unbounded = {"PolicyType": "permission-boundary"}
    for exclusion, allowed in (
        ({"PolicyType": "inline"}, {PUT}),
        ({"InlinePolicyIdentifier": inline}, {PUT}),
        ({"InlinePolicyIdentifier": inline | {"PolicyName": "q"}}, {GET, PUT}),
        ({"PolicyArn": made}, {GET}),
        ({"PolicyArn": made[:-3] + "*"}, {GET}),
        ({"PolicyArn": made[:-1] + "?"}, {GET}),
        ({"PolicyArn": made[:-1]}, {GET, PUT}),
    ):
        found = decisions(principal(town, arn, GET, PUT, PolicyExclusionList=[unbounded, exclusion]))
        assert {action for action, decision in found.items() if decision == "allowed"} == allowed, exclusion
    both = {"PolicyType": "inline", "PolicyArn": made}
    invalid(town, "SimulatePrincipalPolicy", code="ValidationError", PolicySourceArn=arn, ActionNames=[GET], PolicyExclusionList=[both])


def test_the_trust_of_a_role_of_the_account_counts(town: Town) -> None:
    town.user("alice", ALLOW_ALL)
    alice = f"arn:aws:iam::{town.account}:user/alice"
    external = {"StringEquals": {"sts:ExternalId": "acme"}}
    inner, other = (
        town.role("inner", trust({"AWS": alice}, Condition=external)),
        town.role("other", trust({"Service": "ec2.amazonaws.com"})),
    )
    [result] = principal(town, alice, "sts:AssumeRole", ResourceArns=[inner, other])
    assert [one["EvalResourceDecision"] for one in result["ResourceSpecificResults"]] == ["implicitDeny", "implicitDeny"]
    assert [one["MissingContextValues"] for one in result["ResourceSpecificResults"]] == [["sts:ExternalId"], []]
    [result] = principal(town, alice, "sts:AssumeRole", ResourceArns=[inner, other], ContextEntries=[entry("sts:ExternalId", "acme")])
    first, second = result["ResourceSpecificResults"]
    assert (first["EvalResourceDecision"], second["EvalResourceDecision"]) == ("allowed", "implicitDeny")
    assert ("role_inner_trust-policy", "resource") in sources(first)
    assert first["MatchedStatements"][0]["StartPosition"]["Line"] == 1
    [result] = principal(town, alice, "sts:AssumeRole")  # no role is named: what the identity-based policies say
    assert result["EvalDecision"] == "allowed"


def test_the_organization_counts_and_is_not_shown(town: Town) -> None:
    status = town.it.call("organizations", "CreateAccount", {"Email": "a@example.test", "AccountName": "a"}, town.operator)
    account = status["CreateAccountStatus"]["AccountId"]
    member = town.it.operator(account)
    root = town.it.call("organizations", "ListRoots", {}, town.operator)["Roots"][0]["Id"]
    town.it.call("organizations", "EnablePolicyType", {"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"}, town.operator)
    text = policy({"Effect": "Deny", "Action": PUT, "Resource": "*"})
    made = {"Name": "no-writes", "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": text}
    scp = town.it.call("organizations", "CreatePolicy", made, town.operator)["Policy"]["PolicySummary"]["Id"]
    town.it.call("organizations", "AttachPolicy", {"PolicyId": scp, "TargetId": account}, town.operator)
    town.iam("CreateUser", member, UserName="bob")
    town.iam("PutUserPolicy", member, UserName="bob", PolicyName="p", PolicyDocument=ALLOW_ALL)
    arn = f"arn:aws:iam::{account}:user/bob"
    found = town.iam("SimulatePrincipalPolicy", member, PolicySourceArn=arn, ActionNames=[GET, PUT])["EvaluationResults"]
    assert decisions(found) == {GET: "allowed", PUT: "explicitDeny"}
    assert [one["OrganizationsDecisionDetail"]["AllowedByOrganizations"] for one in found] == [True, False]
    assert found[1]["MatchedStatements"] == []
    found = town.iam("SimulatePrincipalPolicy", member, PolicySourceArn=arn, ActionNames=[PUT], PolicyExclusionList=[{"PolicyType": "scp"}])
    assert decisions(found["EvaluationResults"]) == {PUT: "allowed"}


def test_a_group_is_asked_by_itself(town: Town) -> None:
    town.iam("CreateGroup", GroupName="staff")
    town.iam(
        "PutGroupPolicy", GroupName="staff", PolicyName="g", PolicyDocument=policy(allow(GET, resource="arn:aws:s3:::${aws:username}/*"))
    )
    arn = f"arn:aws:iam::{town.account}:group/staff"
    [result] = principal(town, arn, GET, ResourceArns=[BUCKET])
    assert result["EvalDecision"] == "implicitDeny"
    assert result["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:username"]
    town.user("bucket", "")
    [result] = principal(town, arn, GET, ResourceArns=[BUCKET], CallerArn=f"arn:aws:iam::{town.account}:user/bucket")
    assert result["EvalDecision"] == "allowed"


def test_whom_there_is_not(town: Town) -> None:
    for arn, code in (
        (f"arn:aws:iam::{town.account}:user/nobody", "NoSuchEntity"),
        ("arn:aws:iam::111122223333:role/foreign", "NoSuchEntity"),
        (f"arn:aws:iam::{town.account}:root", "InvalidInput"),
        (f"arn:aws:sts::{town.account}:assumed-role/a/b", "InvalidInput"),
        ("x" * 20, "InvalidInput"),
    ):
        invalid(town, "SimulatePrincipalPolicy", code=code, PolicySourceArn=arn, ActionNames=[GET])
        invalid(town, "GetContextKeysForPrincipalPolicy", code=code, PolicySourceArn=arn)


def test_it_agrees_with_what_happens(town: Town) -> None:
    text = policy(allow("iam:List*"), allow("iam:GetUser", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}}))
    keys = town.user("alice", text)
    arn = f"arn:aws:iam::{town.account}:user/alice"
    for name, team in (("red", "red"), ("blue", "blue")):
        target = town.iam("CreateUser", UserName=name, Tags=[{"Key": "team", "Value": team}])["User"]["Arn"]
        [result] = principal(town, arn, "iam:GetUser", ResourceArns=[target])
        if result["EvalDecision"] == "allowed":
            assert town.iam("GetUser", keys, UserName=name)["User"]["Arn"] == target
        else:
            with pytest.raises(Refused):
                town.iam("GetUser", keys, UserName=name)
    assert decisions(principal(town, arn, "iam:ListUsers", "iam:DeleteUser")) == {
        "iam:ListUsers": "allowed",
        "iam:DeleteUser": "implicitDeny",
    }


# GetContextKeysFor…


def test_context_keys(town: Town) -> None:
    text = policy(
        allow(GET, resource="arn:aws:s3:::${aws:username}/*", Condition={"StringLike": {"aws:PrincipalTag/Team": "${aws:SourceIdentity}"}})
    )
    keys = town.iam("GetContextKeysForCustomPolicy", PolicyInputList=[text, ALLOW_ALL])["ContextKeyNames"]
    assert keys == ["aws:PrincipalTag/Team", "aws:SourceIdentity", "aws:username"]
    town.user("alice", text)
    found = town.iam("GetContextKeysForPrincipalPolicy", PolicySourceArn=f"arn:aws:iam::{town.account}:user/alice")
    assert found["ContextKeyNames"] == keys
    invalid(town, "GetContextKeysForCustomPolicy", "PolicyInputList.2", PolicyInputList=[text, "[]"])


def test_a_page_costs_no_more_than_one_request_may(town: Town) -> None:
    text = policy(*(allow("s3:Get*", resource=f"arn:aws:s3:::*{n}*/{'x' * 900}*") for n in range(60)))
    arns = [f"arn:aws:s3:::{'y' * 1500}/{n}" for n in range(30)]
    parameters: dict[str, Any] = {"PolicyInputList": [text], "ActionNames": [GET], "ResourceArns": arns, "MaxItems": 1000}
    seen: list[str] = []
    marker: dict[str, str] = {}
    pages = 0
    while True:
        page = town.iam("SimulateCustomPolicy", **parameters, **marker)
        pages += 1
        [result] = page["EvaluationResults"]
        seen += [one["EvalResourceName"] for one in result["ResourceSpecificResults"]]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert seen == arns and pages > 1
    [result] = custom(town, policy(allow(GET)), ResourceArns=arns, MaxItems=1000)
    assert len(result["ResourceSpecificResults"]) == len(arns)
