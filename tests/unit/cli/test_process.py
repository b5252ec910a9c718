"""cli/process.py: the document of credential_process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from daypass.cli.exits import DENIED, OK

# What may not be paid for at every start of an SDK (performance sheet, CLI start-up)
HEAVY = {"http.client", "ssl", "asyncio", "rich", "cryptography", "pathlib", "datetime", "urllib.parse", "msgspec", "sqlalchemy", "logging"}


def test_is_the_document_that_sdks_read(daypass: Any, fake: Any, operator_credentials: dict[str, Any]) -> None:
    ended = daypass("process", "--data", fake.data)
    assert (ended.code, ended.err) == (OK, "")
    assert json.loads(ended.out) == {
        "Version": 1,
        "AccessKeyId": operator_credentials["AccessKeyId"],
        "SecretAccessKey": operator_credentials["SecretAccessKey"],
        "SessionToken": operator_credentials["SessionToken"],
        "Expiration": "2026-11-24T18:00:00Z",
    }
    assert type(json.loads(ended.out)["Version"]) is int
    assert ended.out.count("\n") == 1


def test_duration_is_passed_on_and_else_left_to_the_server(daypass: Any, fake: Any, operator_credentials: dict[str, Any]) -> None:
    daypass("process", "--data", fake.data, "--duration", "900")
    daypass("process", "--data", fake.data)
    assert [members for _, members in fake.asked] == [{"DurationSeconds": 900}, {}]


def test_a_refusal_prints_nothing_on_stdout(daypass: Any, fake: Any) -> None:
    fake.reply("GetOperatorCredentials", (403, {"__type": "AccessDeniedException", "message": "not you"}))
    ended = daypass("process", "--data", fake.data)
    assert (ended.code, ended.out) == (DENIED, "")
    assert "not you" in ended.err


def test_imports_nothing_heavy(fake: Any, operator_credentials: dict[str, Any]) -> None:
    script = (
        "import sys; from daypass.cli.main import main; "
        f"code = main(['process', '--data', {str(fake.data)!r}]); sys.stderr.write(' '.join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, env={"PYTHONPATH": "src"}, check=True)
    assert json.loads(done.stdout)["Version"] == 1
    assert not HEAVY & set(done.stderr.split())
