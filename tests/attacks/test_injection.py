"""Attacks by text that another layer would read as its own: SQL, paths, a shell, a command of ours. Each has a benign twin."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import daypass.services  # importing it is what offers the operations
from attacks.conftest import Target, accepted, member, policy, refused, trust
from daypass.way.operation import OPERATIONS
from rig.http import Attempt, Bend, Reply, form, json_call, sign, who_am_i
from rig.node import Keys
from rig.postgres import Cluster
from rig.require import require, require_root
from rig.server import Server, clean_environment, daypass, running
from rig.source import SRC
from rig.wait import until

CANARY = "c61canary"
TEXTS = [
    f"'; DROP TABLE users; -- {CANARY}", f"' OR '1'='1 {CANARY}", f'" OR 1=1 -- {CANARY}', f"$$; SELECT pg_sleep(9); $$ {CANARY}",
    f"\\'; DELETE FROM roles; {CANARY}", f"%s %(x)s :x ${{1}} {CANARY}", f"{CANARY}\x00' OR 1=1", f"/{CANARY}/' UNION SELECT 1 --/",
]  # fmt: skip


# -- SQL


@pytest.fixture(scope="module")
def on_postgres(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Keys]]:
    """A server on PostgreSQL that writes down every statement, and the operator's keys."""
    folder = tmp_path_factory.mktemp("postgres")
    cluster.sql("ALTER SYSTEM SET log_statement = 'all'")
    cluster.sql("SELECT pg_reload_conf()")
    try:
        with running(folder / "data", "--db", cluster.url(cluster.new_schema())) as up:
            yield up, Keys.of(json.loads(up.command("process").stdout))
    finally:
        cluster.sql("ALTER SYSTEM RESET log_statement")
        cluster.sql("SELECT pg_reload_conf()")


