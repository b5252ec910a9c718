"""The operator's uid, as the door passes it on."""

from __future__ import annotations

import pytest

from daypass.proof.peer import verify_peer
from daypass.values.errors import ProofError, ProofFault


@pytest.mark.parametrize("uid", [0, 1000, 4294967294])
def test_an_allowed_uid(uid: int) -> None:
    assert verify_peer(f"uid:{uid}", {uid, 5}) == uid


def test_another_uid() -> None:
    with pytest.raises(ProofError) as caught:
        verify_peer("uid:1001", frozenset({1000, 0}))
    assert caught.value.fault is ProofFault.UNKNOWN_KEY


@pytest.mark.parametrize(
    "peer", ["", "127.0.0.1", "uid:", "uid:-1", "uid:00", "uid:01", "uid:0 ", "uid:0\n", "uid:٠", "UID:0", "uid:1_0", "uid:99999999999"]
)
def test_anything_else_is_no_operator(peer: str) -> None:
    with pytest.raises(ProofError) as caught:
        verify_peer(peer, {0, 1, 10})
    assert caught.value.fault is ProofFault.MISSING
