"""The prepared HMAC against the standard library's, for keys of every kind of length; and that it shows nothing."""

from __future__ import annotations

import hmac

import pytest

from daypass.values.mac import Mac


@pytest.mark.parametrize("size", [0, 1, 32, 63, 64, 65, 200])
@pytest.mark.parametrize("message", [b"", b"m", b"m" * 1000])
def test_it_is_hmac_sha256(size: int, message: bytes) -> None:
    key = bytes(range(size))
    mac = Mac(key)
    assert mac.digest(message) == hmac.digest(key, message, "sha256")
    assert mac.digest(message) == mac.digest(message)


def test_it_does_not_show_its_key() -> None:
    assert "kkkk" not in repr(Mac(b"kkkk"))
