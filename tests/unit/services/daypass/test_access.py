"""DecideAccess and ListAllowedPrincipals: what is told ahead is what happens when it is tried."""

from __future__ import annotations

from typing import Any

import pytest

from rig.node import Keys, Refused
from unit.way.town import Town, allow, policy, trust

READ = policy(allow("s3:GetObject", resource="arn:aws:s3:::data/*"))
OBJECT = "arn:aws:s3:::data/x"


def can(town: Town, principal: str, action: str, resource: str, keys: Keys | None = None, **context: list[str]) -> dict[str, Any]:
    entries = [{"Key": key.replace("_", ":", 1), "Values": values} for key, values in context.items()]
    given = {"Principal": principal, "Action": action, "Resource": resource, "Context": entries}
    answer: dict[str, Any] = town.it.call("daypass", "DecideAccess", given, keys or town.operator)
    return answer


def test_allowed_and_denied_name_what_decides(town: Town) -> None:
    town.user("alice", READ)
    arn = f"arn:aws:iam::{town.account}:user/alice"
    yes = can(town, arn, "s3:GetObject", OBJECT)
    assert (yes["Verdict"], yes["Layer"], yes["Policy"], yes["Statement"]) == ("allowed", "identity", "p", "1")
    assert (yes["Principal"], yes["Account"], yes["ResourceAccount"]) == (arn, town.account, town.account)
    no = can(town, "alice", "s3:PutObject", OBJECT)
    assert (no["Verdict"], no["Explicit"], no["Layer"]) == ("denied", False, "identity")
    assert (no["Principal"], no["Assumed"]) == (arn, [])


