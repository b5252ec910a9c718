"""Identifiers: the account in a key id, shapes, and where randomness goes."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.values.ids import (
    LONG_TERM,
    ROLE,
    TEMPORARY,
    account_of_key_id,
    is_account_id,
    is_key_id,
    key_id,
    request_id,
    secret_access_key,
    unique_id,
)


def test_the_account_is_read_from_a_key_id_of_aws() -> None:
    """Source: the example in Aidan Steele, "AWS Access Key ID formats" (2020)."""
    assert account_of_key_id("ASIAQNZGKIQY56JQ7WML") == "029608264753"


def test_a_key_id_of_the_old_form_names_no_account() -> None:
    assert account_of_key_id("AKIAIOSFODNN7EXAMPLE") is None


@given(account=st.integers(0, 10**12 - 1), random=st.binary(min_size=5, max_size=8), prefix=st.sampled_from([LONG_TERM, TEMPORARY]))
def test_a_key_id_carries_its_account(account: int, random: bytes, prefix: str) -> None:
    made = key_id(prefix, f"{account:012d}", random)
    assert is_key_id(made)
    assert made.startswith(prefix)
    assert account_of_key_id(made) == f"{account:012d}"


def test_different_randomness_gives_different_key_ids() -> None:
    assert key_id(TEMPORARY, "123456789012", bytes(5)) != key_id(TEMPORARY, "123456789012", bytes(4) + b"\x01")


@pytest.mark.parametrize(
    "text",
    ["", "ASIA", "ASIAQNZGKIQY56JQ7WM", "ASIAQNZGKIQY56JQ7WMLL", "asiaqnzgkiqy56jq7wml", "ASIAQNZGKIQY56JQ7WM1", "AROAQNZGKIQY56JQ7WML"],
)
def test_what_is_no_key_id(text: str) -> None:
    assert not is_key_id(text)
    assert account_of_key_id(text) is None


@pytest.mark.parametrize(
    "text", ["ASIAQNZGKIQY56JQ7WML\n", "\u0661" * 12, "12345678901", "1234567890123", "12345678901\n", "-12345678901", "1_2345678901"]
)
def test_lookalikes_are_neither_account_nor_key_id(text: str) -> None:
    assert not is_account_id(text)
    assert not is_key_id(text)


def test_an_account_id_is_twelve_digits() -> None:
    assert is_account_id("000000000001")


@given(st.binary(min_size=11, max_size=11))
def test_a_unique_id_has_twenty_one_characters(random: bytes) -> None:
    assert re.fullmatch(r"AROA[A-Z2-7]{17}", unique_id(ROLE, random), re.ASCII)


def test_every_bit_of_a_unique_id_comes_from_the_randomness() -> None:
    ones = {unique_id(ROLE, (1 << bit).to_bytes(11, "big")) for bit in range(85)}
    assert len(ones) == 85


@given(st.binary(min_size=30, max_size=30))
def test_a_secret_access_key_has_forty_characters(random: bytes) -> None:
    assert re.fullmatch(r"[A-Za-z0-9/+]{40}", secret_access_key(random), re.ASCII)


@pytest.mark.parametrize("size", [0, 29, 31])
def test_a_secret_access_key_is_not_made_of_less_or_more(size: int) -> None:
    with pytest.raises(ValueError, match="30 random bytes"):
        secret_access_key(bytes(size))


@given(st.binary(min_size=16, max_size=16))
def test_a_request_id_is_a_version_4_uuid(random: bytes) -> None:
    assert request_id(random) == str(UUID(bytes=random, version=4))
