"""daypass keys: what is shown of the keys, what is asked of the server, how long it is waited."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daypass.cli import keys
from daypass.cli.exits import CONFIG, OK, UNREACHABLE, USAGE, Trouble
from daypass.store import open_store
from daypass.store.keys import FileKey, PassphraseKey, root_key
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

SEAL: dict[str, Any] = {
    "KeyId": "00000001",
    "Kind": "SEAL",
    "State": "ACTIVE",
    "Created": 1764547200,
    "AgeSeconds": 90000,
    "LivePasses": 2,
    "LastPassExpires": 1764590400,
    "Nodes": ["a", "b"],
    "WaitsFor": [],
}
DATA = SEAL | {"KeyId": "00000002", "Kind": "DATA", "Rows": 12}
WAITING = SEAL | {"KeyId": "00000003", "State": "PENDING", "LivePasses": 0, "Nodes": ["a"], "WaitsFor": ["b"]}
RETAINED = DATA | {"KeyId": "00000004", "State": "RETAINED", "Rows": 5}
WORDS = "a passphrase of some length"


def test_the_list(daypass: Any, fake: Any) -> None:
    fake.reply("ListKeys", {"Keys": [SEAL, WAITING, DATA], "RotateAfterSeconds": 30 * 86400})
    done = daypass("keys", "--data", fake.data)
    assert done.code == OK
    lines = done.out.splitlines()
    assert lines[1].split()[:3] == ["00000001", "tokens", "ACTIVE"] and "1 d" in lines[1]
    assert "2 passes, until 2025-12-01T12:00:00Z" in lines[1]
    assert lines[2].endswith("1, waits for b")
    assert "12 rows" in lines[3]
    assert "30 d" in done.err


def test_the_list_for_scripts_is_the_servers_answer(daypass: Any, fake: Any) -> None:
    fake.reply("ListKeys", {"Keys": [SEAL]})
    assert json.loads(daypass("keys", "list", "-o", "json", "--data", fake.data).out) == {"Keys": [SEAL]}


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ((), {}),
        (("seal",), {"Kind": "SEAL"}),
        (("data",), {"Kind": "DATA"}),
        (("seal", "--without-silent"), {"Kind": "SEAL", "WithoutSilent": True}),
    ],
)
def test_rotating(daypass: Any, fake: Any, words: tuple[str, ...], asked: dict[str, Any]) -> None:
    fake.reply("RotateKeys", {"Keys": [{"KeyId": "00000003", "Kind": "SEAL", "State": "PENDING"}]})
    done = daypass("keys", "rotate", *words, "--data", fake.data)
    assert done.code == OK and "PENDING" in done.out
    assert fake.asked == [("RotateKeys", asked)]


def test_waiting_sees_it_through(daypass: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "POLL", 0.0)
    fake.reply("RotateKeys", {"Keys": [{"KeyId": "00000003", "Kind": "SEAL", "State": "PENDING"}]})
    active = WAITING | {"State": "ACTIVE", "WaitsFor": []}
    fake.reply("ListKeys", {"Keys": [SEAL, WAITING, DATA]}, {"Keys": [active, DATA, RETAINED]}, {"Keys": [active, DATA]})
    done = daypass("keys", "rotate", "--wait", "--data", fake.data)
    assert done.code == OK and "PENDING" not in done.out and "00000004" not in done.out
    assert len(fake.asked) == 4


@pytest.mark.parametrize(("stuck", "code", "says"), [([WAITING], UNREACHABLE, "waits for b"), ([DATA, RETAINED], CONFIG, "5 rows cannot")])
def test_waiting_ends_when_nothing_moves(
    fake: Any, monkeypatch: pytest.MonkeyPatch, stuck: list[dict[str, Any]], code: int, says: str
) -> None:
    fake.reply("ListKeys", {"Keys": stuck})
    slept: list[float] = []
    with pytest.raises(Trouble, match=says) as caught:
        keys._wait(str(fake.data), ["00000003"], slept.append)
    assert caught.value.exit_code == code
    assert sum(slept) == pytest.approx(keys.WAIT_SECONDS, abs=1)


def test_revoking_asks_back_with_what_it_would_end(daypass: Any, fake: Any) -> None:
    fake.reply("ListKeys", {"Keys": [SEAL]})
    done = daypass("keys", "revoke", "00000001", "--data", fake.data)
    assert done.code == USAGE and "live passes: 2" in done.err and "--yes" in done.err
    assert [name for name, _ in fake.asked] == ["ListKeys"]
    fake.reply("RevokeKey", {"KeyId": "00000001", "State": "REVOKED", "SessionsEnded": 2, "SuccessorId": "00000009"})
    done = daypass("keys", "revoke", "00000001", "--yes", "--data", fake.data)
    assert done.code == OK and done.out.splitlines()[1].split() == ["00000001", "REVOKED", "2", "00000009"]
    assert fake.asked[-1] == ("RevokeKey", {"KeyId": "00000001"})


@pytest.mark.parametrize("words", [("revoke",), ("rotate", "everything"), ("list", "seal"), ("rewrap",), ("rewrap", "seal")])
def test_what_is_not_said_rightly(daypass: Any, fake: Any, words: tuple[str, ...]) -> None:
    assert daypass("keys", *words, "--data", fake.data).code == USAGE
    assert fake.asked == []


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0 s"), (59, "59 s"), (60, "1 m"), (86399, "23 h"), (86400, "1 d"), (864000, "10 d")])
def test_ages(seconds: int, shown: str) -> None:
    assert keys.show_age(seconds) == shown


# -- rewrap


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A data directory whose server has stopped."""
    store = open_store(tmp_path / "daypass.db", FileKey(tmp_path / "root.key"), datetime.now(UTC))
    store.secret("ledger")
    store.close()
    return tmp_path


