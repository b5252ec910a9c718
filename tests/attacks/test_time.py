"""Attacks with time: what is over stays over. Deletion, revocation, expiry, clocks that jump. Each has a benign twin that succeeds."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from attacks.conftest import Target, accepted, allow, keys_of, policy, refused, trust
from rig.http import Bend, Reply, sign, stamp, who_am_i
from rig.node import Keys, Refused, TestNode
from rig.server import Server, daypass, running
from rig.wait import until

DENY_ALL = {"Effect": "Deny", "Action": "*", "Resource": "*"}


# -- what is over


def test_H03_no_session_survives_what_it_came_from(target: Target) -> None:
    role = target.plain_role("h03", trust({"AWS": target.account}), allow("iam:ListUsers"))

    def fresh(name: str) -> tuple[Keys, list[Keys]]:
        keys = target.user(name, allow("sts:AssumeRole"))
        own = keys_of(target.call("GetSessionToken", keys))
        made = [own, keys_of(target.assume(role, keys)), keys_of(target.assume(role, own))]
        for session in made:
            accepted(target.call("GetCallerIdentity", session))
        return keys, made

    keys, made = fresh("h03off")
    accepted(target.iam("UpdateAccessKey", UserName="h03off", AccessKeyId=keys.id, Status="Inactive"))
    for session in made:
        refused(target.call("GetCallerIdentity", session), "ExpiredToken", status=403)
    accepted(target.iam("UpdateAccessKey", UserName="h03off", AccessKeyId=keys.id, Status="Active"))

    keys, made = fresh("h03key")
    accepted(target.iam("DeleteAccessKey", UserName="h03key", AccessKeyId=keys.id))
    for session in made:
        refused(target.call("GetCallerIdentity", session), "ExpiredToken", status=403)

    keys, made = fresh("h03user")
    accepted(target.iam("DeleteAccessKey", UserName="h03user", AccessKeyId=keys.id))
    accepted(target.iam("DeleteUserPolicy", UserName="h03user", PolicyName="allowed"))
    accepted(target.iam("DeleteUser", UserName="h03user"))
    target.user("h03user", allow("*"))
    for session in made:
        refused(target.call("GetCallerIdentity", session), "ExpiredToken", status=403)

    keys, made = fresh("h03deny")
    target.put("h03deny", DENY_ALL, policy_name="deny")
    refused(target.assume(role, made[0]), "AccessDenied", status=403)
    refused(target.call("GetSessionToken", keys), "AccessDenied", status=403)
    accepted(target.call("GetCallerIdentity", made[0]))


@pytest.mark.parametrize("how", ["deactivated", "deleted", "denied"])
def test_H04_no_success_after_the_answer(target: Target, how: str) -> None:
    name = f"h04{how}"
    keys = target.user(name, allow("iam:*"))
    for _ in range(10):
        accepted(target.iam("ListAccessKeys", keys))
    if how == "deactivated":
        accepted(target.iam("UpdateAccessKey", UserName=name, AccessKeyId=keys.id, Status="Inactive"))
    elif how == "deleted":
        accepted(target.iam("DeleteAccessKey", UserName=name, AccessKeyId=keys.id))
    else:
        target.put(name, DENY_ALL, policy_name="deny")
    codes = set()
    for _ in range(20):
        codes |= {target.iam("ListAccessKeys", keys).code, target.iam("CreateAccessKey", keys).code}
    assert codes == {"AccessDenied" if how == "denied" else "InvalidClientTokenId"}
    assert target.iam("ListAccessKeys", UserName=name).text.count("<AccessKeyId>") == (0 if how == "deleted" else 1)


def test_H06_the_console_s_policy_against_older_sessions(node: TestNode) -> None:
    operator = node.operator()
    document = {"RoleName": "h06", "AssumeRolePolicyDocument": trust({"AWS": node.account})}
    node.call("iam", "CreateRole", document, operator)
    given = {"RoleName": "h06", "PolicyName": "allowed", "PolicyDocument": policy(allow("iam:ListUsers"))}
    node.call("iam", "PutRolePolicy", given, operator)
    arn = f"arn:aws:iam::{node.account}:role/h06"
    made = []
    for _ in range(3):
        made.append(Keys.of(node.call("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "session"}, operator)["Credentials"]))
        node.pass_time(seconds=1)
    at = (node.now - timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    older = policy({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:TokenIssueTime": at}}})
    for keys in made:
        node.call("iam", "ListUsers", {}, keys)
    node.call("iam", "PutRolePolicy", {"RoleName": "h06", "PolicyName": "AWSRevokeOlderSessions", "PolicyDocument": older}, operator)
    with pytest.raises(Refused, match="AccessDenied"):
        node.call("iam", "ListUsers", {}, made[0])
    for keys in made[1:]:
        node.call("iam", "ListUsers", {}, keys)


@pytest.mark.parametrize("form_of", ["session", "subtree", "role", "user", "issued-before"])
def test_H06_what_the_operator_revokes_is_over_at_once(target: Target, server: Server, form_of: str) -> None:
    name = f"h06{form_of}"
    user = target.user(name, allow("sts:AssumeRole"))
    role = target.plain_role(name, trust({"AWS": target.account}), allow("sts:AssumeRole"))
    beside = target.plain_role(f"{name}-beside", trust({"AWS": [target.account, target.partner]}), allow("sts:AssumeRole"))
    parent = keys_of(target.assume(role, user))
    child = keys_of(target.assume(beside, parent))
    grandchild = keys_of(target.assume(beside, child))
    foreign = keys_of(target.assume(beside, target.mallory))
    made = int(time.time())
    until(lambda: int(time.time()) > made, "a child of the same second as the order is ended with its parent")
    listed = json.loads(server.command("sessions", "--principal", role, "-o", "json").stdout)
    session = next(item["SessionId"] for item in listed if item["AccessKeyId"] == parent.id)
    arguments: dict[str, tuple[str, ...]] = {
        "session": ("--session", session),
        "subtree": ("--subtree", session),
        "role": ("--role", role),
        "user": ("--user", f"arn:aws:iam::{target.account}:user/{name}"),
    }
    if form_of == "issued-before":
        own = f"arn:aws:iam::{target.partner}:role/OrganizationAccountAccessRole"
        victim = keys_of(target.assume(own, target.alice))
        late = datetime.now(UTC) - timedelta(seconds=3600)
        server.command("revoke", "--account", target.partner, "--issued-before", late.strftime("%Y-%m-%dT%H:%M:%SZ"))
        for keys in (parent, child, foreign, victim):
            accepted(target.call("GetCallerIdentity", keys))
        return
    told = json.loads(server.command("revoke", *arguments[form_of], "-o", "json").stdout)
    over = {"session": 1, "subtree": 3, "role": 3, "user": 3}[form_of]
    assert told["SessionsEnded"] == over
    for number, keys in enumerate((parent, child, grandchild)):
        reply = target.call("GetCallerIdentity", keys)
        if number < over:
            refused(reply, "ExpiredToken", status=403)
        else:
            accepted(reply)
    accepted(target.call("GetCallerIdentity", foreign))
    accepted(target.call("GetCallerIdentity", user))


@pytest.mark.parametrize("whose", ["all", "an account"])
def test_H06_a_time_ends_what_was_issued_before_it(node: TestNode, whose: str) -> None:
    operator = node.operator()
    node.call("iam", "CreateRole", {"RoleName": "h06", "AssumeRolePolicyDocument": trust({"AWS": node.account})}, operator)
    arn = f"arn:aws:iam::{node.account}:role/h06"
    made = []
    for _ in range(3):
        made.append(Keys.of(node.call("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "session"}, operator)["Credentials"]))
        node.pass_time(seconds=1)
    at = node.now - timedelta(seconds=2)
    fresh = node.operator()
    node.call("daypass", "RevokeSessions", {"IssuedBefore": at} | ({} if whose == "all" else {"Account": node.account}), fresh)
    for keys in made[:2]:
        with pytest.raises(Refused, match="ExpiredToken"):
            node.call("sts", "GetCallerIdentity", {}, keys)
    with pytest.raises(Refused, match="ExpiredToken"):
        node.call("sts", "GetCallerIdentity", {}, made[2])
    node.call("sts", "GetCallerIdentity", {}, fresh)


# -- expiry, to the second


def _session(node: TestNode, seconds: int) -> Keys:
    operator = node.operator()
    name = f"r{seconds}-{node.now:%H%M%S}"
    node.call("iam", "CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": trust({"AWS": node.account})}, operator)
    arn = f"arn:aws:iam::{node.account}:role/{name}"
    made = node.call("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "session", "DurationSeconds": seconds}, operator)
    return Keys.of(made["Credentials"])


@pytest.mark.parametrize("seconds", [900, 3600])
def test_F19_a_pass_ends_on_the_second(node: TestNode, seconds: int) -> None:
    keys = _session(node, seconds)
    node.pass_time(seconds=seconds - 1)
    node.call("sts", "GetCallerIdentity", {}, keys)
    node.pass_time(microseconds=999_999)
    node.call("sts", "GetCallerIdentity", {}, keys)
    node.pass_time(microseconds=1)
    for _ in range(2):
        with pytest.raises(Refused, match="ExpiredToken"):
            node.call("sts", "GetCallerIdentity", {}, keys)
        node.pass_time(seconds=1)
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        node.call("sts", "GetCallerIdentity", {}, Keys(keys.id, "x" * 40, keys.token))


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=365 * 12), timedelta(hours=1)])
def test_F19_a_jump_forward_ends_what_it_passes(node: TestNode, jump: timedelta) -> None:
    keys = _session(node, 3600)
    node.call("sts", "GetCallerIdentity", {}, keys)
    node.now += jump
    node.store.catch_up(node.now)
    with pytest.raises(Refused, match="ExpiredToken"):
        node.call("sts", "GetCallerIdentity", {}, keys)
    node.call("sts", "GetCallerIdentity", {}, _session(node, 900))


def test_F19_a_clock_set_back_revives_nothing(tmp_path: Path, canaries: Any) -> None:
    """Over a running server and over its restart: the clock goes on from the latest time that was seen."""
    offset = tmp_path / "offset"
    offset.write_text("0")
    data = tmp_path / "data"

    def ask(url: str, keys: Keys, ahead: timedelta = timedelta(hours=13)) -> Reply:
        """Signed at the server's own time."""
        return sign(who_am_i(url), keys, Bend(stamp=stamp(datetime.now(UTC) + ahead))).send()

    def operator() -> Keys:
        made = json.loads(daypass("process", data=data).stdout)
        canaries.watch(made)
        return Keys.of(made)

    with running(data, clock=offset) as up:
        first = operator()
        accepted(ask(up.url, first, timedelta(0)))
        offset.write_text(str(13 * 3600))
        refused(ask(up.url, first), "ExpiredToken", status=403)
        second = operator()
        accepted(ask(up.url, second))
        offset.write_text("0")
        refused(ask(up.url, first), "ExpiredToken", status=403)
        accepted(ask(up.url, second))
    with running(data, clock=offset) as up:
        refused(ask(up.url, first), "ExpiredToken", status=403)
        accepted(ask(up.url, second))


@pytest.mark.parametrize("burst", [3, 20])
def test_M02_callers_that_prove_nothing_are_slowed_and_no_one_else(tmp_path: Path, burst: int) -> None:
    node = TestNode(tmp_path, burst=burst)
    keys = node.operator()
    for _ in range(burst):
        with pytest.raises(Refused, match="InvalidClientTokenId"):
            node.call("sts", "GetCallerIdentity", {}, Keys("AKIAIOSFODNN7EXAMPLE", "x" * 40), peer="198.51.100.1")
    with pytest.raises(Refused, match="Throttling"):
        node.call("sts", "GetCallerIdentity", {}, Keys("AKIAIOSFODNN7EXAMPLE", "x" * 40), peer="198.51.100.1")
    for _ in range(3 * burst):
        node.call("sts", "GetCallerIdentity", {}, keys, peer="198.51.100.2")
    node.pass_time(seconds=2)
    node.call("sts", "GetCallerIdentity", {}, keys, peer="198.51.100.1")
    node.close()
