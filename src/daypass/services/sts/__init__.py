"""The Security Token Service: passes for proofs."""

from daypass.services.sts import assume_role, identity, session_token, web_identity

__all__ = ["assume_role", "identity", "session_token", "web_identity"]
