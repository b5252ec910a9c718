"""cli/doctor_server.py: the server and what it stands on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from daypass.cli.doctor_server import (
    FEW,
    LAG,
    LEAST,
    LITTLE,
    check_certificate,
    check_disk,
    check_listeners,
    check_nodes,
    check_server,
)
from daypass.cli.exits import UNREACHABLE
from daypass.cli.finding import Finding

NOW = 1_800_000_000.0
NODE = {"Name": "one", "Version": "1", "Live": True, "SecondsSinceSeen": 0.2, "LedgerLines": 5000, "ShippedLines": 5000}


def described(**more: Any) -> dict[str, Any]:
    return {"Time": NOW, "FeedAgeSeconds": 0.0, "MaxStalenessSeconds": 4000, "LedgerLines": 5, "DataDirectory": "/data", **more}


def found(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {one.check: one for one in findings}


def of_server(tmp_path: Any, **more: Any) -> dict[str, Finding]:
    return found(check_server(str(tmp_path), described(**more), NOW))


@pytest.mark.parametrize(("ahead", "state"), [(0, None), (2, None), (3, "warn"), (86400, "warn"), (-3, None)])
def test_a_clock_that_was_set_back(tmp_path: Any, ahead: float, state: str | None) -> None:
    finding = of_server(tmp_path, Time=NOW + ahead).get("high-water mark")
    assert (finding and finding.state) == state


@pytest.mark.parametrize(("age", "state"), [(0, "ok"), (1000, "ok"), (1001, "warn"), (4000, "warn"), (4001, "fail")])
def test_the_age_of_the_state(tmp_path: Any, age: float, state: str) -> None:
    finding = of_server(tmp_path, FeedAgeSeconds=age)["feed"]
    assert (finding.state, bool(finding.remedy)) == (state, state != "ok")


@pytest.mark.parametrize(
    ("state", "remedy"),
    [("full", "df -h /data/ledger"), ("gone", "put the files of /data back"), ("broken", "mend the disk")],
)
def test_a_ledger_that_takes_no_lines(tmp_path: Any, state: str, remedy: str) -> None:
    finding = of_server(tmp_path, LedgerState=state)["ledger"]
    assert (finding.state, finding.exit_code) == ("fail", UNREACHABLE)
    assert finding.remedy.startswith(remedy)


def test_what_the_database_is_and_another_nodes_clock(tmp_path: Any) -> None:
    told = of_server(tmp_path, Database="PostgreSQL 15.14", DatabaseConnections=3, MaxDatabaseConnections=4, ClockLeadSeconds=6.0)
    assert told["database"].says == "PostgreSQL 15.14; 3 of 4 connections in use"
    assert told["clock"].state == "warn"


def test_open_files_are_those_of_the_process(tmp_path: Any) -> None:
    assert "open files" in of_server(tmp_path, ProcessId=os.getpid())
    assert "open files" not in of_server(tmp_path, ProcessId=0)


def test_nodes() -> None:
    assert [one.state for one in check_nodes({"Nodes": [NODE, {**NODE, "Name": "two"}]}, "d")] == ["ok"]
    silent = {**NODE, "Name": "two", "Live": False, "SecondsSinceSeen": 400.0}
    late = {**NODE, "Name": "three", "ShippedLines": 5000 - LAG - 1}
    other = {**NODE, "Name": "four", "Version": "2"}
    says = [one.says for one in check_nodes({"Nodes": [NODE, silent, late, other]}, "d") if one.state == "warn"]
    assert says == [
        "two was not heard of for 400 s",
        "three has 1001 ledger lines that are not copied to the database",
        "they run different versions: 1, 2",
    ]
    assert [one.state for one in check_nodes({"Nodes": [{**NODE, "ShippedLines": 0}]}, "d")] == ["ok"]  # alone there is no copy


@pytest.mark.parametrize(
    ("listeners", "states"),
    [
        (["http://127.0.0.1:9400"], ["ok"]),
        (["https://0.0.0.0:9400", "https://127.0.0.1:9401"], ["ok", "ok"]),
        (["http://0.0.0.0:9400"], ["warn"]),
        (["http://[::1]:9400", "http://[::]:9401"], ["ok", "warn"]),
        (["https://192.0.2.1:9400", "https://192.0.2.1:9401"], ["ok", "warn"]),
        (["http://db.internal:9400"], ["warn"]),
        ([], []),
    ],
)
def test_who_reaches_what(listeners: list[str], states: list[str]) -> None:
    assert [one.state for one in check_listeners(listeners)] == states


@pytest.mark.parametrize(
    ("free", "inodes", "files", "state"),
    [
        (LITTLE, FEW, 10**6, "ok"),
        (LITTLE - 1, FEW, 10**6, "warn"),
        (LEAST - 1, FEW, 10**6, "fail"),
        (LITTLE, FEW - 1, 10**6, "warn"),
        (LITTLE, 10, 10**6, "fail"),
        (LITTLE, 0, 0, "ok"),  # btrfs and others count no inodes
    ],
)
def test_space_and_inodes(tmp_path: Any, free: int, inodes: int, files: int, state: str) -> None:
    (tmp_path / "ledger").mkdir()
    look = lambda _: SimpleNamespace(f_bavail=free, f_frsize=1, f_favail=inodes, f_files=files)  # noqa: E731  # used on the next line
    [finding] = check_disk(str(tmp_path), look)  # one device, told of once
    assert (finding.state, bool(finding.remedy)) == (state, state != "ok")


def test_without_tls_there_is_no_certificate_to_look_at() -> None:
    assert list(check_certificate("http://127.0.0.1:1", NOW)) == []
    assert list(check_certificate("https://127.0.0.1:1", NOW)) == []  # nobody there: check_address has said so
