"""Attacks across borders: other accounts, the files on disk, the ledger, another mode of the interpreter. Each has a benign twin."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL, Target, accepted, allow, keys_of, member, policy, refused, trust
from rig.http import Attempt, Bend, Reply, form, presign, sign, stamp, who_am_i
from rig.idp import Idp
from rig.node import Keys, Refused, TestNode
from rig.server import DAYPASS, Server, clean_environment, daypass, running

OPTIMIZED = {"PYTHONOPTIMIZE": "2"}


# -- accounts


def test_C46_ids_of_another_account_open_nothing(target: Target) -> None:
    keys = target.user("c46", allow("*"))
    arn = member(target.iam("CreatePolicy", PolicyName="c46", PolicyDocument=policy(allow("iam:GetUser"))), "Arn")
    provider = member(target.iam("CreateOpenIDConnectProvider", Url="https://c46.example.test"), "OpenIDConnectProviderArn")
    accepted(target.iam("CreateUser", target.mallory, UserName="c46mine"))
    attempts: tuple[tuple[str, dict[str, str]], ...] = (
        ("GetAccessKeyLastUsed", {"AccessKeyId": keys.id}),
        ("UpdateAccessKey", {"AccessKeyId": keys.id, "Status": "Inactive", "UserName": "c46mine"}),
        ("DeleteAccessKey", {"AccessKeyId": keys.id, "UserName": "c46mine"}),
        ("GetPolicy", {"PolicyArn": arn}),
        ("GetPolicyVersion", {"PolicyArn": arn, "VersionId": "v1"}),
        ("CreatePolicyVersion", {"PolicyArn": arn, "PolicyDocument": ALLOW_ALL, "SetAsDefault": "true"}),
        ("DeletePolicy", {"PolicyArn": arn}),
        ("TagPolicy", {"PolicyArn": arn, "Tags.member.1.Key": "a", "Tags.member.1.Value": "b"}),
        ("AttachUserPolicy", {"UserName": "c46mine", "PolicyArn": arn}),
        ("PutUserPermissionsBoundary", {"UserName": "c46mine", "PermissionsBoundary": arn}),
        ("GetOpenIDConnectProvider", {"OpenIDConnectProviderArn": provider}),
        ("DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": provider}),
        ("AddClientIDToOpenIDConnectProvider", {"OpenIDConnectProviderArn": provider, "ClientID": "evil"}),
        ("GetUser", {"UserName": "c46"}),
        ("DeleteUser", {"UserName": f"arn:aws:iam::{target.account}:user/c46"}),
    )
    for action, parameters in attempts:
        refused(
            target.iam(action, target.mallory, **parameters),
            "NoSuchEntity", "AccessDenied", "ValidationError", "InvalidInput", "PolicyNotAttachable",
        )  # fmt: skip
    federated = trust({"Federated": provider}, action="sts:AssumeRoleWithWebIdentity")
    reply = target.iam("CreateRole", target.mallory, RoleName="c46mine", AssumeRolePolicyDocument=federated)
    refused(reply, "MalformedPolicyDocument", status=400)
    accepted(target.iam("GetPolicy", PolicyArn=arn))
    assert "evil" not in target.iam("GetOpenIDConnectProvider", OpenIDConnectProviderArn=provider).text
    assert member(target.iam("GetAccessKeyLastUsed", AccessKeyId=keys.id), "UserName") == "c46"
    accepted(target.call("GetCallerIdentity", keys))


def test_C46_sessions_of_another_account_are_neither_seen_nor_ended(target: Target) -> None:
    role = target.plain_role("c46role", trust({"AWS": target.account}), allow("iam:ListUsers"))
    session = keys_of(target.assume(role, target.alice))
    listed = json.loads(target.own("ListSessions", target.alice, PrincipalArn=role).body)["Sessions"]
    (mine,) = [item for item in listed if item["AccessKeyId"] == session.id]
    for parameters in ({}, {"Account": target.account}, {"PrincipalArn": role}, {"Parent": mine["SessionId"]}):
        refused(target.own("ListSessions", target.mallory, **parameters), "AccessDeniedException")
    own = target.own("ListSessions", target.mallory, Account=target.partner, Parent=mine["SessionId"])
    accepted(own)
    assert {
        item["Account"] for item in json.loads(target.own("ListSessions", target.mallory, Account=target.partner).body)["Sessions"]
    } == {target.partner}
    for parameters in (
        {"SessionId": mine["SessionId"]},
        {"SubtreeOf": mine["SessionId"]},
        {"RoleArn": role},
        {"UserArn": f"arn:aws:iam::{target.account}:user/alice"},
        {"IssuedBefore": 4102444800},
        {"IssuedBefore": 4102444800, "Account": target.account},
    ):
        refused(target.own("RevokeSessions", target.mallory, **parameters), "AccessDeniedException")
    for parameters in ({}, {"Account": target.account}):
        refused(target.own("ListEvents", target.mallory, **parameters), "AccessDeniedException")
    accepted(target.own("ListEvents", target.mallory, Account=target.partner))
    accepted(target.iam("ListUsers", session))
    accepted(target.own("RevokeSessions", target.alice, SessionId=mine["SessionId"]))
    refused(target.iam("ListUsers", session), "ExpiredToken", status=403)


def _registered(target: Target, keys: Keys, account: str, url: str, audience: str, *, role: str) -> None:
    """The issuer, for tokens that are used once, and a role that its tokens may take, in one account."""
    made = target.iam("CreateOpenIDConnectProvider", keys, Url=url, **{
        "ClientIDList.member.1": audience, "Tags.member.1.Key": "daypass:single-use", "Tags.member.1.Value": "true",
    })  # fmt: skip
    provider = member(made, "OpenIDConnectProviderArn")
    condition = {"StringEquals": {f"{url.removeprefix('https://')}:sub": "repo:acme/app"}}
    document = trust({"Federated": provider}, action="sts:AssumeRoleWithWebIdentity", condition=condition)
    accepted(target.iam("CreateRole", keys, RoleName=role, AssumeRolePolicyDocument=document))


def test_C46_two_accounts_trust_one_issuer_each_for_itself(target: Target, idp: Idp) -> None:
    """The issuer's keys are read once for both; clients, roles and the tokens that were used are each one's own."""
    url = idp.issuer("/apart")
    accounts = {"alice": target.account, "mallory": target.partner}
    for name, keys in (("alice", target.alice), ("mallory", target.mallory)):
        _registered(target, keys, accounts[name], url, f"{name}-app", role="apart")

    def present(token: str, account: str) -> Reply:
        role = f"arn:aws:iam::{account}:role/apart"
        given = {"RoleArn": role, "RoleSessionName": "apart", "WebIdentityToken": token}
        return form(target.url, {"Action": "AssumeRoleWithWebIdentity", **given}).send()

    def token(name: str, jti: str) -> str:
        return idp.token(idp.claims(path="/apart", aud=f"{name}-app", jti=jti))

    refused(present(token("mallory", "1"), accounts["alice"]), "InvalidIdentityToken")
    accepted(present(token("mallory", "same"), accounts["mallory"]))
    accepted(present(token("alice", "same"), accounts["alice"]))  # the other account's use of the same jti is none of hers
    refused(present(token("alice", "same"), accounts["alice"]), "InvalidIdentityToken")
    refused(present(token("alice", "2"), accounts["mallory"]), "InvalidIdentityToken")
    gone = f"arn:aws:iam::{target.partner}:oidc-provider/{url.removeprefix('https://')}"
    accepted(target.iam("DeleteOpenIDConnectProvider", target.mallory, OpenIDConnectProviderArn=gone))
    refused(present(token("mallory", "3"), accounts["mallory"]), "InvalidIdentityToken", "AccessDenied")
    accepted(present(token("alice", "4"), accounts["alice"]))


# -- what is on disk


def test_H72_a_stolen_database_tells_no_secret(target: Target, server: Server, tmp_path: Path) -> None:
    keys = target.user("h72", allow("sts:AssumeRole"))
    session = keys_of(target.call("GetSessionToken", keys))
    copy = tmp_path / "stolen"
    for path in server.data.rglob("*"):
        if path.is_file() and path.name != "root.key":
            (copy / path.relative_to(server.data)).parent.mkdir(parents=True, exist_ok=True)
            (copy / path.relative_to(server.data)).write_bytes(path.read_bytes())
    taken = b"".join(path.read_bytes() for path in copy.rglob("*") if path.is_file())
    assert keys.id.encode() in taken  # the benign twin: what is no secret is found
    for secret in (keys.secret, session.secret, session.token or ""):
        assert secret.encode() not in taken
    done = subprocess.run(
        [DAYPASS, "up", "--data", str(copy), "--listen", "127.0.0.1:0"],
        env=clean_environment(), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 6 and "root.key" in done.stderr, done


def test_H72_a_secret_in_another_row_opens_nothing(tmp_path: Path) -> None:
    node = TestNode(tmp_path)
    operator = node.operator()
    made = []
    for name in ("low", "high"):
        node.call("iam", "CreateUser", {"UserName": name}, operator)
        made.append(Keys.of(node.call("iam", "CreateAccessKey", {"UserName": name}, operator)["AccessKey"]))
        node.call("sts", "GetCallerIdentity", {}, made[-1])
    node.close()
    with sqlite3.connect(tmp_path / "daypass.db") as database:
        table = "UPDATE access_keys SET sealed = (SELECT sealed FROM access_keys WHERE id = ?) WHERE id = ?"
        database.execute(table, (made[0].id, made[1].id))
    database.close()
    try:
        again = TestNode(tmp_path)
    except Exception as error:  # to refuse to start is the safe answer as well
        assert "access" in str(error).lower() or "key" in str(error).lower()
        return
    for secret in (made[0].secret, made[1].secret):
        with pytest.raises(Refused):
            again.call("sts", "GetCallerIdentity", {}, Keys(made[1].id, secret))
    again.call("sts", "GetCallerIdentity", {}, made[0])
    again.close()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_H79_no_file_is_open_to_others_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    data = tmp_path / "data"
    before = os.umask(umask)
    try:
        with running(data) as up:
            accepted_by_cli = daypass("sessions", data=data)
            assert accepted_by_cli.returncode == 0 and up.url
            found = {path: stat.S_IMODE(path.lstat().st_mode) for path in [data, *data.rglob("*")]}
    finally:
        os.umask(before)
    loose = {str(path.relative_to(tmp_path)): oct(mode) for path, mode in found.items() if mode & 0o077 and not path.is_symlink()}
    assert loose == {}


def test_M22_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data):
        pass
    key = data / "root.key"
    for mode in (0o644, 0o640, 0o604, 0o666):
        key.chmod(mode)
        done = daypass("up", "--listen", "127.0.0.1:0", data=data, check=False)
        assert done.returncode == 6 and "chmod" in done.stderr, done
        assert "ready" not in done.stdout
    key.chmod(0o600)
    with running(data) as up:
        assert up.health()["ready"]


# -- the ledger


def test_H76_every_outcome_has_one_line(tmp_path: Path) -> None:
    node = TestNode(tmp_path, burst=5)
    operator = node.operator()
    node.call("iam", "CreateUser", {"UserName": "bare"}, operator)
    bare = Keys.of(node.call("iam", "CreateAccessKey", {"UserName": "bare"}, operator)["AccessKey"])
    outcomes: list[tuple[str, Any, str]] = [
        ("ok", lambda: node.call("sts", "GetCallerIdentity", {}, bare), ""),
        ("change", lambda: node.call("iam", "CreateUser", {"UserName": "other"}, operator), ""),
        ("denied", lambda: node.call("iam", "ListUsers", {}, bare), "AccessDenied"),
        ("invalid", lambda: node.call("iam", "CreateUser", {"UserName": "a b"}, operator), "ValidationError"),
        ("conflict", lambda: node.call("iam", "CreateUser", {"UserName": "bare"}, operator), "EntityAlreadyExists"),
        ("anonymous", lambda: node.call("sts", "GetCallerIdentity"), "MissingAuthenticationToken"),
        ("wrong secret", lambda: node.call("sts", "GetCallerIdentity", {}, Keys(bare.id, "x" * 40)), "SignatureDoesNotMatch"),
        ("unknown key", lambda: node.call("sts", "GetCallerIdentity", {}, Keys("AKIAIOSFODNN7EXAMPLE", "x" * 40)), "InvalidClientTokenId"),
        ("not offered", lambda: node.call("iam", "CreateVirtualMFADevice", {"VirtualMFADeviceName": "x"}, operator), ""),
        ("other host", lambda: node.call("sts", "GetCallerIdentity", {}, bare, host="evil.test"), "AccessDenied"),
        *[("spent", lambda: node.call("sts", "GetCallerIdentity"), "")] * 4,
        ("throttled", lambda: node.call("sts", "GetCallerIdentity"), "Throttling"),
    ]

    def lines() -> list[dict[str, Any]]:
        texts = (path.read_bytes() for path in sorted((tmp_path / "ledger").rglob("*")) if path.is_file())
        return [json.loads(line) for text in texts for line in text.splitlines() if line.startswith(b"{")]

    for name, attempt, code in outcomes:
        before = len(lines())
        try:
            attempt()
            told = ""
        except Refused as refusal:
            told = refusal.code
        assert not code or told == code, (name, told)
        after = lines()
        assert len(after) == before + 1, name
        assert after[-1].get("errorCode", "") == told, name
    node.close()


def test_H76_malformed_bytes_have_a_line_too(target: Target) -> None:
    def count() -> int:
        return int(json.loads(target.own("DescribeServer", target.alice).body)["LedgerLines"])

    before = count()
    attempts = [
        Attempt(target.url, method="GET"),
        Attempt(target.url, body=b"\xff\xfe%%%"),
        Attempt(target.url, path="/nowhere", method="PUT"),
        form(target.url, {"Action": "NoSuchAction"}),
        sign(form(target.url, {"Action": "NoSuchAction"}), target.alice),
        Attempt(target.url, headers=[("Authorization", "Nonsense")]),
    ]
    for attempt in attempts:
        assert 400 <= attempt.send().status < 500
    assert count() == before + len(attempts) + 1


# -- the interpreter without its asserts


@pytest.fixture(scope="module")
def optimized(tmp_path_factory: pytest.TempPathFactory, idp: Idp) -> Any:
    """A server under PYTHONOPTIMIZE=2, where no assert and no docstring is left, and an operator's keys."""
    data = tmp_path_factory.mktemp("optimized") / "data"
    arguments = ("--idp-allow", "127.0.0.0/8", "--idp-ca", str(idp.ca_file))
    with running(data, *arguments, environment=OPTIMIZED) as up:
        yield up, Keys.of(json.loads(daypass("process", data=data).stdout))


