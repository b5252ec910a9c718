from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.passes import MESSAGE, MessageError, SealKeyValue, open_message, seal, seal_message
from daypass.values.secret import Secret

NONCE = b"n" * 12
KEY = SealKeyValue("0a1b2c3d", Secret(bytes(range(32))))
KEYS = {KEY.id: KEY}


@given(st.binary(max_size=700), st.binary(min_size=12, max_size=12))
@settings(max_examples=60)
def test_what_was_sealed_is_read_again_and_every_message_is_as_long(content: bytes, nonce: bytes) -> None:
    sealed = seal_message(content, KEY, nonce)
    assert sealed is not None and len(sealed) == MESSAGE
    assert open_message(sealed, KEYS) == content


def test_what_does_not_fit_is_said_and_not_cut() -> None:
    long = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(40))
    assert seal_message(long, KEY, NONCE) is None
    assert seal_message(b"the same again and again " * 200, KEY, NONCE) is not None


def test_the_same_content_under_another_nonce_looks_unlike() -> None:
    one, two = (seal_message(b"content", KEY, nonce) for nonce in (b"1" * 12, b"2" * 12))
    assert one is not None and two is not None
    assert sum(a == b for a, b in zip(one[30:], two[30:], strict=True)) < 100


@pytest.mark.parametrize("at", [0, 3, 8, 30, 800, MESSAGE - 1])
def test_one_altered_character_and_nothing_is_read(at: int) -> None:
    sealed = seal_message(b"content", KEY, NONCE)
    assert sealed is not None
    other = "A" if sealed[at] != "A" else "B"
    with pytest.raises(MessageError):
        open_message(sealed[:at] + other + sealed[at + 1 :], KEYS)


def test_what_is_no_message() -> None:
    sealed = seal_message(b"content", KEY, NONCE)
    assert sealed is not None
    standard = base64.b64encode(base64.urlsafe_b64decode(sealed)).decode()
    assert standard != sealed
    for text in ("", "x", sealed[:-1], sealed + "A", "é" * MESSAGE, "=" * MESSAGE, "\n" * MESSAGE, standard):
        with pytest.raises(MessageError):
            open_message(text, KEYS)


@given(st.text(alphabet="AB-_+/=\n é", min_size=MESSAGE, max_size=MESSAGE) | st.text())
@settings(max_examples=60)
def test_no_text_is_more_than_refused(text: str) -> None:
    with pytest.raises(MessageError):
        open_message(text, KEYS)


def test_a_revoked_or_unknown_key_opens_nothing_and_a_retained_one_does() -> None:
    sealed = seal_message(b"content", KEY, NONCE)
    assert sealed is not None
    secret = Secret(bytes(range(32)))
    assert open_message(sealed, {KEY.id: SealKeyValue(KEY.id, secret, "retained")}) == b"content"
    for keys in ({}, {KEY.id: SealKeyValue(KEY.id, secret, "revoked")}, {KEY.id: SealKeyValue(KEY.id, Secret(bytes(32)))}):
        with pytest.raises(MessageError):
            open_message(sealed, keys)
    with pytest.raises(ValueError, match="active key"):
        seal_message(b"content", SealKeyValue(KEY.id, secret, "retained"), NONCE)


def test_a_session_token_is_no_message_and_a_message_no_token(mint: object) -> None:
    made = mint()  # type: ignore[operator]  # the fixture is a function
    padded = seal(made.session, KEY, NONCE, pad_to=MESSAGE).reveal().decode().replace("+", "-").replace("/", "_")
    assert len(padded) == MESSAGE
    with pytest.raises(MessageError):
        open_message(padded, KEYS)