def test_C61_no_text_becomes_a_statement(on_postgres: tuple[Server, Keys], cluster: Cluster) -> None:
    """In names, paths, tags, filters and markers: kept as it is or refused, and the database's own log shows it as a value only."""
    up, keys = on_postgres

    def iam(action: str, **parameters: str) -> Reply:
        return sign(form(up.url, {"Action": action, **parameters}, "2010-05-08"), keys, Bend(service="iam")).send()

    def call(service: str, target: str, **parameters: Any) -> Reply:
        return sign(json_call(up.url, target, parameters), keys, Bend(service=service)).send()

    accepted(iam("CreateUser", UserName="c61"))
    kept = f"{CANARY} =: /+-@_."  # what a tag may hold
    accepted(iam("TagUser", UserName="c61", **{"Tags.member.1.Key": "kept", "Tags.member.1.Value": kept}))
    replies, denied = [], {"Effect": "Deny", "Action": "*", "Resource": "*"}
    for number, text in enumerate(TEXTS):
        own = "Daypass_20261124"
        replies += [
            iam("CreateUser", UserName=text),
            iam("GetUser", UserName=text),
            iam("CreateRole", RoleName=f"c61-{number}", Description=text, AssumeRolePolicyDocument=trust({"AWS": keys.id})),
            iam("CreatePolicy", PolicyName=f"c61-{number}", Description=text, PolicyDocument=policy(denied | {"Action": text})),
            iam("ListUsers", PathPrefix=f"/{text}"),
            iam("ListUsers", Marker=text),
            iam("ListPolicies", PathPrefix=f"/{text}", PolicyUsageFilter=text),
            iam("TagUser", UserName="c61", **{"Tags.member.1.Key": f"k{number}", "Tags.member.1.Value": text}),
            iam("ListUserTags", UserName="c61", Marker=text),
            iam("GetAccountAuthorizationDetails", **{"Filter.member.1": text}),
            call("daypass", f"{own}.ListSessions", PrincipalArn=text),
            call("daypass", f"{own}.ListSessions", NextToken=text),
            call("daypass", f"{own}.ListSessions", Account=text),
            call("daypass", f"{own}.ListSessions", Parent=text),
            call("daypass", f"{own}.ListEvents", Principal=text, Operation=text, ErrorCode=text, SessionId=text),
            call("daypass", f"{own}.RevokeSessions", SessionId=text),
            call("daypass", f"{own}.ExplainRequest", RequestId=text),
            call("organizations", "AWSOrganizationsV20161128.ListAccounts", NextToken=text),
            call("organizations", "AWSOrganizationsV20161128.CreateAccount", Email=f"{number}@example.test", AccountName=text),
        ]  # fmt: skip
    assert {reply.status // 100 for reply in replies} <= {2, 4}, [reply.text for reply in replies if reply.status >= 500]
    assert f"<Value>{kept}</Value>" in iam("ListUserTags", UserName="c61").text
    assert iam("ListUsers").text.count("<UserName>") == 1
    log = (cluster.directory / "log").read_text(errors="replace")
    assert CANARY in log, "the benign twin: as a parameter it is there"
    statements = [line for line in log.splitlines() if CANARY in line and "parameters:" not in line.lower()]
    assert [line for line in statements if "execute" in line or "statement:" in line] == []
    assert "pg_sleep" not in "".join(line for line in log.splitlines() if "parameters:" not in line.lower())


# -- names as paths


def test_H81_no_name_becomes_a_path(tmp_path: Path) -> None:
    """strace watches every call that names a file, while names that are paths come in over every operation that takes a name."""
    strace = require("strace", "apt-get install strace")
    require_root("strace attaches to the server")
    mark = "h81mark"
    deep, absolute = f"../../../../tmp/{mark}", f"/tmp/{mark}"  # noqa: S108  # no file is made
    names = [mark, f"../{mark}", deep, absolute, f"{mark}\x00.txt", "CON", mark * 40, f"..\\{mark}", f"%2e%2e%2f{mark}", ".", ".."]
    trace, denying = tmp_path / "trace", policy({"Effect": "Deny", "Action": "*", "Resource": "*"})
    with running(tmp_path / "data") as up:
        keys = Keys.of(json.loads(up.command("process").stdout))
        account = member(sign(who_am_i(up.url), keys).send(), "Account")
        watcher = subprocess.Popen(
            [strace, "-f", "-qq", "-s", "4096", "-e", "trace=%file", "-o", str(trace), "-p", str(up.process.pid)], stderr=subprocess.DEVNULL
        )
        try:
            until(lambda: sign(who_am_i(up.url), keys).send().status == 200 and trace.exists(), "it is watched")
            replies = []
            for name in names:
                for action, parameters in (
                    ("CreateUser", {"UserName": name}),
                    ("CreateGroup", {"GroupName": name}),
                    ("CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": trust({"AWS": account})}),
                    ("CreatePolicy", {"PolicyName": name, "PolicyDocument": denying}),
                    ("CreateInstanceProfile", {"InstanceProfileName": name, "Path": f"/{name}/"}),
                    ("CreateVirtualMFADevice", {"VirtualMFADeviceName": name}),
                    ("CreateAccountAlias", {"AccountAlias": name}),
                    ("GetUser", {"UserName": name}),
                ):
                    replies.append(sign(form(up.url, {"Action": action, **parameters}, "2010-05-08"), keys, Bend(service="iam")).send())
                federated = {"Action": "GetFederationToken", "Name": name}
                assumed = {"Action": "AssumeRole", "RoleArn": f"arn:aws:iam::{account}:role/{name}", "RoleSessionName": name}
                replies += [sign(form(up.url, given), keys).send() for given in (federated, assumed)]
                replies.append(Attempt(up.url, "GET", f"/issuers/{name}/.well-known/jwks.json".replace("\x00", "%00")).send())
        finally:
            watcher.terminate()
            watcher.wait(20)
        assert {reply.status // 100 for reply in replies} <= {2, 4}
        assert any(reply.status == 200 for reply in replies)  # the benign twin: the mark itself is a name
    lines = trace.read_text(errors="replace").splitlines()
    assert [line for line in lines if mark in line or '"CON"' in line] == []
    made = [line for line in lines if any(word in line for word in ("O_CREAT", "mkdir", "rename", "link"))]
    assert [line for line in made if str(tmp_path / "data") not in line] == []


def test_H78_no_operation_takes_a_path_or_a_program() -> None:
    """Where the server reads, writes and listens is said on its command line alone: no member of any operation of ours names it. The one
    that names a file opens none: it is a word for the ledger, where a backup went."""
    words = ("file", "directory", "folder", "plugin", "command", "program", "template", "script", "listen", "socket")
    named = {
        f"{name}.{text}"
        for (service, name), operation in OPERATIONS.items()
        if service == "daypass"
        for text in operation.shape.members
        if any(word in text.lower() for word in words)
    }
    assert named == {"NoteBackup.File"}
    assert any(service == "daypass" and "RoleArn" in operation.shape.members for (service, _), operation in OPERATIONS.items())


# -- commands


def test_H82_names_of_directories_and_profiles_are_no_commands(tmp_path: Path) -> None:
    """A data directory full of what shells know: the profile's credential_process and `env` take it as one word."""
    data = tmp_path / "it's; touch pwned & $(touch pwned) `touch pwned` \"x\" | y"
    with running(data) as up:
        keys = json.loads(daypass("process", data=data).stdout)
        (line,) = [text for text in up.aws_config.read_text().splitlines() if text.startswith("credential_process")]
        words = shlex.split(line.partition("=")[2])  # as botocore takes it apart
        assert words[-1] == str(data) or str(data) in words
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=clean_environment())
        assert json.loads(done.stdout)["AccessKeyId"].startswith("ASIA"), done.stderr
        region = "x'; touch pwned; $(touch pwned)"
        told = daypass("env", "--region", region, data=data).stdout
        shell = ["sh", "-c", 'eval "$TOLD"; printf %s "$AWS_REGION"']
        evaluated = subprocess.run(shell, capture_output=True, text=True, cwd=tmp_path, timeout=60, env=clean_environment({"TOLD": told}))
        assert evaluated.stdout == region
        assert sign(who_am_i(up.url), Keys(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])).send().status == 200
    assert list(tmp_path.rglob("pwned")) == []


