"""The error tree. A request fails by Refusal or ProofError, a start by ConfigError; everything else is a bug: 500 without detail."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Refusal(Exception):
    """A request is refused: `code` and `message` go to the caller in its protocol's envelope.

    `status` None means: the status that the service's model gives to `code`, else 400.
    `members` are further modelled members of the error. `private` goes to the ledger only. `encoded` follows the message on its way to the
    caller, who cannot read it: why policy refused.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int | None = None,
        *,
        members: Mapping[str, object] | None = None,
        private: str = "",
        encoded: str = "",
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})
        self.private = private
        self.encoded = encoded

    @property
    def told(self) -> str:
        """What the caller is told: the message and, in AWS's words, what it may have decoded."""
        return f"{self.message}. {ENCODED}{self.encoded}" if self.encoded else self.message


ENCODED = "Encoded authorization failure message: "  # EC2's words (EC2 API reference, "UnauthorizedOperation"); fact sheet A, §3.12
INVALID_TOKEN = "The security token included in the request is invalid"  # AWS's text (fact sheet A, §1.11)
EXPIRED_TOKEN = "The security token included in the request is expired"  # likewise


class ProofFault(Enum):
    """What is wrong with a proof. wire/refusals.py gives each its code and status per protocol (fact sheet A, §1.11)."""

    MISSING = "missing"  # no credentials at all
    INCOMPLETE = "incomplete"  # a header or query that cannot be read
    SEVERAL = "several"  # more than one mechanism in one request
    UNSUPPORTED = "unsupported"  # an algorithm that is not offered
    UNKNOWN_KEY = "unknown-key"  # unknown or inactive key id, missing, foreign or unreadable session token
    EXPIRED = "expired"  # the session is over, or was ended
    SIGNATURE = "signature"  # the signature does not match
    CLOCK = "clock"  # signed too long ago or in the future
    SCOPE = "scope"  # signed for another service, date or terminator
    REQUEST_EXPIRED = "request-expired"  # a presigned request past its X-Amz-Expires
    UNAVAILABLE = "unavailable"  # this node may no longer decide (state staler than --max-staleness)


class ProofError(Exception):
    """A claim was not proven. `public` goes to the caller, `private` to the ledger only."""

    def __init__(self, fault: ProofFault, public: str, private: str = "") -> None:
        super().__init__(public)
        self.fault = fault
        self.public = public
        self.private = private or public


class ConfigError(Exception):
    """daypass cannot start or go on as configured; the message names the setting and the mend."""


class KeyAway(ConfigError):
    """The place of the root key does not answer now and may do so later. The message is the operator's; `told` is for everybody.

    INVARIANT: `told` holds no name, path or address. `by_itself` is False when somebody has to bring the key (`daypass unseal`).
    """

    def __init__(self, message: str, told: str, *, by_itself: bool = True) -> None:
        super().__init__(message)
        self.told = told
        self.by_itself = by_itself


class WrongKey(Exception):
    """What was to be unwrapped was wrapped under another key, for another place, or was altered."""
