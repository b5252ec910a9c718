"""Attacks on conditions, denies and limits: tags, addresses, MFA, durations, wildcards. Each has a benign twin that succeeds."""

from __future__ import annotations

import secrets
import time

import pytest

from attacks.conftest import Target, accepted, allow, keys_of, policy, refused, trust
from rig.http import Bend, form, sign
from rig.node import Keys, Refused, TestNode

# -- conditions


@pytest.mark.parametrize(
    ("asked", "own", "allowed"),
    [("red", "red", True), ("red", "blue", False), ("blue", "red", False), ("red", None, False), (None, "red", False), (None, None, False),
     ("Red", "red", False)],
)  # fmt: skip
def test_H09_a_request_tag_equals_the_resource_s_only_when_the_values_do(
    target: Target, asked: str | None, own: str | None, allowed: bool
) -> None:
    name = f"h09-{(asked or '').encode().hex()}-{(own or '').encode().hex()}"
    condition = {"StringEquals": {"aws:RequestTag/team": "${aws:ResourceTag/team}"}}
    document = trust({"AWS": target.account}, action=["sts:AssumeRole", "sts:TagSession"], condition=condition)
    tags = {"Tags.member.1.Key": "team", "Tags.member.1.Value": own} if own else {}
    role = target.plain_role(name, document, **tags)
    given = {"Tags.member.1.Key": "team", "Tags.member.1.Value": asked} if asked else {}
    reply = target.assume(role, target.alice, **given)
    accepted(reply) if allowed else refused(reply, "AccessDenied", status=403)


# Operator → whether it holds for tag keys {a, b} (of the list), {a, x} (partly), {x} (none) and for no tags at all
SETS = {
    "ForAllValues:StringEquals": (True, False, False, True),
    "ForAllValues:StringNotEquals": (False, False, True, True),
    "ForAnyValue:StringEquals": (True, True, False, False),
    "ForAnyValue:StringNotEquals": (False, True, True, False),
    "StringEquals": (False, False, False, False),  # several values without a set operator match nothing
    "StringNotEquals": (True, True, True, True),
}


