"""Verifies the operator at the other end of the unix socket by the uid that the kernel reports. Does not read the socket itself."""

from __future__ import annotations

import re
from collections.abc import Collection

from daypass.values.errors import INVALID_TOKEN, ProofError, ProofFault

_PEER = re.compile(r"uid:(0|[1-9][0-9]{0,9})", re.ASCII)


def verify_peer(peer: str, allowed_uids: Collection[int]) -> int:
    """The uid of `peer` (`uid:N`, set by the door from SO_PEERCRED) when it is allowed. Raises ProofError."""
    match = _PEER.fullmatch(peer)
    if match is None:
        raise ProofError(ProofFault.MISSING, "Request is missing Authentication Token", "the peer is not one of the operator's socket")
    uid = int(match[1])
    if uid not in allowed_uids:
        raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, f"uid {uid} is not an operator")
    return uid
