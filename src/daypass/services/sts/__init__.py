"""The Security Token Service: passes for proofs."""

from daypass.services.sts import (
    assume_role,
    assume_root,
    decode,
    federation_token,
    identity,
    identity_token,
    session_token,
    web_identity,
)

__all__ = ["assume_role", "assume_root", "decode", "federation_token", "identity", "identity_token", "session_token", "web_identity"]
