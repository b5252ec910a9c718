"""What a script of the operator can rely on: the ready line, the files, the profile, the exit codes, what start-up refuses."""

from __future__ import annotations

import http.client
import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from conftest import operator_session
from rig.canary import Canaries
from rig.server import DAYPASS, REGION, Server, clean_environment, daypass, running

CONFIG_IS_WRONG, UNREACHABLE, USAGE = 6, 5, 2


def refused_up(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`daypass up` where it must not start."""
    command = [DAYPASS, "up", "--data", str(data), "--listen", "127.0.0.1:0", *arguments]
    return subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False
    )


def test_stdout_is_the_ready_line_alone_and_stderr_says_how_to_go_on(data_dir: Path) -> None:
    with running(data_dir) as server:
        pass
    assert server.stdout.read_text() == f"ready {server.url}\n"
    assert f"export AWS_CONFIG_FILE={server.aws_config} AWS_PROFILE=operator" in server.stderr.read_text()


def test_health_answers_without_proof(server: Server) -> None:
    assert server.health()["ready"] is True


def test_no_access_key_and_no_user_exists_after_first_start(data_dir: Path, canaries: Canaries) -> None:
    with running(data_dir) as server:
        summary = operator_session(server, canaries).client("iam").get_account_summary()["SummaryMap"]
        assert (summary["Users"], summary["AccountAccessKeysPresent"]) == (0, 0)
        config = server.aws_config.read_text()
        assert "credential_process" in config
        assert "aws_access_key_id" not in config.lower()


def test_the_files_are_the_owners_alone(server: Server) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (server.data, server.data / "root.key", server.data / "control.sock")}
    assert {path.name: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_state_and_passes_outlive_a_restart(data_dir: Path, canaries: Canaries) -> None:
    with running(data_dir) as server:
        given = json.loads(server.command("process").stdout)
        canaries.watch(given)
        before = identity(server, given)
    with running(data_dir) as server:
        assert identity(server, given) == before


def identity(server: Server, given: dict[str, Any]) -> tuple[str, str]:
    """Account and ARN that the server sees for credentials as `daypass process` prints them."""
    keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    answer = boto3.client("sts", REGION, endpoint_url=server.url, **dict(zip(KEYS, keys, strict=True))).get_caller_identity()
    return answer["Account"], answer["Arn"]


KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


def test_one_process_alone_uses_a_directory(server: Server) -> None:
    second = refused_up(server.data)
    assert second.returncode == CONFIG_IS_WRONG
    assert str(server.data) in second.stderr
    assert server.health()["live"] is True


def test_beyond_loopback_tls_is_demanded(data_dir: Path) -> None:
    done = refused_up(data_dir, "--listen", "0.0.0.0:0")
    assert done.returncode == CONFIG_IS_WRONG
    assert "--insecure-http" in done.stderr
    assert done.stdout == ""


def _loosen(key: Path) -> None:
    key.chmod(0o644)


def _exchange(key: Path) -> None:
    key.write_bytes(bytes(reversed(key.read_bytes())))


def _lose(key: Path) -> None:
    key.unlink()


@pytest.mark.parametrize("damage", [_loosen, _exchange, _lose])
def test_a_root_key_that_is_loose_or_another_or_gone_is_refused_and_not_made_anew(data_dir: Path, damage: Callable[[Path], None]) -> None:
    with running(data_dir):
        pass
    key = data_dir / "root.key"
    damage(key)
    left = key.read_bytes() if key.exists() else None
    assert refused_up(data_dir).returncode == CONFIG_IS_WRONG
    assert (key.read_bytes() if key.exists() else None) == left


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "169.254.169.254"])
def test_a_foreign_host_name_is_not_answered_for(server: Server, host: str) -> None:
    where = urlsplit(server.url)

    def ask(name: str) -> int:
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=10)
        try:
            connection.request("POST", "/", body="Action=GetCallerIdentity&Version=2011-06-15", headers={"Host": name})
            return connection.getresponse().status
        finally:
            connection.close()

    assert ask(host) == 403
    assert ask(where.netloc) != 500


def test_commands_end_with_the_code_of_their_trouble(data_dir: Path) -> None:
    data_dir.mkdir()
    assert daypass("process", data=data_dir, check=False).returncode == UNREACHABLE
    assert daypass("revoke", data=data_dir, check=False).returncode == USAGE
    assert daypass("up", "--listen", "nowhere", data=data_dir, check=False).returncode == USAGE


def test_data_goes_to_stdout_and_talk_to_stderr(server: Server, canaries: Canaries) -> None:
    done = server.command("process")
    canaries.watch(json.loads(done.stdout))
    assert done.stderr == ""
    assert json.loads(server.command("sessions", "-o", "json").stdout)
    assert json.loads(server.command("events", "verify", "-o", "json").stdout)


def test_the_profile_needs_nothing_else(server: Server) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    environment = {**server.environment, "PATH": "/nowhere", "HOME": os.devnull}
    python = str(Path(DAYPASS).with_name("python"))
    done = subprocess.run([python, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ":assumed-role/DaypassOperator/" in done.stdout, done.stderr
