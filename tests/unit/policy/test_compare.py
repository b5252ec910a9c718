"""policy/compare.py: broader with a request that decide confirms, not broader as a proof, unknown where neither can be shown."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from daypass.policy import Kind, Policy, read_policy
from daypass.policy.compare import Request, allowed, compare, tells_apart


def policy(*statements: dict[str, Any], kind: Kind = "identity", version: str = "2012-10-17", **bound: str) -> Policy:
    return read_policy(json.dumps({"Version": version, "Statement": list(statements)}), kind, name="p", principals=bound)


def allow(action: Any = "s3:GetObject", resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | ({"Condition": condition} if condition else {})


def deny(action: Any = "s3:GetObject", resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return allow(action, resource, **condition) | {"Effect": "Deny"}


def trust(principal: Any, action: str = "sts:AssumeRole", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action} | ({"Condition": condition} if condition else {})


def both_ways(one: Policy, other: Policy) -> tuple[bool | None, bool | None]:
    found = compare(one, other), compare(other, one)
    for (new, old), comparison in zip(((one, other), (other, one)), found, strict=True):
        if comparison.broader:
            assert comparison.request is not None
            assert tells_apart(new, old, comparison.request)
    return found[0].broader, found[1].broader


IP, NOW = "aws:SourceIp", "aws:CurrentTime"
BROADER = {  # the first is broader than the second, and not the other way round
    "an action more": ([allow(["s3:GetObject", "s3:PutObject"])], [allow("s3:GetObject")]),
    "a wildcard": ([allow("s3:Get*")], [allow("s3:GetObject")]),
    "everything but one": ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], [allow("s3:*")]),
    "a resource more": ([allow(resource="arn:aws:s3:::a/*")], [allow(resource="arn:aws:s3:::a/b*")]),
    "one letter": ([allow(resource="arn:aws:s3:::a/?")], [allow(resource="arn:aws:s3:::a/x")]),
    "every resource but one": (
        [{"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::a"}],
        [{"Effect": "Allow", "Action": "s3:*", "NotResource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]}],
    ),
    "a deny less": ([allow("*")], [allow("*"), deny("iam:*")]),
    "a deny that holds less often": (
        [allow("*"), deny("*", Bool={"aws:SecureTransport": "false"})],
        [allow("*"), deny("*", BoolIfExists={"aws:SecureTransport": "false"})],
    ),
    "no condition": ([allow()], [allow(StringEquals={"aws:RequestedRegion": "eu-west-1"})]),
    "a variable's place": ([allow(resource="arn:aws:s3:::home/*")], [allow(resource="arn:aws:s3:::home/${aws:username}/*")]),
    "a network": ([allow(IpAddress={IP: "10.0.0.0/8"})], [allow(IpAddress={IP: "10.0.0.0/9"})]),
    "all but a network": ([allow(NotIpAddress={IP: "10.0.0.0/9"})], [allow(NotIpAddress={IP: "10.0.0.0/8"})]),
    "a number": ([allow(NumericLessThanEquals={"s3:max-keys": "10"})], [allow(NumericLessThan={"s3:max-keys": "10"})]),
    "a fine number": ([allow(NumericLessThan={"s3:max-keys": "1.00002"})], [allow(NumericLessThan={"s3:max-keys": "1.00001"})]),
    "a time": ([allow(DateLessThan={NOW: "2027-01-01T00:00:00Z"})], [allow(DateLessThan={NOW: "2026-01-01T00:00:00Z"})]),
    "any case": ([allow(StringEqualsIgnoreCase={"aws:username": "Ann"})], [allow(StringEquals={"aws:username": "ann"})]),
    "a part of an ARN": (
        [allow(ArnLike={"aws:SourceArn": "arn:aws:sns:*:111111111111:*"})],
        [allow(ArnLike={"aws:SourceArn": "arn:aws:sns:eu-west-1:111111111111:*"})],
    ),
    "a pattern that crosses colons": (
        [allow(StringLike={"aws:SourceArn": "arn:*:topic"})],
        [allow(ArnLike={"aws:SourceArn": "arn:aws:sns:*:*:topic"})],
    ),
    "all of a set": (
        [allow(**{"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}})],
        [allow(**{"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}})],
    ),
    "all of a set, and none": (
        [allow(**{"ForAllValues:StringEquals": {"aws:TagKeys": "a"}})],
        [allow(**{"ForAllValues:StringEquals": {"aws:TagKeys": "a"}, "Null": {"aws:TagKeys": "false"}})],
    ),
    "if it exists": ([allow(StringEqualsIfExists={"aws:username": "a"})], [allow(StringEquals={"aws:username": "a"})]),
    "presence alone": ([allow(Null={"aws:username": "false"})], [allow(StringLike={"aws:username": "a*"})]),
    "beyond ASCII": ([allow(StringEquals={"aws:username": ["é", "\\u{41}"]})], [allow(StringEquals={"aws:username": "\\u{41}"})]),
}  # fmt: skip


@pytest.mark.parametrize("case", BROADER)
def test_broader_and_not_the_other_way_round(case: str) -> None:
    broad, narrow = BROADER[case]
    assert both_ways(policy(*broad), policy(*narrow)) == (True, False)


EQUAL = {
    "two halves": ([allow(IpAddress={IP: "10.0.0.0/8"})], [allow(IpAddress={IP: ["10.0.0.0/9", "10.128.0.0/9"]})]),
    "a wildcard and what it covers": ([allow("s3:*")], [allow(["s3:*", "s3:GetObject"])]),
    "actions in any case": ([allow("S3:getobject")], [allow("s3:GetObject")]),
    "an allow that is denied": ([allow("s3:*"), allow("iam:*"), deny("iam:*")], [allow("s3:*"), deny("iam:*")]),
    "a time with its offset": ([allow(DateEquals={NOW: "2026-01-01T02:00:00+02:00"})], [allow(DateEquals={NOW: "1767225600"})]),
    "both booleans and absence": (
        [allow()],
        [allow(Bool={"aws:SecureTransport": "true"}), allow(StringNotEqualsIgnoreCase={"aws:SecureTransport": "true"})],
    ),
    "the version's default": ([allow(resource="arn:aws:s3:::a/*")], [allow(resource=["arn:aws:s3:::a/*", "arn:aws:s3:::a/b"])]),
}  # fmt: skip


@pytest.mark.parametrize("case", EQUAL)
def test_equal(case: str) -> None:
    one, other = EQUAL[case]
    assert both_ways(policy(*one), policy(*other)) == (False, False)


def test_a_variable_of_an_old_version_is_text() -> None:
    statement = allow(resource="arn:aws:s3:::home/${aws:username}/*")
    assert both_ways(policy(statement), policy(statement, version="2008-10-17")) == (True, True)


def test_what_has_no_formula_is_unknown_and_never_a_wrong_no() -> None:
    odd = policy(allow(ArnLike={"aws:SourceArn": "arn:aws:sns:*:*:${aws:username}"}))
    every = policy(allow(ArnLike={"aws:SourceArn": "arn:aws:sns:*:*:*"}))
    found = compare(odd, every)
    assert (found.broader, found.request) == (None, None)
    assert found.unclear == ("aws:sourcearn 0: arn:aws:sns:*:*:${aws:username}",)
    # where it does not matter, the answer is sure
    assert compare(odd, policy(allow())).broader is False
    assert compare(policy(allow("*")), odd).broader is True


def test_a_key_read_in_two_ways_is_not_half_read() -> None:
    mixed = policy(allow(NumericLessThan={"aws:EpochTime": "10"}, StringLike={"aws:EpochTime": "2*"}))
    assert compare(mixed, policy(allow(StringLike={"aws:EpochTime": "2*"}))).broader is False
    assert compare(policy(allow(StringLike={"aws:EpochTime": "2*"})), mixed).broader is not False


ROLE, ROOT = "arn:aws:iam::111111111111:role/a", "111111111111"
TRUSTS = {
    "an account and one of its roles": ({"AWS": ROOT}, {"AWS": ROLE}, (True, True)),  # who is named needs no permission of its own
    "everyone and an account": ({"AWS": "*"}, {"AWS": ROOT}, (True, False)),
    "an account more": ({"AWS": [ROOT, "222222222222"]}, {"AWS": ROOT}, (True, False)),
    "the two ways to write an account": ({"AWS": ROOT}, {"AWS": f"arn:aws:iam::{ROOT}:root"}, (False, False)),
    "a role and one session of it": ({"AWS": ROLE}, {"AWS": f"arn:aws:sts::{ROOT}:assumed-role/a/s"}, (True, False)),
    "a service more": ({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}, {"Service": "ec2.amazonaws.com"}, (True, False)),
}  # fmt: skip


@pytest.mark.parametrize("case", TRUSTS)
def test_trust_policies_by_whom_they_name(case: str) -> None:
    one, other, expected = TRUSTS[case]
    assert both_ways(policy(trust(one), kind="trust"), policy(trust(other), kind="trust")) == expected


def test_a_claim_of_a_token() -> None:
    provider = {"Federated": f"arn:aws:iam::{ROOT}:oidc-provider/idp.example"}
    wide, narrow = (
        policy(trust(provider, "sts:AssumeRoleWithWebIdentity", StringLike={"idp.example:sub": sub}), kind="trust")
        for sub in ("repo:acme*", "repo:acme/*")
    )
    assert both_ways(wide, narrow) == (True, False)
    request = compare(wide, narrow).request
    assert request is not None
    assert request.caller.kind == "web-identity"
    assert str(request.context["idp.example:sub"]).startswith("repo:acme")


def test_everyone_of_an_organization_and_of_an_account() -> None:
    org = policy(trust({"AWS": "*"}, StringEquals={"aws:PrincipalOrgID": "o-1234567890"}), kind="trust")
    one = policy(trust({"AWS": "*"}, StringEquals={"aws:PrincipalAccount": "333333333333"}), kind="trust")
    assert both_ways(org, one) == (True, True)
    found = compare(one, org).request
    assert found is not None
    assert (found.caller.account, found.context["aws:principalaccount"]) == ("333333333333", "333333333333")


def test_everyone_narrowed_to_one_account_is_not_broader_than_that_account_but_for_naming_it_closely() -> None:
    by_arn = policy(trust({"AWS": "*"}, ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{ROOT}:role/*"}), kind="trust")
    found = compare(by_arn, policy(trust({"AWS": ROOT}), kind="trust"))
    assert found.broader
    assert found.request is not None
    assert found.request.alone


@pytest.mark.parametrize("kind", ["boundary", "session", "scp"])
def test_policies_that_limit(kind: Kind) -> None:
    assert both_ways(policy(allow("s3:*"), kind=kind), policy(allow("s3:Get*"), kind=kind)) == (True, False)


def test_resource_control_policies() -> None:
    def rcp(**condition: Any) -> Policy:
        return policy(deny("s3:*", **condition) | {"Principal": "*"}, allow("*") | {"Principal": "*"}, kind="rcp")

    assert both_ways(rcp(StringEquals={"aws:PrincipalOrgID": "o-1"}), rcp()) == (True, False)


def test_a_deny_of_all_but_some() -> None:
    everyone = allow("s3:*") | {"Principal": "*"}
    sparing = deny("s3:*") | {"NotPrincipal": {"AWS": [ROOT, f"arn:aws:iam::{ROOT}:user/ann"]}}
    hard = deny("s3:*") | {"Principal": "*"}
    assert both_ways(policy(everyone, sparing, kind="resource"), policy(everyone, hard, kind="resource")) == (True, False)
    found = compare(policy(everyone, sparing, kind="resource"), policy(everyone, hard, kind="resource")).request
    assert found is not None
    assert found.caller.arn in (f"arn:aws:iam::{ROOT}:user/ann", f"arn:aws:iam::{ROOT}:root")


def test_an_allow_of_all_but_some() -> None:
    ann = f"arn:aws:iam::{ROOT}:user/ann"
    all_but_ann = policy(allow("s3:*") | {"NotPrincipal": {"AWS": ann}}, kind="resource")
    everyone = policy(allow("s3:*") | {"Principal": "*"}, kind="resource")
    only_ann = policy(allow("s3:*") | {"Principal": {"AWS": ann}}, kind="resource")
    assert both_ways(all_but_ann, everyone) == (False, True)
    assert both_ways(all_but_ann, only_ann) == (True, True)
    assert both_ways(all_but_ann, policy(allow("s3:*") | {"NotPrincipal": {"AWS": [ann, ROOT]}}, kind="resource")) == (True, False)
    nobody_signed = policy(allow("s3:*", Null={"aws:PrincipalArn": "false"}) | {"NotPrincipal": {"AWS": ann}}, kind="resource")
    found = compare(all_but_ann, nobody_signed).request
    assert found is not None and found.caller.kind == "anonymous"


def test_a_deny_of_all_but_some_spares_nobody_who_is_bounded() -> None:
    everyone, arn = allow("s3:*") | {"Principal": "*"}, f"arn:aws:iam::{ROOT}:user/ann"
    spares_the_unbounded = deny("s3:*") | {"NotPrincipal": {"AWS": [ROOT, arn]}}
    spares_both = deny("s3:*", ArnNotEquals={"aws:PrincipalArn": arn}) | {"Principal": "*"}
    found = compare(policy(everyone, spares_both, kind="resource"), policy(everyone, spares_the_unbounded, kind="resource"))
    assert found.request is not None
    assert (found.request.bounded, found.request.caller.arn) == (True, arn)


def test_a_canonical_user_is_somebody_we_do_not_know() -> None:
    everyone = allow("s3:*") | {"Principal": {"CanonicalUser": "a" * 64}}
    found = compare(policy(everyone, kind="resource"), policy(everyone, kind="resource"))
    assert (found.broader, found.unclear) == (None, ("the canonical user aaaaaaaaaaaa…",))


def test_allowed_puts_each_kind_where_it_belongs() -> None:
    caller = compare(policy(allow("s3:*")), policy(allow("s3:Get*"))).request
    assert caller is not None
    request = Request(caller.caller, "s3:GetObject", "arn:aws:s3:::a/b", {})
    for kind in ("identity", "boundary", "session", "scp"):
        assert allowed(policy(allow(), kind=kind), request), kind
        assert not allowed(policy(allow("s3:PutObject"), kind=kind), request), kind


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    one = policy(trust({"AWS": ROOT}), kind="trust")
    assert compare(one, one, progress=lambda done, total: told.append((done, total))).broader is False
    assert [done for done, _ in told] == list(range(told[0][1]))


def test_the_solver_is_loaded_only_to_compare() -> None:
    script = "import daypass.policy, daypass.policy.compare, sys; sys.exit('z3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == 0