def test_H82_no_line_of_ours_asks_a_shell() -> None:
    """By the tree of the code: no shell=True, os.system, popen or string where a list of words belongs."""
    asking = {"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"}
    found = []
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            shell = any(keyword.arg == "shell" for keyword in node.keywords)
            if name in asking or shell:
                found.append(f"{path.relative_to(SRC)}:{node.lineno}")
    assert found == []


# -- oracles


@pytest.mark.parametrize("target_name", ["ExplainRequest", "DecideAccess"])
def test_C11_nothing_of_ours_verifies_for_strangers(target: Target, target_name: str) -> None:
    """Neither a stolen signature nor a stolen message tells anything to who has no signature of their own."""
    stolen = sign(who_am_i(target.url), target.alice)
    signature = next(value for name, value in stolen.headers if name == "Authorization")
    given = {"EncodedMessage": signature}
    if target_name == "DecideAccess":
        given = {"Principal": target.alice.id, "Action": signature, "Resource": "*"}
    for attempt in (
        json_call(target.url, f"Daypass_20261124.{target_name}", given),
        json_call(target.url, f"Daypass_20261124.{target_name}", given).with_header("X-Forwarded-Authorization", signature),
    ):
        refused(attempt.send(), "MissingAuthenticationTokenException")
    moved = json_call(target.url, f"Daypass_20261124.{target_name}", given)
    for name, value in stolen.headers:
        if name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            moved = moved.with_header(name, value)
    refused(moved.send(), "InvalidSignatureException")
    accepted(stolen.send())


def test_C11_what_is_decoded_is_a_refusal_of_ours_and_one_s_own(target: Target) -> None:
    refusal = target.iam("ListUsers", target.bob)
    message = refusal.text.partition("failure message: ")[2].partition("<")[0]
    presigned = form(target.url, {"Action": "DecodeAuthorizationMessage", "EncodedMessage": message})
    refused(presigned.send(), "MissingAuthenticationToken")
    refused(target.call("DecodeAuthorizationMessage", target.bob, EncodedMessage=message), "AccessDenied")
    for text in (target.mallory.token or "", message[:-4] + "AAAA", message[4:], "A" * len(message)):
        refused(target.call("DecodeAuthorizationMessage", target.alice, EncodedMessage=text), "InvalidAuthorizationMessageException")
    refused(target.call("DecodeAuthorizationMessage", target.mallory, EncodedMessage=message), "InvalidAuthorizationMessageException")
    told = target.call("DecodeAuthorizationMessage", target.alice, EncodedMessage=message)
    accepted(told)
    assert target.bob.secret not in told.text
    assert "SessionToken" not in told.text
