"""Backups as a way in: a stolen file, a dump of the database, and yesterday's state put in place of today's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rig.canary import Canaries
from rig.http import Bend, form, sign, who_am_i
from rig.node import Keys
from rig.postgres import Cluster
from rig.require import require
from rig.server import Server, daypass, running

ELSEWHERE = "Pass-phrase of nobody, known to 0"


def operator(server: Server) -> Keys:
    found = json.loads(server.command("process").stdout)
    return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def iam(server: Server, keys: Keys, action: str, **parameters: str) -> str:
    answer = sign(form(server.url, {"Action": action, **parameters}, "2010-05-08"), keys, Bend(service="iam")).send()
    assert answer.status == 200, answer.text
    return answer.text


def code(server: Server, keys: Keys) -> str:
    return sign(who_am_i(server.url), keys).send().code


def between(text: str, tag: str) -> str:
    return text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]


def user_with_key(server: Server, keys: Keys, name: str) -> Keys:
    iam(server, keys, "CreateUser", UserName=name)
    made = iam(server, keys, "CreateAccessKey", UserName=name)
    return Keys(between(made, "AccessKeyId"), between(made, "SecretAccessKey"))


def session_of(server: Server, keys: Keys) -> Keys:
    answer = sign(form(server.url, {"Action": "GetSessionToken"}), keys).send()
    assert answer.status == 200, answer.text
    return Keys(*(between(answer.text, tag) for tag in ("AccessKeyId", "SecretAccessKey", "SessionToken")))


@pytest.mark.parametrize("knowing", [True, False], ids=["old-ledger", "backup-alone"])
def test_H91_a_restore_revives_nothing_that_was_ended(tmp_path: Path, knowing: bool) -> None:
    """Keys and sessions of yesterday's backup that were ended today stay dead; benign: who was not ended goes on, or is given back."""
    file, key = tmp_path / "b.backup", ("--key-file", str(tmp_path / "root.key"))
    with running(tmp_path / "old", *key) as server:
        admin = operator(server)
        gone, paused, kept = (user_with_key(server, admin, name) for name in ("gone", "paused", "kept"))
        old_session = session_of(server, kept)
        server.command("backup", str(file), *key)
        iam(server, admin, "DeleteAccessKey", UserName="gone", AccessKeyId=gone.id)
        iam(server, admin, "UpdateAccessKey", UserName="paused", AccessKeyId=paused.id, Status="Inactive")
        later_session = session_of(server, kept)
        assert code(server, old_session) == code(server, later_session) == code(server, kept) == ""
    old = ("--ledger", str(tmp_path / "old")) if knowing else ()
    restored = json.loads(daypass("restore", str(file), *old, *key, "-o", "json", data=tmp_path / "new").stdout)
    with running(tmp_path / "new", *key) as server:
        for dead in (old_session, later_session, admin):
            assert code(server, dead) == "ExpiredToken"
        assert code(server, gone) == code(server, paused) == "InvalidClientTokenId"
        assert code(server, kept) == ("" if knowing else "InvalidClientTokenId")
        fresh = operator(server)
        assert code(server, fresh) == ""
        if not knowing:
            assert {one["Name"] for one in restored["Inactive"]} == {gone.id, paused.id, kept.id}
            iam(server, fresh, "UpdateAccessKey", UserName="kept", AccessKeyId=kept.id, Status="Active")
        assert code(server, session_of(server, kept)) == ""
        # the old seal key is worth nothing: what a stolen copy of the old installation makes is over as well
    with running(tmp_path / "old", *key) as stolen:
        forged = operator(stolen)
    with running(tmp_path / "new", *key) as server:
        assert code(server, forged) == "ExpiredToken"


def test_H73_backup_and_dump_show_no_secret(tmp_path: Path, cluster: Cluster) -> None:
    """Neither a stolen backup nor a pg_dump has one of the secrets that were handed out; benign: with the root key it is whole."""
    dump = require("pg_dump", "apt-get install postgresql")
    schema, file, key = cluster.new_schema(), tmp_path / "b.backup", ("--key-file", str(tmp_path / "root.key"))
    mine = Canaries()
    with running(tmp_path / "old", "--db", cluster.url(schema), *key) as server:
        admin = operator(server)
        made = user_with_key(server, admin, "holder")
        session = session_of(server, made)
        iam(server, admin, "CreateLoginProfile", UserName="holder", Password=ELSEWHERE)
        for secret in (admin.secret, admin.token, made.secret, session.secret, session.token, ELSEWHERE):
            mine.watch(secret)
        server.command("backup", str(file), *key)
        command = [str(dump), "-h", str(cluster.directory), "-U", "postgres", "-d", "postgres", "-n", schema]
        dumped = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
    mine.watch((tmp_path / "root.key").read_text().split()[-1])
    assert len(mine) == 7
    assert b"holder" in dumped
    assert mine.leaks_in("pg_dump", dumped) == []
    assert mine.leaks_in("backup", file.read_bytes()) == []
    assert b"holder" not in file.read_bytes()  # not even a name
    (tmp_path / "another").write_bytes(b"daypass root key 1\n" + b"A" * 43 + b"=\n")
    (tmp_path / "another").chmod(0o600)
    refused = daypass("backup", "verify", str(file), "--key-file", str(tmp_path / "another"), data=tmp_path / "x", check=False)
    assert (refused.returncode, "does not open" in refused.stderr) == (6, True)
    proven: dict[str, Any] = json.loads(daypass("backup", "verify", str(file), *key, "-o", "json", data=tmp_path / "x").stdout)
    assert proven["Rows"]["access_keys"] == 1
