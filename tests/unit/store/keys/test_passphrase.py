"""The passphrase: the same one opens again, another does not, a database cannot make us work without end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.store.keys import PassphraseKey, WrongKey
from daypass.store.keys import passphrase as module
from daypass.values.errors import ConfigError, KeyAway
from daypass.values.secret import Secret

GOOD = "correct horse battery"


COSTS = (module.ITERATIONS, module.LANES, module.MEMORY_KIB)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMORY_KIB", 64)
    monkeypatch.setattr(module, "ITERATIONS", 1)


def _begun() -> tuple[bytes, bytes]:
    key = PassphraseKey(Secret(GOOD))
    return key.begin(), key.wrap(b"a data key", b"here")


def test_the_costs_are_those_of_rfc_9106() -> None:
    assert COSTS == (3, 4, 65536)


def test_the_same_passphrase_opens_again() -> None:
    parameters, wrapped = _begun()
    again = PassphraseKey(Secret(GOOD))
    again.resume(parameters)
    assert again.unwrap(wrapped, b"here") == b"a data key"


def test_another_passphrase_does_not() -> None:
    parameters, wrapped = _begun()
    other = PassphraseKey(Secret(GOOD + "!"))
    other.resume(parameters)
    with pytest.raises(WrongKey):
        other.unwrap(wrapped, b"here")


def test_two_installations_have_different_salts_and_so_keys() -> None:
    first, wrapped = _begun()
    second, _ = _begun()
    assert json.loads(first)["salt"] != json.loads(second)["salt"]
    other = PassphraseKey(Secret(GOOD))
    other.resume(second)
    with pytest.raises(WrongKey):
        other.unwrap(wrapped, b"here")


@pytest.mark.parametrize("short", ["", "elevenchars", "äöüäöüäöüäö"])
def test_a_short_passphrase_is_refused_at_the_beginning(short: str) -> None:
    with pytest.raises(ConfigError, match="at least 12"):
        PassphraseKey(Secret(short)).begin()


@pytest.mark.parametrize("change", [{"memory": 2**21}, {"iterations": 65}, {"lanes": 65}, {"iterations": 0}, {"lanes": 0}])
def test_a_database_cannot_ask_for_endless_work(change: dict[str, Any]) -> None:
    parameters, _ = _begun()
    with pytest.raises(ConfigError, match="tampered"):
        PassphraseKey(Secret(GOOD)).resume(json.dumps(json.loads(parameters) | change).encode())


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        (b"", "does not know"),
        (b"{}", "does not know"),
        (b'{"kind":"file"}', "in a key file"),
        (b'{"kind":"pkcs11","id":"00"}', "in a PKCS#11 token"),
        (b'{"kind":"kms"}', "in a KMS"),
    ],
)
def test_a_database_of_another_kind_of_key_is_refused(parameters: bytes, where: str) -> None:
    with pytest.raises(ConfigError, match=f"{where}.*, not in a passphrase"):
        PassphraseKey(Secret(GOOD)).resume(parameters)


def test_the_passphrase_is_not_shown() -> None:
    key = PassphraseKey(Secret(GOOD))
    assert GOOD not in repr(key) and GOOD not in key.where


def test_without_a_passphrase_it_waits_for_somebody_to_bring_one() -> None:
    parameters, _ = _begun()
    for ask in (PassphraseKey(None).begin, lambda: PassphraseKey(None).resume(parameters)):
        with pytest.raises(KeyAway, match="daypass unseal") as away:
            ask()
        assert not away.value.by_itself


def test_a_passphrase_that_was_brought_begins_nothing_unless_it_was_meant_to() -> None:
    with pytest.raises(ConfigError, match="is it the right one"):
        PassphraseKey(Secret(GOOD), may_begin=False).begin()
    assert PassphraseKey(Secret(GOOD), may_begin=True).begin()
