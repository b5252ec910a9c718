"""ExplainRequest: what the operator is told of a request, by its id or by the encoded end of its refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rig.node import Refused
from unit.way.town import Town, allow, policy, trust


def refusal(town: Town, service: str, operation: str, keys: Any, **parameters: Any) -> tuple[str, str]:
    """The request's id and the encoded message."""
    with pytest.raises(Refused) as caught:
        town.it.call(service, operation, parameters, keys)
    return json.loads(caught.value.answer.line)["requestID"], caught.value.encoded


def explain(town: Town, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = town.it.call("daypass", "ExplainRequest", given, town.operator)
    return found


def test_the_statement_the_condition_and_both_values(town: Town) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/team": ["red", "green"]}}
    keys = town.user(
        "alice", policy(allow("iam:GetUser", Sid="Team", Condition=condition), allow("iam:GetUser", resource="arn:aws:iam::1:user/x"))
    )
    town.iam("CreateUser", UserName="bob", Tags=[{"Key": "team", "Value": "blue"}])
    request_id, encoded = refusal(town, "iam", "GetUser", keys, UserName="bob")
    found = explain(town, RequestId=request_id)
    assert found == explain(town, EncodedMessage=encoded)
    assert (found["Outcome"], found["Operation"], found["ErrorCode"]) == ("DENIED", "iam:GetUser", "AccessDenied")
    assert found["Caller"] == f"arn:aws:iam::{town.account}:user/alice" and found["ResourceAccount"] == town.account
    [decision] = found["Decisions"]
    assert (decision["Allowed"], decision["Layer"]) == (False, "identity")
    near, far = found["Statements"]
    assert (near["Policy"], near["Statement"], near["Effect"]) == ("p", "Team", "Allow")
    assert near["Failed"] == [
        {
            "Element": "Condition",
            "Operator": "StringEquals",
            "Key": "aws:ResourceTag/team",
            "Expected": ["red", "green"],
            "Actual": ["blue"],
        }
    ]
    assert far["Failed"][0]["Element"] == "Resource" and far["Failed"][0]["Actual"] == [f"arn:aws:iam::{town.account}:user/bob"]
    assert {"Key": "aws:resourcetag/team", "Values": ["blue"]} in found["Context"]


def test_an_absent_key_has_no_actual_value(town: Town) -> None:
    keys = town.user("alice", policy(allow("iam:ListUsers", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})))
    request_id, _ = refusal(town, "iam", "ListUsers", keys)
    [statement] = explain(town, RequestId=request_id)["Statements"]
    assert "Actual" not in statement["Failed"][0]


def test_a_token_that_no_trust_policy_means(town: Town) -> None:
    issuer = "idp.example.test"
    condition = {"StringEquals": {f"{issuer}:sub": "job-2"}}
    arn = town.role("ci", trust({"Federated": town.provider()}, "sts:AssumeRoleWithWebIdentity", Condition=condition))
    with pytest.raises(Refused) as caught:
        town.web(arn, town.token())
    assert caught.value.message == "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    found = explain(town, EncodedMessage=caught.value.encoded)
    [statement] = found["Statements"]
    assert statement["Layer"] == "trust"
    assert statement["Failed"][0]["Expected"] == ["job-2"] and statement["Failed"][0]["Actual"] == ["job-1"]


def test_what_is_done_and_what_fails_otherwise(town: Town) -> None:
    town.iam("CreateUser", UserName="bob")
    [line] = town.it.call("daypass", "ListEvents", {"MaxResults": 1}, town.operator)["Events"]
    found = explain(town, RequestId=json.loads(line)["requestID"])
    assert (found["Outcome"], found["Statements"], found["Decisions"][0]["Allowed"]) == ("DONE", [], True)
    request_id, encoded = refusal(town, "iam", "CreateUser", town.operator, UserName="bob")
    assert encoded == ""
    found = explain(town, RequestId=request_id)
    assert (found["Outcome"], found["ErrorCode"]) == ("FAILED", "EntityAlreadyExists")


def test_the_operator_alone_is_told(town: Town) -> None:
    request_id, encoded = refusal(town, "iam", "ListUsers", town.user("alice", policy(allow("sts:*"))))
    status = town.it.call("organizations", "CreateAccount", {"Email": "a@example.test", "AccountName": "a"}, town.operator)
    member = town.it.operator(status["CreateAccountStatus"]["AccountId"])
    for given in ({"RequestId": request_id}, {"EncodedMessage": encoded}):
        with pytest.raises(Refused) as caught:
            town.it.call("daypass", "ExplainRequest", given, member)
        assert caught.value.code == "AccessDeniedException"


@pytest.mark.parametrize("given", [{}, {"RequestId": "0" * 36, "EncodedMessage": "x"}, {"EncodedMessage": "x"}, {"RequestId": "x"}])
def test_what_names_no_request(town: Town, given: dict[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        explain(town, **given)
    assert caught.value.code == "ValidationException"


def test_a_request_that_another_only_speaks_of(town: Town) -> None:
    absent = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(Refused) as caught:
        explain(town, RequestId=absent)
    assert caught.value.code == "ResourceNotFoundException"
    with pytest.raises(Refused) as caught:  # the line of the request before holds the id that is looked for
        explain(town, RequestId=absent)
    assert caught.value.code == "ResourceNotFoundException"


def test_a_member_account_reads_no_reasons_of_others_in_its_own_lines(town: Town) -> None:
    status = town.it.call("organizations", "CreateAccount", {"Email": "a@example.test", "AccountName": "a"}, town.operator)
    account = status["CreateAccountStatus"]["AccountId"]
    member = town.it.operator(account)
    condition = {"StringEquals": {"sts:ExternalId": "acme-7731"}}
    arn = town.role("guarded", trust({"AWS": "*"}, Condition=condition), Tags=[{"Key": "secret", "Value": "plan"}])
    request_id, _ = refusal(town, "sts", "AssumeRole", member, RoleArn=arn, RoleSessionName="s1", ExternalId="guess")
    seen = {}
    for keys, given in ((member, {"Account": account}), (town.operator, {})):
        lines = town.it.call("daypass", "ListEvents", {**given, "Operation": "AssumeRole", "ErrorCode": "AccessDenied"}, keys)["Events"]
        [seen[given.get("Account", "")]] = [line for line in lines if json.loads(line)["requestID"] == request_id]
    assert "acme-7731" in seen[""] and "plan" in seen[""]
    assert "acme-7731" not in seen[account] and "plan" not in seen[account] and "guess" in seen[account]
    theirs, ours = json.loads(seen[account]), json.loads(seen[""])
    for body in (theirs, ours):
        del body["daypass"]["why"]
    assert theirs == ours  # nothing else is changed
