"""TOTP: RFC 6238's own vectors, another implementation as the judge, and no code taken twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit  # noqa: TID251  # the judge of an address that we make

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from hypothesis import given
from hypothesis import strategies as st

from daypass.proof.totp import (
    SEED_BYTES,
    STEP_SECONDS,
    SYNC_WINDOW,
    WINDOW,
    WrongCode,
    base32_of,
    code_of,
    provisioning_uri,
    step_at,
    verify_code,
    verify_consecutive,
)
from daypass.values.secret import Secret

SEED = Secret(b"12345678901234567890")
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
HERE = step_at(NOW)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"), (2000000000, "69279037"),
     (20000000000, "65353130")],
)  # fmt: skip
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    assert code_of(SEED, seconds // STEP_SECONDS) == code[-6:]  # Appendix B shows eight digits


@given(seed=st.binary(min_size=20, max_size=64), seconds=st.integers(0, 2**33))
def test_another_implementation_agrees(seed: bytes, seconds: int) -> None:
    judge = TOTP(seed, 6, SHA1(), STEP_SECONDS)  # noqa: S303  # RFC 6238's default, as a MAC
    assert judge.generate(seconds).decode() == code_of(Secret(seed), seconds // STEP_SECONDS)


@pytest.mark.parametrize("off", range(-3, 4))
def test_the_window_is_one_step_either_way(off: int) -> None:
    code = code_of(SEED, HERE + off)
    if abs(off) <= WINDOW:
        assert verify_code(SEED, code, NOW, drift=0, last_step=0) == HERE + off
    else:
        with pytest.raises(WrongCode):
            verify_code(SEED, code, NOW, drift=0, last_step=0)


def test_the_edges_of_a_step() -> None:
    code = code_of(SEED, HERE)
    last = NOW + timedelta(seconds=STEP_SECONDS * (1 + WINDOW) - 1)
    assert verify_code(SEED, code, last, drift=0, last_step=0) == HERE
    with pytest.raises(WrongCode):
        verify_code(SEED, code, last + timedelta(seconds=1), drift=0, last_step=0)
    assert verify_code(SEED, code, NOW - timedelta(seconds=STEP_SECONDS), drift=0, last_step=0) == HERE
    with pytest.raises(WrongCode):
        verify_code(SEED, code, NOW - timedelta(seconds=STEP_SECONDS + 1), drift=0, last_step=0)


def test_drift_moves_the_window() -> None:
    assert verify_code(SEED, code_of(SEED, HERE + 7), NOW, drift=7, last_step=0) == HERE + 7
    with pytest.raises(WrongCode):
        verify_code(SEED, code_of(SEED, HERE), NOW, drift=7, last_step=0)


@pytest.mark.parametrize("taken", [HERE, HERE + 1, HERE + 50])
def test_H16_a_step_that_was_taken_is_never_taken_again(taken: int) -> None:
    with pytest.raises(WrongCode):
        verify_code(SEED, code_of(SEED, HERE), NOW, drift=0, last_step=taken)
    assert verify_code(SEED, code_of(SEED, HERE), NOW, drift=0, last_step=HERE - 1) == HERE


@pytest.mark.parametrize("bend", [" {}", "{} ", "{}\n", "+{}", "{}0", "0{}", "", "{}\x00"])
def test_H16_a_code_has_one_spelling(bend: str) -> None:
    code = code_of(SEED, HERE)
    with pytest.raises(WrongCode):
        verify_code(SEED, bend.format(code), NOW, drift=0, last_step=0)
    with pytest.raises(WrongCode):
        verify_code(SEED, code.translate({48 + n: 0x660 + n for n in range(10)}), NOW, drift=0, last_step=0)  # Arabic-Indic digits


@pytest.mark.parametrize("off", [-SYNC_WINDOW, -2, -1, 0, 1, 2, SYNC_WINDOW])
def test_two_consecutive_codes_prove_the_drift(off: int) -> None:
    synced = verify_consecutive(SEED, code_of(SEED, HERE + off - 1), code_of(SEED, HERE + off), NOW, last_step=0)
    assert synced == (off if abs(off) > WINDOW else 0, HERE + off)


@pytest.mark.parametrize(
    "steps", [(0, 0), (1, 0), (-2, 0), (SYNC_WINDOW, SYNC_WINDOW + 1), (-SYNC_WINDOW - 2, -SYNC_WINDOW - 1)], ids=str
)
def test_codes_that_do_not_follow_or_are_too_far_prove_nothing(steps: tuple[int, int]) -> None:
    first, second = (code_of(SEED, HERE + step) for step in steps)
    with pytest.raises(WrongCode):
        verify_consecutive(SEED, first, second, NOW, last_step=0)


@pytest.mark.parametrize("bend", [" {}", "{}\n", "{}0", ""])
def test_neither_of_two_codes_has_another_spelling(bend: str) -> None:
    first, second = code_of(SEED, HERE - 1), code_of(SEED, HERE)
    for pair in ((bend.format(first), second), (first, bend.format(second))):
        with pytest.raises(WrongCode):
            verify_consecutive(SEED, *pair, NOW, last_step=0)
    for pair in (("١٢٣٤٥٦", second), (first, "١٢٣٤٥٦")):
        with pytest.raises(WrongCode):  # and no error of another kind for what is no ASCII
            verify_consecutive(SEED, *pair, NOW, last_step=0)


@pytest.mark.parametrize("off", [-SYNC_WINDOW - 1, SYNC_WINDOW + 1])
def test_two_codes_just_beyond_prove_nothing(off: int) -> None:
    with pytest.raises(WrongCode):
        verify_consecutive(SEED, code_of(SEED, HERE + off - 1), code_of(SEED, HERE + off), NOW, last_step=0)


def test_used_codes_prove_no_drift() -> None:
    first, second = code_of(SEED, HERE - 1), code_of(SEED, HERE)
    with pytest.raises(WrongCode):
        verify_consecutive(SEED, first, second, NOW, last_step=HERE - 1)
    assert verify_consecutive(SEED, first, second, NOW, last_step=HERE - 2).last_step == HERE


def test_the_address_in_the_qr_code() -> None:
    uri = urlsplit(provisioning_uri(SEED, "daypass", "a&b=c@123456789012"))
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", "/daypass:a&b=c@123456789012")
    assert dict(parse_qsl(uri.query)) == {"secret": base32_of(SEED), "issuer": "daypass"}
    assert provisioning_uri(SEED, "day/pass", "a:b") == f"otpauth://totp/day%2Fpass:a:b?secret={base32_of(SEED)}&issuer=day%2Fpass"
    assert base32_of(Secret(b"12345")) == "GEZDGNBV" and base32_of(Secret(b"1234")) == "GEZDGNA"  # no padding
    assert (SEED_BYTES, STEP_SECONDS, SYNC_WINDOW) == (20, 30, 20)  # what the documents of the product promise
    assert base32_of(SEED) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # the same seed in RFC 6238's companion vectors
