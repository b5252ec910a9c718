"""Attacks from beside and below: another user of the host, the database's own role, a package that is not what it says, half-done work."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attacks.conftest import Target, accepted, allow, member, refused, trust
from rig.http import Attempt, Bend, Reply, exchange, form, sign, who_am_i
from rig.idp import Idp
from rig.node import UID, Keys, Refused, TestNode, request_for
from rig.postgres import OWNER, Cluster
from rig.ranks import p_of_shift
from rig.require import require, require_root
from rig.server import Server, clean_environment, daypass, running
from rig.source import ROOT

NOBODY = 65534
SAMPLES = 2000  # of each kind, one after the other in turn (attack sheet, H18)
NOTICED = 0.001  # seconds of difference that a caller could make use of (attack sheet, H18)
SIGNIFICANT = 0.01
NEIGHBOURS = 100  # addresses that the samples come from in turn, so that none of them fails too often


# -- the database


def _operator(server: Server) -> Keys:
    return Keys.of(json.loads(server.command("process").stdout))


def test_M31_daypass_serves_with_a_role_that_may_change_no_table(cluster: Cluster, tmp_path: Path) -> None:
    """As docs/how-to/three-nodes.md says: the owner migrates, a second role serves. What it may not do, PostgreSQL itself refuses."""
    schema = cluster.new_schema()
    with running(tmp_path / "owner", "--db", cluster.url(schema), "--key-file", str(tmp_path / "root.key")) as up:
        before = member(sign(who_am_i(up.url), _operator(up)).send(), "Account")
    role = f"app_{schema}"
    page = (ROOT / "docs" / "how-to" / "three-nodes.md").read_text()
    block = page.partition("<!-- least rights -->")[2].partition("```sql\n")[2].partition("```")[0]
    assert "GRANT" in block
    for statement in block.replace("daypass_app", role).replace("public", schema).split(";"):
        if statement.strip():
            cluster.sql(statement)
    url = cluster.url(schema).replace(f"{OWNER}@", f"{role}@")
    with running(tmp_path / "app", "--db", url, "--key-file", str(tmp_path / "root.key")) as up:
        keys = _operator(up)
        assert member(sign(who_am_i(up.url), keys).send(), "Account") == before
        accepted(sign(form(up.url, {"Action": "CreateUser", "UserName": "m31"}, "2010-05-08"), keys, Bend(service="iam")).send())
        assert up.command("revoke", "--issued-before", "1h", "--wait").returncode == 0
        assert "CreateUser" in up.command("events", "-o", "json").stdout
    for forbidden in (
        "DROP TABLE users", "ALTER TABLE users ADD COLUMN evil text", "TRUNCATE users", "CREATE TABLE evil (a int)",
        "SELECT passwd FROM pg_shadow", "SELECT rolpassword FROM pg_authid", "COPY users TO PROGRAM 'cat'",
        "CREATE EXTENSION dblink", "ALTER ROLE CURRENT_USER SUPERUSER", "CREATE ROLE evil",
    ):  # fmt: skip
        with pytest.raises(AssertionError, match=r"permission denied|must be|does not exist"):
            cluster.sql(f"SET ROLE {role}; {forbidden}", schema)
    assert cluster.sql(f"SET ROLE {role}; SELECT count(*) FROM users", schema)[-1] == "1"


# -- the operator's socket


def _ask(data: Path, request: bytes, timeout: float = 20) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        anchor = os.open(data, os.O_PATH | os.O_DIRECTORY)
        try:
            connection.connect(f"/proc/self/fd/{anchor}/control.sock")
        finally:
            os.close(anchor)
        answer = b""
        try:
            connection.sendall(request)
            while piece := connection.recv(65536):
                answer += piece
        except (ConnectionError, TimeoutError):
            pass  # closed in the middle of what was too much
    return answer


_CALL = (
    b"POST / HTTP/1.1\r\nHost: daypass\r\nContent-Type: application/x-amz-json-1.1\r\n"
    b"X-Amz-Target: Daypass_20261124.GetOperatorCredentials\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
)


def test_M32_another_user_gets_nothing_from_the_operators_socket() -> None:
    """Neither through the modes of the files nor, where those were loosened, past the uid that the kernel tells."""
    require_root("to be another user")
    setpriv = require("setpriv", "apt-get install util-linux")
    script = (
        "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(20)\ns.connect(sys.argv[1])\n"
        f"s.sendall({_CALL!r})\nanswer=b''\nwhile piece:=s.recv(65536): answer+=piece\nprint(answer.decode())"
    )
    data = Path(tempfile.mkdtemp(prefix="daypass-m32-", dir="/tmp"))  # pytest's own folders are closed to others
    try:
        with running(data / "d") as up:
            as_nobody = [str(setpriv), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-S", "-c", script]

            def knock() -> subprocess.CompletedProcess[str]:
                command = [*as_nobody, str(up.data / "control.sock")]
                return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/", env=clean_environment())

            assert "PermissionError" in knock().stderr
            for path, mode in ((data, 0o755), (up.data, 0o755), (up.data / "control.sock", 0o666)):
                path.chmod(mode)
            told = knock()
            assert "PermissionError" not in told.stderr, told.stderr
            assert " 200 " not in told.stdout.splitlines()[0]
            assert "SecretAccessKey" not in told.stdout
            (up.data / "control.sock").chmod(0o600)
            up.data.chmod(0o700)
            assert b"SecretAccessKey" in _ask(up.data, _CALL)  # the benign twin: the operator's own uid
    finally:
        shutil.rmtree(data)


def test_M32_frames_without_end_are_cut_off(server: Server) -> None:
    line = b"POST / HTTP/1.1\r\nHost: daypass\r\n"
    for frame in (
        line + b"X-A: " + b"a" * (4 << 20),
        line + b"Content-Length: 99999999999\r\n\r\n{}",
        line + b"Content-Length: -1\r\n\r\n{}",
        b"\x00" * 65536,
        line + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n",
    ):
        answer = _ask(server.data, frame)
        assert b" 200 " not in answer[:20]
        assert b"SecretAccessKey" not in answer
    assert b" 200 " in _ask(server.data, _CALL)[:20]


# -- what is installed


def _wheel(folder: Path, body: str) -> Path:
    """A small wheel of our own making, whose content is `body`."""
    path = folder / "m23probe-1.0-py3-none-any.whl"
    info = "m23probe-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("m23probe.py", body)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: m23probe\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        digest = base64.urlsafe_b64encode(hashlib.sha256(body.encode()).digest()).rstrip(b"=").decode()
        wheel.writestr(f"{info}/RECORD", f"m23probe.py,sha256={digest},{len(body)}\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def test_M23_a_package_that_is_not_the_locked_one_is_not_installed(tmp_path: Path) -> None:
    """With the very options of the Makefile, offline: other bytes of the same name and version, and one that no line of the lock names."""
    options = re.findall(r"--require-hashes --only-binary :all:", (ROOT / "Makefile").read_text())
    assert len(options) >= 3, "every install of the Makefile"
    good, evil = tmp_path / "good", tmp_path / "evil"
    for folder, body in ((good, "x = 1\n"), (evil, "x = 2\n")):
        folder.mkdir()
        _wheel(folder, body)
    digest = hashlib.sha256((good / "m23probe-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    lock = tmp_path / "lock"
    lock.write_text(f"m23probe==1.0 --hash=sha256:{digest}\n")
    unnamed = tmp_path / "unnamed"
    unnamed.write_text("m23probe==1.0\n")

    def install(requirements: Path, source: Path, name: str) -> subprocess.CompletedProcess[str]:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--no-cache-dir"]
        chosen = ["--require-hashes", "--only-binary", ":all:", "--find-links", str(source), "--target", str(tmp_path / name)]
        command = [*pip, *chosen, "-r", str(requirements)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=clean_environment())

    wrong = install(lock, evil, "wrong")
    assert wrong.returncode != 0
    assert "DO NOT MATCH THE HASHES" in wrong.stderr
    assert not (tmp_path / "wrong").exists()
    unhashed = install(unnamed, good, "unhashed")
    assert unhashed.returncode != 0
    assert "hash" in unhashed.stderr.lower()
    right = install(lock, good, "right")
    assert right.returncode == 0, right.stderr
    assert (tmp_path / "right" / "m23probe.py").read_text() == "x = 1\n"


# -- half-done work


def test_H87_what_is_refused_after_all_leaves_no_pass(node: TestNode) -> None:
    """The refusal comes late: the pass would be too large, too long, of a name that is none. No row of it is kept, and nothing is told."""
    operator = node.operator()
    trusting = trust({"AWS": node.account}, action=["sts:AssumeRole", "sts:TagSession"])
    node.call("iam", "CreateRole", {"RoleName": "h87", "AssumeRolePolicyDocument": trusting}, operator)
    right = {"RoleArn": f"arn:aws:iam::{node.account}:role/h87", "RoleSessionName": "h87"}
    tags = [{"Key": hashlib.sha256(b"k%d" % n).hexdigest(), "Value": hashlib.sha512(b"v%d" % n).hexdigest()} for n in range(50)]
    before, codes = len(node.store.passes()), set()
    late = [{"DurationSeconds": 43200}, {"Policy": "{}"}, {"Tags": tags}, {"RoleSessionName": "a b"}, {"SerialNumber": "x"}]
    for wrong in late:
        with pytest.raises(Refused) as refusal:
            node.call("sts", "AssumeRole", right | wrong, operator)
        codes.add(refusal.value.code)
        assert refusal.value.answer.event.minted is None
        assert b"SecretAccessKey" not in refusal.value.answer.response.body
    assert "PackedPolicyTooLarge" in codes, "it was sealed before it was found too large"
    assert len(node.store.passes()) == before
    node.call("sts", "AssumeRole", right, operator)
    assert len(node.store.passes()) == before + 1


def test_H87_an_answer_that_is_not_recorded_hands_nothing_out(node: TestNode) -> None:
    made = node.send(request_for("daypass", "GetOperatorCredentials", {}, None, node.now, peer=f"uid:{UID}"))
    assert b"SecretAccessKey" in made.response.body
    instead = made.unrecorded()  # what leaves when the line cannot be written
    assert instead.status == 503
    assert b"SecretAccessKey" not in instead.body
    assert b"SessionToken" not in instead.body


def test_H87_who_hangs_up_leaves_nothing_that_anyone_holds(target: Target, server: Server) -> None:
    role = target.plain_role("h87", trust({"AWS": target.account}))
    attempt = sign(form(target.url, {"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "gone"}), target.alice)
    host, _, port = attempt.host.partition(":")
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            connection.sendall(attempt.raw())
    accepted(target.assume(role, target.alice))
    server.command("revoke", "--role", role)  # what was made for who was gone is listed and ended as all else
    left = json.loads(server.command("sessions", "--principal", role, "-o", "json").stdout)
    assert left == []


# -- what strangers learn


def _same(replies: list[Reply]) -> None:
    """Nothing but the request's id and its length in time tells the answers apart."""
    clean = {(reply.status, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", reply.legible)) for reply in replies}
    assert len(clean) == 1, clean
    names = {tuple(sorted(reply.headers)) for reply in replies}
    assert len(names) == 1, names


def test_H18_an_issuer_that_was_turned_off_is_as_one_that_never_was(target: Target) -> None:
    made = target.iam("EnableOutboundWebIdentityFederation", target.mallory)
    url = member(made, "IssuerIdentifier")
    path = url.partition("//")[2].partition("/")[2]
    documents = [f"/{path}/.well-known/{name}" for name in ("jwks.json", "openid-configuration")]
    for document in documents:
        accepted(Attempt(target.url, "GET", document).send())
    accepted(target.iam("DisableOutboundWebIdentityFederation", target.mallory))
    for document in documents:
        other = document.replace(path.rpartition("/")[2], "00000000-0000-4000-8000-000000000000")
        _same([Attempt(target.url, "GET", where).send() for where in (document, other, document.replace("jwks", "jwkz"))])


def test_H18_strangers_do_not_learn_which_roles_there_are(target: Target, idp: Idp) -> None:
    """A good token of a registered provider, and roles that are there, are not, or are another account's: one answer, in one time."""
    idp.reset()
    url = idp.issuer("/h18")
    made = target.iam("CreateOpenIDConnectProvider", Url=url, **{"ClientIDList.member.1": "app"})
    provider = member(made, "OpenIDConnectProviderArn")
    target.plain_role("h18there", trust({"AWS": target.account}))
    condition = {"StringEquals": {f"{url.removeprefix('https://')}:sub": "repo:acme/app"}}
    target.plain_role("h18open", trust({"Federated": provider}, action="sts:AssumeRoleWithWebIdentity", condition=condition))
    token = idp.token(idp.claims(path="/h18", aud="app", lifetime=3600))

    def presented(name: str) -> Attempt:
        role = f"arn:aws:iam::{target.account}:role/{name}"
        given = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": role, "RoleSessionName": "h18", "WebIdentityToken": token}
        return form(target.url, given)

    def present(name: str) -> Reply:
        return presented(name).send()

    accepted(present("h18open"))
    _same([present("h18there"), present("h18gone1"), present("h18gone2")])
    there, gone = presented("h18there").raw(), presented("h18gone1").raw()
    slow, quick = _times(target.url, there, gone)
    for one, other in ((slow, quick), (quick, slow)):
        assert p_of_shift(one, other, NOTICED) > SIGNIFICANT, (statistics.median(slow), statistics.median(quick))


def _times(url: str, *kinds: bytes) -> list[list[float]]:
    """Seconds that SAMPLES of each request take, one after the other in turn."""
    taken: list[list[float]] = [[] for _ in kinds]
    for number in range(SAMPLES):
        for raw, times in zip(kinds, taken, strict=True):
            began = time.perf_counter()
            reply = exchange(url, raw, source=f"127.0.18.{1 + number % NEIGHBOURS}")
            times.append(time.perf_counter() - began)
            assert reply.code == "AccessDenied", reply.text
    return taken


def test_C40_who_may_export_may_only_export(target: Target) -> None:
    """The two calls that tell everything at once are permissions of their own, and lead to no other."""
    keys = target.user("c40", allow("iam:GetAccountAuthorizationDetails"))
    accepted(target.iam("GetAccountAuthorizationDetails", keys))
    for action, parameters in (
        ("GenerateCredentialReport", {}),
        ("GetCredentialReport", {}),
        ("CreateUser", {"UserName": "c40evil"}),
        ("CreateAccessKey", {"UserName": "alice"}),
        ("AttachUserPolicy", {"UserName": "c40", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ("ListUsers", {}),
    ):
        refused(target.iam(action, keys, **parameters), "AccessDenied", status=403)
    told = target.iam("GetAccountAuthorizationDetails", keys).text
    assert keys.secret not in told
    assert target.alice.secret not in told
    refused(target.iam("GetAccountAuthorizationDetails", target.bob), "AccessDenied", status=403)


# -- time


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu"])
def test_L06_lines_are_in_utc_wherever_the_server_stands(tmp_path: Path, zone: str) -> None:
    with running(tmp_path / "data", environment={"TZ": zone}) as up:
        before = datetime.now(UTC).replace(microsecond=0)
        daypass("process", data=up.data)
        line = json.loads(up.command("events", "-o", "json").stdout.splitlines()[-1])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["eventTime"])
        assert abs((datetime.fromisoformat(line["eventTime"]) - before).total_seconds()) < 60
