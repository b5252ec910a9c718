"""The Security Token Service: passes for proofs."""

from daypass.services.sts import assume_role, decode, identity, session_token, web_identity

__all__ = ["assume_role", "decode", "identity", "session_token", "web_identity"]