def test_C64_signatures_are_checked_without_asserts(optimized: Any) -> None:
    up, keys = optimized
    ask = who_am_i(up.url)
    accepted(sign(ask, keys).send())
    accepted(presign(ask, keys).send())
    wrong = Keys(keys.id, "x" * 40, keys.token)
    old = stamp(datetime.now(UTC) - timedelta(minutes=10))
    bent = sign(ask, keys)
    for attempt in (
        sign(ask, wrong),
        presign(ask, wrong),
        sign(ask, keys, Bend(service="iam")),
        sign(ask, keys, Bend(stamp=old)),
        sign(ask, keys, Bend(signature="0" * 64)),
        sign(ask, keys, Bend(terminator="aws4_reques")),
        sign(ask, keys, Bend(signed=("x-amz-date",))),
        Attempt(up.url, headers=bent.headers, body=ask.body + b"&a=b"),
        bent.with_header("X-Amz-Extra", "unsigned"),
        presign(ask, keys, Bend(stamp=old), expires="60"),
        sign(ask, Keys(keys.id, keys.secret)),
        ask,
        ask.with_header("Host", "evil.test"),
    ):
        refused(
            attempt.send(), "SignatureDoesNotMatch", "IncompleteSignature", "InvalidClientTokenId", "MissingAuthenticationToken",
            "AccessDenied", "RequestExpired",
        )  # fmt: skip