def test_a_boundary_and_an_explicit_deny_count(town: Town) -> None:
    town.user("alice", policy(allow("*"), {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*", "Sid": "NoWrites"}))
    no = can(town, "alice", "s3:PutObject", OBJECT)
    assert (no["Explicit"], no["Statement"]) == (True, "NoWrites")
    bound = town.iam("CreatePolicy", PolicyName="b", PolicyDocument=READ)["Policy"]["Arn"]
    town.iam("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=bound)
    no = can(town, "alice", "s3:ListBucket", "arn:aws:s3:::data")
    assert (no["Verdict"], no["Layer"]) == ("denied", "boundary")


def test_a_condition_of_the_request_is_named(town: Town) -> None:
    condition = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}}
    town.user("alice", policy(allow("s3:GetObject", Condition=condition)))
    maybe = can(town, "alice", "s3:GetObject", OBJECT)
    assert maybe["Verdict"] == "conditional"
    assert {one["Key"]: one["Values"] for one in maybe["Assumed"]} == {"aws:SourceIp": ["10.0.0.0"], "aws:MultiFactorAuthPresent": ["true"]}
    given: dict[str, Any] = {"aws_SourceIp": ["10.1.2.3"], "aws_MultiFactorAuthPresent": ["true"]}
    assert can(town, "alice", "s3:GetObject", OBJECT, **given)["Verdict"] == "allowed"
    # what is given is so: the answer is for that request alone
    assert can(town, "alice", "s3:GetObject", OBJECT, **(given | {"aws_SourceIp": ["11.1.2.3"]}))["Verdict"] == "denied"


def test_what_no_request_can_choose_is_no_condition(town: Town) -> None:
    town.user("alice", policy(allow("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})))
    assert can(town, "alice", "s3:GetObject", OBJECT)["Verdict"] == "denied"
    town.iam("TagUser", UserName="alice", Tags=[{"Key": "team", "Value": "blue"}])
    assert can(town, "alice", "s3:GetObject", OBJECT)["Verdict"] == "allowed"


def test_a_session_of_a_role_may_carry_tags(town: Town) -> None:
    town.role("worker", document=policy(allow("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})))
    maybe = can(town, "worker", "s3:GetObject", OBJECT)
    assert (maybe["Verdict"], maybe["Assumed"]) == ("conditional", [{"Key": "aws:PrincipalTag/team", "Values": ["blue"]}])


def test_assuming_a_role_asks_its_trust_policy(town: Town) -> None:
    alice = town.user("alice")
    mine = town.role("mine")
    partner = town.role("partner", trust({"AWS": "*"}, Condition={"StringEquals": {"sts:ExternalId": "acme-7"}}))
    closed = town.role("closed", trust({"Service": "ec2.amazonaws.com"}))
    assert can(town, "alice", "sts:AssumeRole", mine)["Verdict"] == "allowed"
    with_id = can(town, "alice", "sts:AssumeRole", partner)
    assert (with_id["Verdict"], with_id["Assumed"]) == ("conditional", [{"Key": "sts:ExternalId", "Values": ["acme-7"]}])
    refused = can(town, "alice", "sts:AssumeRole", closed)
    assert (refused["Verdict"], refused["Layer"]) == ("denied", "trust")
    # and so it is when it is tried
    town.assume(alice, mine)
    town.assume(alice, partner, ExternalId="acme-7")
    for arn in (partner, closed):
        with pytest.raises(Refused):
            town.assume(alice, arn)


def test_root_may_do_everything_but_assume_a_role(town: Town) -> None:
    mine = town.role("mine")
    assert can(town, town.account, "iam:CreateUser", "*")["Verdict"] == "allowed"
    no = can(town, f"arn:aws:iam::{town.account}:root", "sts:AssumeRole", mine)
    assert (no["Verdict"], no["Statement"]) == ("denied", "Roles may not be assumed by root accounts.")


def test_who_can_lists_them_all_page_by_page(town: Town) -> None:
    for name in ("alice", "bob", "carol"):
        town.user(name, READ if name != "bob" else "")
    town.role("reader", document=READ)
    town.role("writer", document=policy(allow("s3:PutObject")))
    given = {"Action": "s3:GetObject", "Resource": OBJECT, "MaxResults": 2}
    found: list[str] = []
    pages, token = 0, {}
    while True:
        page = town.it.call("daypass", "ListAllowedPrincipals", given | token, town.operator)
        found += [one["Principal"].rpartition(":")[2] for one in page["Principals"]]
        pages += 1
        if "NextToken" not in page:
            break
        assert page["Examined"] == 2 * pages
        token = {"NextToken": page["NextToken"]}
    assert page["Examined"] == page["Total"]
    assert sorted(found) == ["role/DaypassOperator", "role/reader", "root", "user/alice", "user/carol"]


def test_who_can_assume_a_role_by_a_token(town: Town) -> None:
    provider = town.provider()
    condition = {"StringEquals": {"idp.example.test:sub": "job-1"}}
    arn = town.role("ci", trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", Condition=condition))
    given = {"Action": "sts:AssumeRoleWithWebIdentity", "Resource": arn}
    [found] = town.it.call("daypass", "ListAllowedPrincipals", given, town.operator)["Principals"]
    assert (found["Principal"], found["Verdict"]) == (provider, "conditional")
    assert found["Assumed"] == [{"Key": "idp.example.test:sub", "Values": ["job-1"]}]
    town.web(arn, town.token())


@pytest.mark.parametrize(
    ("principal", "action", "resource", "says"),
    [
        ("arn:aws:iam::{here}:user/nobody", "s3:GetObject", OBJECT, "in account {here} (management); see: aws iam list-users"),
        ("arn:aws:iam::{here}:role/nobody", "s3:GetObject", OBJECT, "see: aws iam list-roles"),
        ("arn:aws:iam::999999999999:role/x", "s3:GetObject", OBJECT, "there is no account 999999999999 here"),
        ("999999999999", "s3:GetObject", OBJECT, "There is no account 999999999999 here; see: aws organizations list-accounts"),
        ("nobody", "s3:GetObject", OBJECT, "There is no user or role nobody in any account"),
        ("alice", "s3:Get*", OBJECT, "give one by its full name"),
        ("alice", "s3:GetObject", "data/x", "give an ARN"),
        ("alice", "sts:AssumeRole", "arn:aws:iam::{here}:role/gone", "There is no role arn:aws:iam::{here}:role/gone in account {here}"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named_with_where_to_look(town: Town, principal: str, action: str, resource: str, says: str) -> None:
    town.user("alice")
    here = {"here": town.account}
    with pytest.raises(Refused) as refused:
        can(town, principal.format(**here), action, resource.format(**here))
    assert says.format(**here) in refused.value.message


def test_a_name_that_two_bear_is_not_guessed(town: Town) -> None:
    town.user("twin")
    town.role("twin")
    with pytest.raises(Refused, match="Several are called twin; give the ARN"):
        can(town, "twin", "s3:GetObject", OBJECT)


def test_only_who_may_ask_is_told(town: Town) -> None:
    alice = town.user("alice", READ)
    with pytest.raises(Refused) as refused:
        can(town, "alice", "s3:GetObject", OBJECT, keys=alice)
    assert refused.value.code == "AccessDeniedException"


def test_a_closed_account_asks_and_gives_nothing(town: Town) -> None:
    made = town.it.call("organizations", "CreateAccount", {"Email": "p@example.test", "AccountName": "partner"}, town.operator)
    partner = made["CreateAccountStatus"]["AccountId"]
    entrance = f"arn:aws:iam::{partner}:role/OrganizationAccountAccessRole"
    town.user("alice")
    assert can(town, "alice", "sts:AssumeRole", entrance)["Verdict"] == "allowed"
    assert can(town, entrance, "s3:GetObject", OBJECT)["Verdict"] == "allowed"
    town.it.call("organizations", "CloseAccount", {"AccountId": partner}, town.operator)
    for no in (can(town, "alice", "sts:AssumeRole", entrance), can(town, entrance, "s3:GetObject", OBJECT)):
        assert (no["Verdict"], no["Statement"]) == ("denied", f"The account {partner} is closed.")
    page = town.it.call("daypass", "ListAllowedPrincipals", {"Action": "s3:GetObject", "Resource": OBJECT}, town.operator)
    assert partner not in {one["Account"] for one in page["Principals"]}
    assert town.it.call("daypass", "ListAssumableRoles", {"Principals": ["alice"]}, town.operator)["Steps"] == []


def test_service_control_policies_count(town: Town) -> None:
    made = town.it.call("organizations", "CreateAccount", {"Email": "p@example.test", "AccountName": "partner"}, town.operator)
    partner = made["CreateAccountStatus"]["AccountId"]
    entrance = f"arn:aws:iam::{partner}:role/OrganizationAccountAccessRole"
    assert can(town, entrance, "s3:GetObject", OBJECT)["Verdict"] == "allowed"
    root = town.it.call("organizations", "ListRoots", {}, town.operator)["Roots"][0]["Id"]
    town.it.call("organizations", "EnablePolicyType", {"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"}, town.operator)
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    content = policy({"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Sid": "NoS3", "Condition": insecure})
    given = {"Name": "no-s3", "Description": "d", "Content": content, "Type": "SERVICE_CONTROL_POLICY"}
    scp = town.it.call("organizations", "CreatePolicy", given, town.operator)["Policy"]["PolicySummary"]["Id"]
    town.it.call("organizations", "AttachPolicy", {"PolicyId": scp, "TargetId": partner}, town.operator)
    maybe = can(town, entrance, "s3:GetObject", OBJECT)
    assert maybe["Verdict"] == "conditional"
    assert maybe["Assumed"][0]["Key"] == "aws:SecureTransport"
    no = can(town, entrance, "s3:GetObject", OBJECT, aws_SecureTransport=["false"])
    assert (no["Verdict"], no["Layer"], no["Statement"]) == ("denied", "scp", "NoS3")