@pytest.mark.parametrize("operator", SETS)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_H10_set_operators_on_partly_overlapping_empty_and_missing_sets(target: Target, operator: str, effect: str) -> None:
    name = f"h10-{operator.replace(':', '-')}-{effect}"
    condition = {operator: {"aws:TagKeys": ["a", "b"]}}
    grant = {"Effect": "Allow", "Principal": {"AWS": target.account}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    deny = grant | {"Effect": "Deny", "Condition": condition}
    role = target.plain_role(name, policy(grant, deny) if effect == "Deny" else policy(grant | {"Condition": condition}))
    for keys, holds in zip((("a", "b"), ("a", "x"), ("x",), ()), SETS[operator], strict=True):
        tags = {f"Tags.member.{at}.{half}": key for at, key in enumerate(keys, 1) for half in ("Key", "Value")}
        reply = target.assume(role, target.alice, **tags)
        accepted(reply) if holds == (effect == "Allow") else refused(reply, "AccessDenied", status=403)


def test_H12_a_deny_wins_over_any_allow(target: Target) -> None:
    account = target.account
    for number, deny in enumerate(
        (
            {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"},
            {"Effect": "Deny", "NotAction": "iam:ListRoles", "Resource": "*"},
            {"Effect": "Deny", "Action": "iam:list*", "NotResource": f"arn:aws:iam::{account}:user/nobody"},
            {"Effect": "Deny", "Action": "IAM:LISTUSERS", "Resource": "*", "Condition": {"Null": {"aws:SourceIdentity": "true"}}},
            {"Effect": "Deny", "Action": "iam:L?*Us*s", "Resource": "*"},
        )
    ):
        keys = target.user(f"h12-{number}", allow("*", "iam:ListUsers"), deny)
        refused(target.iam("ListUsers", keys), "AccessDenied", status=403)
        if number in (0, 1, 4):
            accepted(target.iam("ListRoles", keys))


def test_H12_not_principal_denies_all_but_those_it_names(target: Target) -> None:
    keys = target.user("h12in", allow("sts:AssumeRole"))
    out = target.user("h12out", allow("sts:AssumeRole"))
    named = f"arn:aws:iam::{target.account}:user/h12in"
    deny = {"Effect": "Deny", "NotPrincipal": {"AWS": [named, target.account]}, "Action": "sts:AssumeRole"}
    grant = {"Effect": "Allow", "Principal": {"AWS": target.account}, "Action": "sts:AssumeRole"}
    made = target.iam("CreateRole", RoleName="h12", AssumeRolePolicyDocument=policy(grant, deny))
    if made.status != 200:  # to refuse to store what is hard to judge is the other safe answer
        refused(made, "MalformedPolicyDocument", status=400)
        return
    role = f"arn:aws:iam::{target.account}:role/h12"
    accepted(target.assume(role, keys))
    refused(target.assume(role, out), "AccessDenied", status=403)


FORWARDED = [
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "X-Client-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
    "X-Amz-Source-Ip",
    "X-Forwarded",
]


def test_H15_no_header_says_where_a_request_comes_from(target: Target) -> None:
    elsewhere = target.user("h15out", allow("iam:ListUsers", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    here = target.user("h15in", allow("iam:ListUsers", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}))
    kept = target.user(
        "h15deny",
        allow("*"),
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
    )
    for header in FORWARDED:
        for value in ("10.0.0.1", "10.0.0.1, 127.0.0.1", "for=10.0.0.1", "::ffff:10.0.0.1"):
            made = form(target.url, {"Action": "ListUsers"}, "2010-05-08").with_header(header, value)
            refused(sign(made, elsewhere, Bend(service="iam")).send(), "AccessDenied", status=403)
            refused(sign(made, kept, Bend(service="iam")).send(), "AccessDenied", status=403)
        made = form(target.url, {"Action": "ListUsers"}, "2010-05-08").with_header(header, "10.0.0.1")
        accepted(sign(made, here, Bend(service="iam")).send())


@pytest.mark.parametrize(
    ("peer", "inside"),
    [
        ("10.0.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("::ffff:a00:1", True),
        ("11.0.0.1", False),
        ("::ffff:11.0.0.1", False),
        ("::1", False),
    ],
)
def test_H15_a_mapped_address_is_the_address_that_it_maps(node: TestNode, peer: str, inside: bool) -> None:
    operator = node.operator()
    for name, statement in (
        ("only", allow("iam:ListUsers", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        ("never", {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}),
    ):
        node.call("iam", "CreateUser", {"UserName": name}, operator)
        document = policy(statement, *([] if name == "only" else [allow("*")]))
        node.call("iam", "PutUserPolicy", {"UserName": name, "PolicyName": "p", "PolicyDocument": document}, operator)
        keys = Keys.of(node.call("iam", "CreateAccessKey", {"UserName": name}, operator)["AccessKey"])
        if inside == (name == "only"):
            node.call("iam", "ListUsers", {}, keys, peer=peer)
        else:
            with pytest.raises(Refused, match="AccessDenied"):
                node.call("iam", "ListUsers", {}, keys, peer=peer)


def test_H16_who_has_no_mfa_is_not_let_in_by_its_absence(target: Target) -> None:
    """AWS's table: Bool is false where the key is absent, BoolIfExists true; a session always has the key."""
    role = {}
    for operator in ("Bool", "BoolIfExists"):
        for value in ("true", "false"):
            condition = {operator: {"aws:MultiFactorAuthPresent": value}}
            role[operator, value] = target.plain_role(f"h16-{operator}-{value}", trust({"AWS": target.account}, condition=condition))
    long_term = target.user("h16", allow("sts:AssumeRole"))
    session = keys_of(target.call("GetSessionToken", long_term))
    table = {
        ("Bool", "true"): (False, False),
        ("Bool", "false"): (False, True),
        ("BoolIfExists", "true"): (True, False),
        ("BoolIfExists", "false"): (True, True),
    }
    for cell, expected in table.items():
        for keys, allowed in zip((long_term, session), expected, strict=True):
            reply = target.assume(role[cell], keys)
            accepted(reply) if allowed else refused(reply, "AccessDenied", status=403)


def test_H16_an_mfa_code_that_cannot_be_checked_is_not_taken(target: Target) -> None:
    keys = target.user("h16code")
    given = {"SerialNumber": f"arn:aws:iam::{target.account}:mfa/h16code", "TokenCode": "123456"}
    refused(target.call("GetSessionToken", keys, **given), "ValidationError", "AccessDenied")
    refused(
        target.assume(target.plain_role("h16code", trust({"AWS": target.account})), target.alice, **given),
        "ValidationError",
        "AccessDenied",
    )
    accepted(target.call("GetSessionToken", keys))


# -- limits


@pytest.mark.parametrize(
    "value", ["899", "43201", "900 ", " 900", "1e3", "-1", "4294967296", "0", "", "9_00", "٩٠٠", "+900", "900.0", "0x384", "nan"]
)
def test_H64_durations(target: Target, value: str) -> None:
    role = target.plain_role(f"h64-{abs(hash(value)) % 10**9}", trust({"AWS": target.account}), MaxSessionDuration="43200")
    reply = target.assume(role, target.alice, DurationSeconds=value)
    refused(reply, "ValidationError", "MalformedInput", status=400)
    for good in ("900", "43200"):
        accepted(target.assume(role, target.alice, DurationSeconds=good))


def test_H64_limits_of_what_a_session_carries(target: Target) -> None:
    role = target.plain_role("h64", trust({"AWS": target.account}, action=["sts:AssumeRole", "sts:TagSession"]))
    refused(target.assume(role, target.alice, DurationSeconds="3601"), "ValidationError", status=400)
    statement = policy(allow("*"))
    for size, fits in ((2048, True), (2049, False)):
        reply = target.assume(role, target.alice, Policy=statement + " " * (size - len(statement)))
        accepted(reply) if fits else refused(reply, "ValidationError", "PackedPolicyTooLarge", status=400)
    for count, fits in ((50, True), (51, False)):
        tags = {f"Tags.member.{n}.{part}": f"{part[0]}{n}" for n in range(1, count + 1) for part in ("Key", "Value")}
        reply = target.assume(role, target.alice, **tags)
        accepted(reply) if fits else refused(reply, "ValidationError", "PackedPolicyTooLarge", status=400)
    big = {f"Tags.member.{n}.{part}": secrets.token_hex(60) for n in range(1, 51) for part in ("Key", "Value")}
    refused(target.assume(role, target.alice, **big), "PackedPolicyTooLarge", status=400)


@pytest.mark.parametrize("star", ["*a" * 500, "?" * 400 + "*" * 400, "*" * 1000 + "b", "*?" * 400 + "c", "a*" * 300 + "[x]"])
def test_H66_hostile_wildcards_do_not_hold_up_a_decision(target: Target, star: str) -> None:
    name = f"h66-{abs(hash(star)) % 10**9}"
    statements = [
        {"Effect": "Deny", "Action": f"iam:{star}", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": f"arn:aws:iam::*:user/{star}"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:UserAgent": star + "z"}}},
    ]
    role = target.plain_role(name, trust({"AWS": target.account}), allow("*"))
    for statement in statements:
        session = target.assume(role, target.alice, Policy=policy(allow("*"), statement))
        if session.status != 200:  # refused for its size: the other safe answer
            refused(session, "ValidationError", "PackedPolicyTooLarge", "MalformedPolicyDocument", status=400)
            continue
        made = form(target.url, {"Action": "GetUser", "UserName": "a" * 64}, "2010-05-08").with_header("User-Agent", "a" * 7000)
        signed = sign(made, keys_of(session), Bend(service="iam"))
        started = time.monotonic()
        assert signed.send().code in ("AccessDenied", "NoSuchEntity")
        assert time.monotonic() - started < 2  # 50 ms on a quiet machine; without a linear matcher these take minutes
    accepted(target.call("GetCallerIdentity", target.alice))