def test_C64_decisions_and_tokens_are_checked_without_asserts(optimized: Any, idp: Idp) -> None:
    up, keys = optimized

    def iam(action: str, as_: Keys = keys, **parameters: str) -> Any:
        return sign(form(up.url, {"Action": action, **parameters}, "2010-05-08"), as_, Bend(service="iam")).send()

    account = member(sign(who_am_i(up.url), keys).send(), "Account")
    accepted(iam("CreateUser", UserName="bare"))
    bare = keys_of(iam("CreateAccessKey", UserName="bare"))
    refused(iam("ListUsers", bare), "AccessDenied", status=403)
    refused(iam("CreateUser", UserName="a b"), "ValidationError", status=400)
    refused(iam("CreateUser", UserName="root"), "ValidationError", status=400)
    user = keys_of(sign(form(up.url, {"Action": "GetSessionToken"}), bare).send())
    refused(iam("GetUser", user), "InvalidClientTokenId", status=403)
    made = iam("CreateOpenIDConnectProvider", Url=idp.issuer("/c64"), **{"ClientIDList.member.1": "sts.amazonaws.com"})
    provider = member(made, "OpenIDConnectProviderArn")
    condition = {"StringEquals": {f"{idp.name}/c64:sub": "repo:acme/app"}}
    document = trust({"Federated": provider}, action="sts:AssumeRoleWithWebIdentity", condition=condition)
    accepted(iam("CreateRole", RoleName="web", AssumeRolePolicyDocument=document))

    def present(**claims: Any) -> Any:
        token = idp.token(idp.claims(path="/c64", **claims))
        given = {"RoleArn": f"arn:aws:iam::{account}:role/web", "RoleSessionName": "web", "WebIdentityToken": token}
        return form(up.url, {"Action": "AssumeRoleWithWebIdentity", **given}).send()

    for claims in ({"aud": "other"}, {"iss": "https://other.test"}, {"sub": "repo:evil/app"}, {"lifetime": -3600}, {"exp": None}):
        refused(present(**claims), "InvalidIdentityToken", "AccessDenied", "ExpiredTokenException", "ExpiredToken")
    accepted(present())
    accepted(iam("UpdateAccessKey", UserName="bare", AccessKeyId=bare.id, Status="Inactive"))
    refused(sign(who_am_i(up.url), user).send(), "ExpiredToken", status=403)
    refused(sign(who_am_i(up.url), bare).send(), "InvalidClientTokenId", status=403)
