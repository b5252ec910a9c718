"""Keys are replaced while everything goes on: no call fails, whoever is killed leaves nothing half done, who was away catches up, and no
key shows anywhere.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
import threading
import urllib.request
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from daypass.cli import control
from daypass.services.daypass.first_start import first_records
from daypass.store import Changes, Store, open_store
from daypass.store.keys import FileKey
from daypass.store.records import AccessKey, User
from daypass.values.secret import Secret
from rig.http import sign, who_am_i
from rig.link import Link
from rig.node import Keys
from rig.server import Server, Start, running
from rig.wait import until

ROTATIONS = 3
CALLS = 60  # at least, while keys are replaced
ROWS = 6000  # more than one round seals again



def operator(server: Server) -> Keys:
    return Keys.of(control.call(str(server.data), "GetOperatorCredentials")["Credentials"])


def listed(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = control.call(str(server.data), "ListKeys")["Keys"]
    return found


def code(server: Server, keys: Keys) -> str:
    return sign(who_am_i(server.url), keys).send().code


def sealed_by(keys: Keys) -> str:
    return base64.b64decode(keys.token or "")[1:5].hex()


def client(session: boto3.Session, server: Server, keys: Keys) -> Any:
    """A real client that does not try again."""
    settings = Config(retries={"total_max_attempts": 1, "mode": "standard"})
    named = {"aws_access_key_id": keys.id, "aws_secret_access_key": keys.secret, "aws_session_token": keys.token}
    return session.client("sts", endpoint_url=server.url, config=settings, **named)


class Load:
    """Clients that make passes at one node and use them, new and old ones, at all, until they are told to stop."""

    def __init__(self, nodes: list[Server]) -> None:
        self.calls = 0
        self.failures: list[str] = []
        self.seals: set[str] = set()
        self._nodes = nodes
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(2)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        until(lambda: bool(self.seals), "they have begun")
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        held = [operator(self._nodes[0])]
        self.seals.add(sealed_by(held[0]))
        turn, session = number, boto3.Session(region_name="us-east-1")  # one for each thread, as boto3 wants it
        while not self._ended.is_set() and not self.failures:
            turn += 1
            try:
                fresh = operator(self._nodes[turn % len(self._nodes)])
                held = [held[0], *held[1:][-3:], fresh]
                self.seals.add(sealed_by(fresh))
                client(session, self._nodes[(turn + 1) % len(self._nodes)], fresh).get_caller_identity()
                refused = [(node.url, code(node, keys)) for node in self._nodes for keys in held]
                self.failures += [f"{url}: {what}" for url, what in refused if what]
                self.calls += len(refused) + 1
            except Exception as failure:
                self.failures.append(repr(failure))


def rotate_under(load: Load, server: Server) -> None:
    """Rotate once, and wait until the clients have gone on, with passes of the new key too."""
    enough, known = load.calls + CALLS // ROTATIONS, len(load.seals)
    server.command("keys", "rotate", "--wait")
    until(lambda: (load.calls > enough and len(load.seals) > known) or bool(load.failures), "the clients go on", 60)


def test_f23_keys_are_replaced_under_load_and_no_call_fails(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        with Load([server]) as load:
            for _ in range(ROTATIONS):
                rotate_under(load, server)
        assert load.failures == []
        assert load.calls >= CALLS
        assert len(load.seals) > ROTATIONS  # clients held passes of every key
        states = Counter((key["Kind"], key["State"]) for key in listed(server))
        assert states == {("SEAL", "RETAINED"): ROTATIONS, ("SEAL", "ACTIVE"): 1, ("DATA", "ACTIVE"): 1}


def test_f23_over_three_nodes_as_well(start: Start) -> None:
    nodes = [start(name) for name in ("a", "b", "c")]
    with Load(nodes) as load:
        for node in nodes:
            rotate_under(load, node)
    assert load.failures == []
    assert len(load.seals) > ROTATIONS
    active = [{key["KeyId"] for key in listed(node) if key["State"] == "ACTIVE"} for node in nodes]
    assert active[0] == active[1] == active[2] and len(active[0]) == 2
    until(lambda: {len(key["Nodes"]) for key in listed(nodes[0])} == {3}, "every node has every key")


def test_f23_two_nodes_that_are_told_at_once_replace_the_key_once(start: Start) -> None:
    nodes = [start(name) for name in ("a", "b")]
    for _ in range(2):
        before = {key["KeyId"] for key in listed(nodes[0]) if key["Kind"] == "SEAL"}
        tellers = [threading.Thread(target=node.command, args=("keys", "rotate", "seal", "--wait")) for node in nodes]
        for teller in tellers:
            teller.start()
        for teller in tellers:
            teller.join()
        found = [key for key in listed(nodes[1]) if key["Kind"] == "SEAL"]
        assert [key["State"] for key in found].count("ACTIVE") == 1
        assert 1 <= len({key["KeyId"] for key in found} - before) <= 2
        passes = [sealed_by(operator(node)) for node in nodes]
        assert passes[0] == passes[1]


def test_f23_a_node_that_was_away_during_the_rotation_catches_up(start: Start, link: Link) -> None:
    one, away = start("a"), start("b", link=link)
    until(lambda: len(listed(one)[0]["Nodes"]) == 2, "both are there")
    before = operator(one)
    assert code(away, before) == ""
    link.cut()
    (begun,) = json.loads(one.command("keys", "rotate", "seal", "-o", "json").stdout)["Keys"]

    def state() -> dict[str, Any]:
        return next(key for key in listed(one) if key["KeyId"] == begun["KeyId"])

    until(lambda: state()["State"] == "PENDING" and len(state()["Nodes"]) == 1 and not _is_live(one, away), "it is silent")
    assert len(state()["WaitsFor"]) == 1  # it serves, and would not know the new key
    assert (code(one, operator(one)), code(away, operator(one))) == ("", "")
    one.command("keys", "rotate", "seal", "--without-silent")
    until(lambda: state()["State"] == "ACTIVE", "the operator would not wait")
    fresh = operator(one)
    assert sealed_by(fresh) == begun["KeyId"]
    assert (code(away, before), code(away, fresh)) == ("", "InvalidClientTokenId")  # the price that the option names
    link.mend()
    until(lambda: code(away, fresh) == "", "it has the new key")
    until(lambda: sealed_by(operator(away)) == begun["KeyId"], "and seals with it")


def _is_live(server: Server, other: Server) -> bool:
    nodes = control.call(str(server.data), "ListNodes")["Nodes"]
    return all(node["Live"] for node in nodes if node["Url"] == other.url)


def test_a_key_that_is_revoked_ends_what_it_sealed_on_every_node(start: Start) -> None:
    one, other = start("a"), start("b")
    before = operator(one)
    until(lambda: code(other, before) == "", "both know it")
    said = one.command("keys", "revoke", sealed_by(before), check=False)
    assert said.returncode == 2 and "--yes" in said.stderr and code(one, before) == ""
    done = json.loads(one.command("keys", "revoke", sealed_by(before), "--yes", "-o", "json").stdout)
    assert done["SessionsEnded"] >= 1
    assert code(one, before) == "ExpiredToken"
    until(lambda: code(other, before) == "ExpiredToken", "it obeys", 5)
    assert code(one, Keys(before.id, "x" * 40, before.token)) != "ExpiredToken"  # only to who has the secret
    fresh = operator(other)
    assert sealed_by(fresh) == done["SuccessorId"]
    assert (code(one, fresh), code(other, fresh)) == ("", "")
    with pytest.raises(AssertionError, match="revoked already"):
        one.command("keys", "revoke", sealed_by(before), "--yes")


def many_secrets(data: Path) -> None:
    """A state with many sealed rows, as if it had grown over time."""
    data.mkdir(mode=0o700)
    now = datetime.now(UTC).replace(microsecond=0)
    store = open_store(data / "daypass.db", FileKey(data / "root.key"), now)
    store.write(first_records(now, os.urandom))
    account = next(iter(store.snapshot.accounts)).id
    changes = Changes()
    for number in range(ROWS):
        user = User(id=f"AIDA{number:017d}", account=account, created=now, name=f"u{number}")
        changes.put(user)
        changes.put(AccessKey(id=f"AKIA{number:016d}", account=account, created=now, user_id=user.id, slot=1, secret=Secret(b"s" * 40)))
    store.write(changes)
    store.close()


def test_f01_who_is_killed_while_rows_are_sealed_again_goes_on_after_the_start(tmp_path: Path) -> None:
    many_secrets(tmp_path / "data")
    with pytest.raises(AssertionError, match="ended by itself"), running(tmp_path / "data") as server:
        keys = operator(server)
        control.call(str(server.data), "RotateKeys", Kind="DATA")
        until(lambda: len(_sealed_under(tmp_path / "data")) == 2, "it is half way")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    assert len(_sealed_under(tmp_path / "data")) == 2
    with running(tmp_path / "data") as server:
        assert code(server, keys) == ""
        until(lambda: len([key for key in listed(server) if key["Kind"] == "DATA"]) == 1, "all is sealed again")
        (data,) = [key for key in listed(server) if key["Kind"] == "DATA"]
        assert data["Rows"] == ROWS + 2
    store = _opened(tmp_path / "data")
    assert store.damage() == []
    assert {key.secret.reveal() for key in store.snapshot.access_keys} == {b"s" * 40}
    store.close()


def _opened(data: Path) -> Store:
    return open_store(data / "daypass.db", FileKey(data / "root.key"), datetime.now(UTC))


def _sealed_under(data: Path) -> set[bytes]:
    """The data keys that the secrets of access keys rest on, as the file says."""
    with closing(sqlite3.connect(f"file:{data / 'daypass.db'}?mode=ro", uri=True)) as connection:
        return {key for (key,) in connection.execute("SELECT DISTINCT substr(sealed, 1, 4) FROM access_keys")}


def test_no_key_shows_in_files_logs_listings_metrics_or_the_process_list(tmp_path: Path) -> None:
    data = tmp_path / "data"
    seen: dict[str, bytes] = {}
    with running(data) as server:
        before = operator(server)
    canaries = _key_bytes(data)
    with running(data, "--metrics", "127.0.0.1:0") as server:
        port = server.stderr.read_text().rpartition("metrics on port ")[2].split()[0]
        seen["rotate"] = server.command("keys", "rotate", "--wait").stdout.encode()
        seen["table"] = server.command("keys").stdout.encode()
        seen["json"] = server.command("keys", "-o", "json").stdout.encode()
        seen["revoke"] = server.command("keys", "revoke", sealed_by(before), "--yes").stdout.encode()
        seen["events"] = server.command("events", "-o", "json").stdout.encode()
        seen["doctor"] = server.command("doctor", check=False).stdout.encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            seen["metrics"] = answer.read()
        for name in ("cmdline", "environ"):
            seen[name] = Path(f"/proc/{server.process.pid}/{name}").read_bytes()
        for path in data.rglob("*"):  # the database's log as well, which is gone after the end
            if path.is_file() and path.name != "root.key":
                seen[f"running/{path.relative_to(data)}"] = path.read_bytes()
    assert b"daypass_data_key_age_seconds" in seen["metrics"]
    assert any(name.endswith("-wal") for name in seen)
    canaries |= _key_bytes(data)
    assert len(canaries) >= 4
    for path in (*data.rglob("*"), server.stdout, server.stderr):
        if path.is_file() and path.name != "root.key":
            seen[str(path)] = path.read_bytes()
    for form in (bytes, lambda key: key.hex().encode(), lambda key: base64.b64encode(key).rstrip(b"="), repr_of):
        assert [name for name, text in seen.items() for key in canaries if form(key) in text] == []


def repr_of(key: bytes) -> bytes:
    return repr(key)[2:-1].encode()


def _key_bytes(data: Path) -> set[bytes]:
    """The seal keys and data keys of a state that nothing runs on."""
    store = _opened(data)
    found = {key.secret.reveal() for key in store.snapshot.seal_keys} | {key.key.reveal() for key in store.rotation.data_keys}
    store.close()
    return found