def test_rewrap_moves_it_to_another_root_key_and_back(daypass: Any, installed: Path) -> None:
    words = installed / "words"
    words.write_text(WORDS)
    words.chmod(0o600)
    with_file = open_store(installed / "daypass.db", FileKey(installed / "root.key"), datetime.now(UTC))
    wrapped = with_file.rotation.data_keys[0].wrapped
    ledger = with_file.secret("ledger").reveal()
    with_file.close()
    done = daypass("keys", "rewrap", "--to-passphrase-file", str(words), "-o", "json", "--data", installed)
    assert (done.code, json.loads(done.out)) == (OK, {"Keys": 1, "RootKey": "the passphrase"})
    assert all(wrapped not in path.read_bytes() for path in installed.glob("daypass.db*"))
    with pytest.raises(ConfigError, match="in a passphrase"):
        open_store(installed / "daypass.db", FileKey(installed / "root.key"), datetime.now(UTC))
    after = open_store(installed / "daypass.db", PassphraseKey(Secret(WORDS.encode())), datetime.now(UTC))
    assert after.secret("ledger").reveal() == ledger
    after.close()
    new = installed / "new.key"
    done = daypass("keys", "rewrap", "--passphrase-file", str(words), "--to-key-file", str(new), "--data", installed)
    assert done.code == OK and "new.key" in done.out
    with pytest.raises(ConfigError, match="does not open this database"):  # the first one, which is still there
        open_store(installed / "daypass.db", FileKey(installed / "root.key"), datetime.now(UTC))
    again = open_store(installed / "daypass.db", root_key(new), datetime.now(UTC))
    assert again.secret("ledger").reveal() == ledger
    again.close()


def test_rewrap_with_the_wrong_key_changes_nothing(daypass: Any, installed: Path) -> None:
    FileKey(installed / "other.key").begin()
    before = (installed / "daypass.db").read_bytes()
    arguments = ("--key-file", str(installed / "other.key"), "--to-key-file", str(installed / "new.key"))
    done = daypass("keys", "rewrap", *arguments, "--data", installed)
    assert done.code == CONFIG and "does not open this database" in done.err
    assert (installed / "daypass.db").read_bytes() == before


def test_rewrap_of_nothing(daypass: Any, tmp_path: Path) -> None:
    done = daypass("keys", "rewrap", "--to-key-file", str(tmp_path / "new.key"), "--data", tmp_path)
    assert done.code == CONFIG and "no installation" in done.err
    assert not os.path.exists(tmp_path / "new.key")
