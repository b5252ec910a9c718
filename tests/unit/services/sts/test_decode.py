"""The encoded end of a refusal: who reads it, what it says, and that nobody learns anything from it otherwise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.passes import MESSAGE
from rig.node import Keys, Refused
from unit.way.town import Town, allow, policy, trust


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A town for each test: they name the same people."""
    made = Town(tmp_path)
    yield made
    made.it.close()


def denied(town: Town, service: str, operation: str, keys: Keys | None, **parameters: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        town.it.call(service, operation, parameters, keys)
    assert caught.value.code in ("AccessDenied", "AccessDeniedException")
    assert len(caught.value.encoded) == MESSAGE
    return caught.value


def decode(town: Town, message: str, keys: Keys | None = None) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(
        town.sts("DecodeAuthorizationMessage", keys or town.operator, EncodedMessage=message)["DecodedMessage"]
    )
    return decoded


def partner(town: Town, name: str = "partner") -> tuple[str, Keys]:
    """Another account, and an administrator of it."""
    parameters = {"Email": f"{name}@example.test", "AccountName": name}
    status = town.it.call("organizations", "CreateAccount", parameters, town.operator)["CreateAccountStatus"]
    return status["AccountId"], town.it.operator(status["AccountId"])


def failures(decoded: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = decoded["failures"]["items"]
    return items


def test_the_missing_tag_is_named_with_both_values(town: Town) -> None:
    statement = allow("iam:GetUser", Sid="Team", Condition={"StringEquals": {"iam:ResourceTag/Team": "red"}})
    keys = town.user("alice", policy(statement))
    for tags, actual in (([], None), ([{"Key": "team", "Value": "blue"}], {"items": [{"value": "blue"}]})):
        name = f"target{len(tags)}"
        town.iam("CreateUser", UserName=name, Tags=tags)
        said = decode(town, denied(town, "iam", "GetUser", keys, UserName=name).encoded)
        assert (said["allowed"], said["explicitDeny"], said["decidedBy"]) == (False, False, "identity")
        [failure] = failures(said)
        assert (failure["layer"], failure["policy"], failure["statementId"], failure["effect"]) == ("identity", "p", "Team", "ALLOW")
        expected = {"items": [{"value": "red"}]}
        condition = {
            "element": "Condition",
            "operator": "StringEquals",
            "key": "iam:ResourceTag/Team",
            "expected": expected,
            "actual": actual,
        }
        assert failure["failed"] == {"items": [condition]}
        assert said["matchedStatements"] == {"items": []}


def test_the_members_are_those_of_aws(town: Town) -> None:
    deny = {"Sid": "NoLists", "Effect": "Deny", "Action": "iam:List*", "Resource": "*"}
    keys = town.user("alice", policy(allow("*"), deny))
    said = decode(town, denied(town, "iam", "ListUsers", keys, PathPrefix="/x/").encoded)
    assert said["explicitDeny"] is True
    [matched, other] = said["matchedStatements"]["items"]
    assert matched["statementId"] == "NoLists" and matched["effect"] == "DENY" and matched["policy"] == "p"
    assert matched["actions"] == {"items": [{"value": "iam:List*"}]} and matched["resources"] == {"items": [{"value": "*"}]}
    assert other["effect"] == "ALLOW"
    arn = f"arn:aws:iam::{town.account}:user/alice"
    assert said["context"]["principal"] == {"id": town.iam("GetUser", UserName="alice")["User"]["UserId"], "name": "alice", "arn": arn}
    assert said["context"]["action"] == "iam:ListUsers"
    assert said["failures"] == {"items": []}


def test_every_service_says_it(town: Town) -> None:
    keys = town.user("nobody", "")
    for service, operation in (
        ("iam", "ListUsers"),
        ("organizations", "ListRoots"),
        ("daypass", "DescribeServer"),
        ("sts", "GetAccessKeyInfo"),
    ):
        parameters = {"AccessKeyId": keys.id} if service == "sts" else {}
        said = decode(town, denied(town, service, operation, keys, **parameters).encoded)
        assert said["context"]["action"] == f"{service}:{operation}"
        assert said["decidedBy"] == "identity" and failures(said) == []


def test_a_session_that_is_denied_explicitly(town: Town) -> None:
    keys = town.user("alice", policy(allow("*"), {"Effect": "Deny", "Action": "sts:GetSessionToken", "Resource": "*"}))
    assert decode(town, denied(town, "sts", "GetSessionToken", keys).encoded)["explicitDeny"] is True


def test_each_account_reads_the_part_of_its_own_policies(town: Town) -> None:
    _, theirs = partner(town)
    external = {"StringEquals": {"sts:ExternalId": "acme-7731"}}
    arn = town.role("guarded", trust({"AWS": "*"}, Condition=external), Tags=[{"Key": "secret", "Value": "plan"}])
    message = denied(town, "sts", "AssumeRole", theirs, RoleArn=arn, RoleSessionName="s1", ExternalId="guess").encoded

    owner = decode(town, message)
    [failure] = failures(owner)
    assert (owner["decidedBy"], failure["layer"]) == ("trust", "trust")
    assert failure["failed"]["items"][0]["expected"] == {"items": [{"value": "acme-7731"}]}
    assert failure["failed"]["items"][0]["actual"] == {"items": [{"value": "guess"}]}

    caller = decode(town, message, theirs)
    assert (caller["decidedBy"], failures(caller)) == ("none", [])
    assert "acme" not in json.dumps(caller) and "plan" not in json.dumps(caller)
    assert {"key": "sts:externalid", "values": {"items": [{"value": "guess"}]}} in caller["context"]["conditions"]["items"]


def test_a_third_account_and_a_forger_are_told_the_same(town: Town) -> None:
    _, theirs = partner(town)
    keys = town.user("alice", "")
    message = denied(town, "iam", "ListUsers", keys).encoded
    assert decode(town, message)["decidedBy"] == "identity"
    told = set()
    for text in (message, message[:-4] + "AAAA", "x", "A" * MESSAGE, "A" * 10240):
        with pytest.raises(Refused) as caught:
            decode(town, text, theirs)
        told.add((caught.value.code, caught.value.message, caught.value.status))
    assert told == {("InvalidAuthorizationMessageException", "Message is not valid", 400)}


def test_without_the_permission_nothing_is_learned(town: Town) -> None:
    keys = town.user("alice", policy(allow("iam:GetUser", Condition={"StringEquals": {"aws:PrincipalTag/clearance": "top"}})))
    refusal = denied(town, "iam", "GetUser", keys, UserName="alice")
    assert refusal.message.endswith("because no identity-based policy allows the iam:GetUser action")
    assert b"clearance" not in refusal.answer.response.body and b"top" not in refusal.answer.response.body
    denied(town, "sts", "DecodeAuthorizationMessage", keys, EncodedMessage=refusal.encoded)


def test_what_exists_and_what_does_not_look_alike(town: Town) -> None:
    keys = town.user("alice", policy(allow("iam:ListUsers")))
    there = town.role("there", trust({"AWS": "*"}, Condition={"StringEquals": {"sts:ExternalId": "x" * 200}}))
    bodies, policies = set(), []
    for arn in (there, there[:-5] + "other"):
        refusal = denied(town, "sts", "AssumeRole", keys, RoleArn=arn, RoleSessionName="s1")
        bodies.add((refusal.message.replace(arn, "ARN"), len(refusal.encoded), refusal.status))
        policies.append(failures(decode(town, refusal.encoded))[0]["policy"])
    assert len(bodies) == 1
    assert policies[0] == "trust policy" and "no such role" in policies[1]  # which is the role's own account's to know


def test_long_reasons_are_cut_and_counted(town: Town) -> None:
    statements = [
        allow(
            "iam:GetUser",
            Sid=f"S{n}",
            Condition={"StringEquals": {f"aws:PrincipalTag/{'k' * 60}{n}": [f"{'v' * 60}{n}{m}" for m in range(9)]}},
        )
        for n in range(2)
    ]
    keys = town.user("alice", policy(*statements))
    name = "n" * 64
    refusal = denied(town, "iam", "GetUser", keys, UserName=name)
    said = decode(town, refusal.encoded)
    assert [failure["statementId"] for failure in failures(said)] == ["S0", "S1"]
    assert failures(said)[0]["failed"]["items"][0]["expected"]["items"][-1] == {"value": "…"}
    why = json.loads(refusal.answer.line)["daypass"]["why"]
    assert len(json.dumps(why)) < 8192


def test_the_ledger_line_tells_the_reasons_and_not_the_sealed_text(town: Town) -> None:
    keys = town.user("alice", policy(allow("iam:GetUser", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})))
    refusal = denied(town, "iam", "GetUser", keys, UserName="alice")
    line = json.loads(refusal.answer.line)
    assert line["errorMessage"] == refusal.message
    [statement] = line["daypass"]["why"]["statements"]
    assert statement["failed"] == [{"element": "Condition", "operator": "Bool", "key": "aws:MultiFactorAuthPresent", "expected": ["true"]}]
    assert refusal.encoded not in refusal.answer.line.decode()


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{'9' * 1500}:role/x",
        f"arn:aws:iam::{bytes(range(32, 126)).decode().replace(':', '') * 15}:role/x",
        f"arn:aws:iam::123456789012:role/{''.join(chr(0x4E00 + n * n * 131 % 20000) for n in range(1800))}",
    ],
    ids=["digits", "ascii", "unicode"],
)
def test_whatever_is_asked_for_the_message_fits(town: Town, arn: str) -> None:
    keys = town.user("alice", policy(*(allow("sts:AssumeRole", resource=f"arn:aws:iam::{n:0>12}:role/{'x' * 100}") for n in range(6))))
    tags = [{"Key": f"{n}{'k' * 100}", "Value": hashlib.sha512(bytes([n])).hexdigest() * 2} for n in range(50)]
    message = denied(town, "sts", "AssumeRole", keys, RoleArn=arn, RoleSessionName="s1", ExternalId="x" * 1000, Tags=tags).encoded
    said = decode(town, message)
    assert said["context"]["action"] == "sts:AssumeRole"
    assert said["context"]["resource"].startswith(arn[:60])
