"""Signing keys: equal to the standard library's HMAC, bounded, forgotten on request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daypass.proof.sigv4_claim import read_claim
from daypass.proof.sigv4_keys import SigningKeys, derive
from daypass.values.caller import SigV4Claim
from daypass.values.mac import Mac
from daypass.values.secret import Secret
from unit.proof.requests import SECRET, plain_hmac, sign, sts_request


def a_claim(**changes: str) -> SigV4Claim:
    claim = read_claim(sign(sts_request()))
    assert claim is not None
    return replace(claim, **changes)  # type: ignore[arg-type]  # only text fields are changed here


def test_derivation_is_four_hmacs() -> None:
    key = b"AWS4" + SECRET.reveal()
    for part in ("20260101", "us-east-1", "sts", "aws4_request"):
        key = plain_hmac(key, part)
    assert derive(SECRET, "20260101", "us-east-1", "sts").digest(b"text") == Mac(key).digest(b"text")


def test_every_part_of_the_scope_makes_another_key() -> None:
    made = {
        derive(secret, date, region, service).digest(b"")
        for secret, date, region, service in [
            (SECRET, "20260101", "r", "s"),
            (Secret("x"), "20260101", "r", "s"),
            (SECRET, "20260102", "r", "s"),
            (SECRET, "20260101", "q", "s"),
            (SECRET, "20260101", "r", "t"),
        ]
    }
    assert len(made) == 5


@pytest.mark.parametrize("part", ["key_id", "date", "region", "service"])
def test_a_key_is_found_for_its_very_scope_only(part: str) -> None:
    keys, key = SigningKeys(), Mac(b"k")
    keys.remember(a_claim(), SECRET, key)
    assert keys.find(a_claim(), SECRET) is key
    assert keys.find(a_claim(**{part: "other"}), SECRET) is None
    assert keys.find(a_claim(), Secret("other")) is None


def test_a_changed_secret_takes_the_place() -> None:
    keys, new = SigningKeys(), Mac(b"new")
    keys.remember(a_claim(), SECRET, Mac(b"k"))
    keys.remember(a_claim(), Secret("new"), new)
    assert keys.find(a_claim(), Secret("new")) is new and keys.find(a_claim(), SECRET) is None and len(keys) == 1


def test_forgetting_takes_all_keys_of_an_id() -> None:
    keys = SigningKeys()
    for key_id in ("A", "B"):
        for region in ("r", "s"):
            keys.remember(a_claim(key_id=key_id, region=region), SECRET, Mac(b"k"))
    keys.forget("A")
    keys.forget("A")
    keys.forget("C")
    assert len(keys) == 2
    assert keys.find(a_claim(key_id="A", region="r"), SECRET) is None
    assert keys.find(a_claim(key_id="B", region="r"), SECRET) is not None


def test_the_memory_is_bounded_and_the_oldest_leaves_first() -> None:
    keys = SigningKeys(limit=3)
    for number in range(5):
        keys.remember(a_claim(key_id=f"K{number}"), SECRET, Mac(b"k"))
    assert len(keys) == 3
    assert [keys.find(a_claim(key_id=f"K{number}"), SECRET) is not None for number in range(5)] == [False, False, True, True, True]
    assert len(keys._scopes) == 3  # the index does not grow either


def test_a_key_that_was_pushed_out_leaves_its_siblings_to_be_forgotten() -> None:
    keys = SigningKeys(limit=2)
    for region in ("r", "s", "t"):
        keys.remember(a_claim(region=region), SECRET, Mac(b"k"))
    assert len(keys) == 2
    keys.forget(a_claim().key_id)
    assert len(keys) == 0
