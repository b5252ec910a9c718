"""cli/doctor.py: what keeps clients from working."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from daypass.cli import doctor
from daypass.cli.exits import CONFIG, OK, UNREACHABLE

URL = "http://127.0.0.1:9400"


class Health(HTTPServer):
    """GET /health with a clock that is `skew` seconds ahead."""

    def __init__(self) -> None:
        self.skew, self.status = 0.0, 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def date_time_string(self, timestamp: float | None = None) -> str:
                return formatdate(time.time() + outer.skew, usegmt=True)

            def do_GET(self) -> None:
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


DAY = 86400
KEY = {"KeyId": "00000001", "Kind": "SEAL", "State": "ACTIVE", "AgeSeconds": 3 * DAY, "LivePasses": 1, "Nodes": ["a"], "WaitsFor": []}


@pytest.fixture
def health() -> Iterator[Health]:
    with Health() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


NODE = {"Name": "node-1", "Version": "1.2.3", "Live": True, "SecondsSinceSeen": 0.1, "LedgerLines": 5, "ShippedLines": 0}


def described(url: str, **more: Any) -> dict[str, Any]:
    """An answer of DescribeServer with nothing wrong in it."""
    return {
        "Version": "1.2.3",
        "Url": url,
        "DataDirectory": "/data",
        "Time": time.time(),
        "FeedAgeSeconds": 0.0,
        "LedgerLines": 5,
        "Database": "SQLite 3.40.1",
        "Listeners": [url],
        "ProcessId": os.getpid(),
        "LiveSessions": 4,
        **more,
    }


@pytest.fixture
def data(fake: Any, health: Health) -> Path:
    """A data directory with nothing wrong."""
    fake.reply("DescribeServer", described(health.url))
    fake.reply("ListNodes", {"Position": 1, "Nodes": [NODE]})
    fake.reply("VerifyDatabase", {"Intact": True, "Problems": []})
    fake.reply("ListKeys", {"Keys": [KEY], "RotateAfterSeconds": 30 * DAY})
    write_profile(fake.data, health.url)
    (fake.data / "root.key").touch(mode=0o600)
    return Path(fake.data)


def write_profile(data: Path, url: str) -> None:
    (data / "aws").mkdir(exist_ok=True)
    text = f"[profile operator]\ncredential_process = {sys.executable} -m daypass\nendpoint_url = {url}\nregion = us-east-1\n"
    (data / "aws" / "config").write_text(text)
    (data / "aws" / "config").chmod(0o600)


def states(findings: Any) -> dict[str, str]:
    return {finding.check: finding.state for finding in findings}


def test_nothing_wrong(daypass: Any, data: Path) -> None:
    assert states(doctor.examine(str(data), {})) == dict.fromkeys(
        (
            *("server", "keys", "nodes", "rows", "database", "feed", "ledger", "listeners", "open files", "disk"),
            *("address", "clock", "profile", "environment", "files", "python"),
        ),
        "ok",
    )
    ended = daypass("doctor", "--data", data)
    assert ended.code == OK
    assert "daypass 1.2.3 runs on" in ended.out


@pytest.mark.parametrize(
    ("key", "state", "says"),
    [
        ({"AgeSeconds": 89 * DAY}, "ok", "89 days old"),
        ({"AgeSeconds": 91 * DAY}, "warn", "91 days old"),
        ({"AgeSeconds": None}, "ok", "unknown age"),
        ({"State": "PENDING", "AgeSeconds": 4000, "WaitsFor": ["b", "c"]}, "warn", "waits for b, c"),
    ],
)
def test_keys_that_are_old_or_held_up(key: dict[str, Any], state: str, says: str) -> None:
    (found,) = doctor.check_keys({"Keys": [KEY | key]}, "d")
    assert found.state == state and says in found.says
    assert bool(found.remedy) == (state == "warn")


def test_json_tells_the_same(daypass: Any, data: Path) -> None:
    findings = json.loads(daypass("doctor", "--data", data, "-o", "json").out)
    assert [finding["Check"] for finding in findings][:5] == ["server", "keys", "nodes", "rows", "database"]
    assert all(finding.keys() == {"Check", "State", "Says", "Remedy"} for finding in findings)


def test_no_server_ends_with_5_and_the_next_command(daypass: Any, tmp_path: Path) -> None:
    ended = daypass("doctor", "--data", tmp_path / "none")
    assert ended.code == UNREACHABLE
    assert f"daypass up --data {tmp_path / 'none'}" in ended.out


def test_an_address_that_does_not_answer(data: Path, health: Health, fake: Any) -> None:
    fake.reply("DescribeServer", described("http://127.0.0.1:1"))
    found = {f.check: f for f in doctor.examine(str(data), {})}
    assert found["address"].state == "fail"
    assert found["address"].exit_code == UNREACHABLE
    assert "clock" not in found


def test_a_server_that_is_not_ready(data: Path, health: Health) -> None:
    health.status = 503
    found = states(doctor.examine(str(data), {}))
    assert (found["address"], found["clock"]) == ("fail", "ok")


def test_a_proxy_in_the_environment_is_not_asked(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert states(doctor.examine(str(data), {}))["address"] == "ok"


def test_skew_is_read_from_the_date_of_the_server(daypass: Any, data: Path, health: Health) -> None:
    health.skew = 1000
    ended = daypass("doctor", "--data", data)
    assert ended.code == CONFIG
    assert "s behind the server" in ended.out


@pytest.mark.parametrize(
    ("skew", "state"), [(0, "ok"), (29, "ok"), (-29, "ok"), (30, "warn"), (-299, "warn"), (300, "fail"), (-300, "fail")]
)
def test_skew_is_judged_by_what_signatures_may_have(skew: float, state: str) -> None:
    assert doctor.judge_skew(skew).state == state


def test_profile_missing_broken_open_or_pointing_elsewhere(data: Path, health: Health) -> None:
    config = data / "aws" / "config"
    good = config.read_text()
    assert doctor.check_profile(str(data), health.url).state == "ok"
    assert "is at http://other" in doctor.check_profile(str(data), "http://other").says
    config.chmod(0o622)
    assert "can be written by others" in doctor.check_profile(str(data), health.url).says
    config.chmod(0o600)
    config.write_text(good.replace(sys.executable, "/nowhere/daypass"))
    assert "cannot be run" in doctor.check_profile(str(data), health.url).says
    config.write_text(good.replace("region", "religion"))
    assert "lacks region" in doctor.check_profile(str(data), health.url).says
    config.unlink()
    assert doctor.check_profile(str(data), health.url).state == "fail"


@pytest.mark.parametrize(
    ("environ", "state", "says"),
    [
        ({"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"}, "fail", "to AWS itself"),
        ({"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}, "ok", "nothing"),
        ({"AWS_ENDPOINT_URL": URL}, "ok", "nothing"),
        ({"AWS_ENDPOINT_URL": URL + "/"}, "ok", "nothing"),
        ({"AWS_ENDPOINT_URL_STS": "http://elsewhere"}, "warn", "AWS_ENDPOINT_URL_STS leads to"),
        ({"AWS_REGION": "eu-west-1"}, "warn", "AWS_DEFAULT_REGION not set"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "warn", "AWS_REGION is not set"),
        ({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}, "warn", "AWS_REGION is a"),
        ({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "a"}, "ok", "nothing"),
        ({"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}, "warn", "long-term"),
        ({"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE"}, "warn", "without its AWS_SESSION_TOKEN"),
        ({"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SESSION_TOKEN": "t"}, "ok", "nothing"),
        ({"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SESSION_TOKEN": "t", "AWS_PROFILE": "p"}, "warn", "both set"),
        ({"HTTP_PROXY": "http://proxy:3128"}, "warn", "go through the proxy"),
        ({"HTTP_PROXY": "http://proxy:3128", "no_proxy": "localhost,127.0.0.1"}, "ok", "nothing"),
        ({"https_proxy": "http://proxy:3128"}, "ok", "nothing"),
    ],
)
def test_environment(environ: dict[str, str], state: str, says: str) -> None:
    (finding,) = doctor.check_environment(environ, URL)
    assert finding.state == state
    assert says in finding.says
    assert (finding.remedy != "") == (state != "ok")


def test_files_open_to_others_are_named(data: Path) -> None:
    data.chmod(0o750)
    (data / "root.key").chmod(0o640)
    says = [finding.says for finding in doctor.check_files(str(data))]
    assert says == [f"{data} is open to others (mode 0750)", f"{data / 'root.key'} is open to others (mode 0640)"]
    data.chmod(0o700)
    (data / "root.key").chmod(0o600)
    assert [finding.state for finding in doctor.check_files(str(data))] == ["ok"]


@contextmanager
def nobody_in_particular() -> Iterator[None]:
    """As a user who may not read every directory, when the tests run as root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_directory_of_another_user(tmp_path: Path) -> None:
    tmp_path.chmod(0o000)
    with nobody_in_particular():
        found = list(doctor.check_files(str(tmp_path)))
    assert [finding.exit_code for finding in found] == [4]
    tmp_path.chmod(0o700)
