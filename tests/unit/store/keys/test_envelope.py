"""The envelope: a sealed secret opens at its own place only (H72)."""

from __future__ import annotations

import pytest

from daypass.store.keys import Envelope, Unsealable
from daypass.store.keys.envelope import new_data_key

PLACE = ("access_keys", "111111111111", "AKIA1")


def _envelope(installation: str = "aa", **keys: bytes) -> Envelope:
    held = keys or {"00000001": bytes(32)}
    return Envelope(installation, held, max(held))


def test_what_was_sealed_opens_and_does_not_show() -> None:
    envelope = _envelope()
    sealed = envelope.seal(b"a canary of some length", *PLACE)
    assert b"canary" not in sealed
    assert envelope.open(sealed, *PLACE) == b"a canary of some length"


@pytest.mark.parametrize("place", [("seal_keys", *PLACE[1:]), (PLACE[0], "222222222222", PLACE[2]), (*PLACE[:2], "AKIA2")])
def test_h72_it_does_not_open_in_another_row(place: tuple[str, str, str]) -> None:
    envelope = _envelope()
    sealed = envelope.seal(b"secret", *PLACE)
    with pytest.raises(Unsealable):
        envelope.open(sealed, *place)


def test_h72_it_does_not_open_in_another_installation() -> None:
    with pytest.raises(Unsealable):
        _envelope("bb").open(_envelope("aa").seal(b"secret", *PLACE), *PLACE)


def test_h72_every_flipped_bit_and_every_cut_shows() -> None:
    envelope = _envelope()
    sealed = envelope.seal(b"secret", *PLACE)
    for bit in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Unsealable):
            envelope.open(bytes(flipped), *PLACE)
    for end in range(len(sealed)):
        with pytest.raises(Unsealable):
            envelope.open(sealed[:end], *PLACE)


def test_h72_nonces_are_unique() -> None:
    envelope = _envelope()
    nonces = {envelope.seal(b"", *PLACE)[4:16] for _ in range(20_000)}
    assert len(nonces) == 20_000


def test_a_retained_data_key_still_opens_and_the_active_one_seals() -> None:
    old = Envelope("aa", {"00000001": bytes(32)}, "00000001")
    sealed = old.seal(b"secret", *PLACE)
    both = Envelope("aa", {"00000001": bytes(32), "00000002": b"2" * 32}, "00000002")
    assert both.open(sealed, *PLACE) == b"secret"
    assert both.seal(b"secret", *PLACE)[:4] == bytes.fromhex("00000002")
    with pytest.raises(Unsealable, match="not known"):
        old.open(both.seal(b"secret", *PLACE), *PLACE)


def test_data_keys_are_fresh() -> None:
    (first, key), (second, other) = new_data_key(), new_data_key()
    assert first != second and key != other and len(key) == 32
