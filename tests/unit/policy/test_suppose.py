"""policy/suppose.py: allowed, allowed if, perhaps, or never. The random worlds are in tests/differential/test_policy_suppose.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.policy import Kind, Layers, Policy, Suppose, Supposition, could_allow, decide, read_policy
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Values

HERE = "111111111111"
ARN = f"arn:aws:iam::{HERE}:user/ann"
ANN = Caller("user", HERE, ARN, "AIDAANN", ARN, "AIDAANN")
ASK = Ask("s3:GetObject", "arn:aws:s3:::data/x", HERE)
KNOWN: dict[str, Values] = {"aws:username": "ann", "aws:securetransport": "false"}


def policy(*statements: dict[str, Any], kind: Kind = "identity", **bound: str) -> Policy:
    return read_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), kind, name="p", principals=bound)


def allow(**condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}


def deny(**condition: Any) -> dict[str, Any]:
    return allow(**condition) | {"Effect": "Deny"}


def ask(*statements: dict[str, Any], **layers: Any) -> Supposition:
    suppose = Suppose(lambda key: key != "aws:username")
    found = suppose.ask(ASK, ANN, KNOWN, Layers((policy(*statements),), **layers))
    assert found == suppose.ask(ASK, ANN, KNOWN, Layers((policy(*statements),), **layers))
    return found


IP = {"aws:SourceIp": "10.0.0.0/8"}
CONDITIONAL = {
    "a value": ([allow(StringEquals={"x:y": "a"})], {"x:y": "a"}),
    "a pattern": ([allow(StringLike={"x:y": "job-*"})], {"x:y": "job-x"}),
    "an address": ([allow(IpAddress=IP)], {"aws:sourceip": "10.0.0.0"}),
    "a number": ([allow(NumericLessThan={"x:n": "10"})], {"x:n": "9"}),
    "a date": ([allow(DateGreaterThan={"x:t": "2026-01-01T00:00:00Z"})], {"x:t": "2026-01-01T00:00:01Z"}),
    "another boolean than now": ([allow(Bool={"aws:SecureTransport": "true"})], {"aws:securetransport": "true"}),
    "presence": ([allow(Null={"x:y": "false"})], {"x:y": "something-else"}),
    "one of a set": ([allow(**{"ForAnyValue:StringEquals": {"x:y": "a"}})], {"x:y": ("a",)}),
    "a variable in a value": ([allow(StringEquals={"x:y": "${aws:username}-1"})], {"x:y": "ann-1"}),
    "two keys": ([allow(StringEquals={"x:y": "a", "x:z": "b"})], {"x:y": "a", "x:z": "b"}),
    "a deny kept away": ([allow(), deny(Bool={"aws:SecureTransport": "false"})], {"aws:securetransport": "true"}),
    "a deny of whoever lacks it": ([allow(), deny(Null={"x:mfa": "true"})], {"x:mfa": "something-else"}),
    "a deny unless it is so": ([allow(), deny(StringNotEquals={"x:y": "a"})], {"x:y": "a"}),
    "an allow and a deny": ([allow(IpAddress=IP), deny(StringNotEquals={"x:y": "a"})], {"aws:sourceip": "10.0.0.0", "x:y": "a"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CONDITIONAL)
def test_an_if_names_what_is_needed_and_no_more(case: str) -> None:
    statements, assumed = CONDITIONAL[case]
    found = ask(*statements)
    assert (found.verdict, found.assumed) == ("conditional", assumed)
    assert found.decision.allowed


def test_an_allow_of_another_layer_may_need_a_key_too() -> None:
    found = ask(allow(IpAddress=IP), boundary=policy(allow(StringEquals={"x:y": "a"}), kind="boundary"))
    assert (found.verdict, found.assumed) == ("conditional", {"aws:sourceip": "10.0.0.0", "x:y": "a"})
    levels = ((policy(allow(), deny(StringNotEquals={"x:r": "eu"}), kind="scp"),),)
    assert ask(allow(IpAddress=IP), scps=levels).assumed == {"aws:sourceip": "10.0.0.0", "x:r": "eu"}


@pytest.mark.parametrize(
    "statements",
    [
        [allow(StringEquals={"aws:username": "bob"})],
        [allow(StringEquals={"aws:username": "bob"}, IpAddress=IP)],
        [allow(IpAddress=IP), deny()],
        [allow(IpAddress=IP), deny(StringEquals={"aws:username": "ann"})],
        [allow(IpAddress=IP) | {"Action": "iam:*"}],
        [allow(IpAddress=IP) | {"Resource": "arn:aws:s3:::other/*"}],
    ],
)
def test_what_no_request_can_mend_is_denied(statements: list[dict[str, Any]]) -> None:
    found = ask(*statements)
    assert (found.verdict, found.assumed, found.decision.allowed) == ("denied", {}, False)


def test_what_is_so_is_allowed_without_more() -> None:
    assert ask(allow(StringEquals={"aws:username": "ann"})) == Supposition("allowed", decide(ASK, ANN, KNOWN, Layers((policy(allow()),))))


@pytest.mark.parametrize(
    "statements",
    [
        [allow(StringLike={"x:y": "a*"}, StringNotEquals={"x:y": "ax"})],
        [allow() | {"Resource": "arn:aws:s3:::data/${x:folder}"}],
    ],
)
def test_what_may_be_and_is_not_found_is_unknown(statements: list[dict[str, Any]]) -> None:
    assert ask(*statements).verdict == "unknown"


def test_a_principal_bound_to_its_id_stays_bound() -> None:
    condition = {"StringEquals": {"sts:ExternalId": "e1"}}
    trust = {"Effect": "Allow", "Principal": {"AWS": ARN}, "Action": "sts:AssumeRole", "Condition": condition}
    suppose = Suppose(lambda key: True)
    for unique_id, verdict in (("AIDAANN", "conditional"), ("AIDAGONE", "denied")):
        own = policy(trust, kind="trust", **{ARN: unique_id})
        wanted = Ask("sts:AssumeRole", f"arn:aws:iam::{HERE}:role/r", HERE, combine="must", policy=own)
        assert suppose.ask(wanted, ANN, {}, Layers()).verdict == verdict


def test_keys_are_spelled_as_policies_spell_them() -> None:
    suppose = Suppose(lambda key: True)
    suppose.ask(ASK, ANN, {}, Layers((policy(allow(IpAddress=IP)),)))
    assert suppose.spelled["aws:sourceip"] == "aws:SourceIp"


def test_what_could_allow_is_never_too_little() -> None:
    own = policy(allow(IpAddress=IP) | {"Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::${aws:username}/*"]}, deny())
    could = could_allow(Layers((own,)), "s3:GetObject")
    assert could("arn:aws:s3:::a/x")
    assert could("arn:aws:s3:::ann/x")
    assert could_allow(Layers((policy(allow()),)), "iam:GetUser")("*") is False
    assert could_allow(Layers((policy({"Effect": "Allow", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::a"}),)), "iam:GetUser")("*")
