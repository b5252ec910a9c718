"""Passes: mint them, seal and open their tokens, derive their secrets, keep their lineage. Never decides and never fetches."""

from daypass.passes.key import SECRET_BYTES, SealKeyValue, SealState
from daypass.passes.lineage import ancestors_of_child
from daypass.passes.message import MESSAGE, MessageError, open_message, seal_message
from daypass.passes.mint import RANDOM_BYTES, mint
from daypass.passes.narrow import CHAINING_CAP, MAX_DURATION, MAX_SESSION_POLICIES, MAX_SESSION_POLICY, MAX_TAGS
from daypass.passes.opened import OpenedTokens
from daypass.passes.seal import MAX_TOKEN, NONCE_BYTES, open_token, open_with_secret, seal, secret_of

__all__ = [
    "CHAINING_CAP",
    "MAX_DURATION",
    "MAX_SESSION_POLICIES",
    "MAX_SESSION_POLICY",
    "MAX_TAGS",
    "MAX_TOKEN",
    "MESSAGE",
    "NONCE_BYTES",
    "RANDOM_BYTES",
    "SECRET_BYTES",
    "MessageError",
    "OpenedTokens",
    "SealKeyValue",
    "SealState",
    "ancestors_of_child",
    "mint",
    "open_message",
    "open_token",
    "open_with_secret",
    "seal",
    "seal_message",
    "secret_of",
]
