"""An authenticator app, as people have one: holds the seed of a device and shows codes. Shares no code with daypass."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP = 30


class Authenticator:
    """Codes of the device in an answer of CreateVirtualMFADevice."""

    def __init__(self, made: dict[str, Any]) -> None:
        device = made["VirtualMFADevice"]
        self.serial: str = device["SerialNumber"]
        self.seed: str = device["Base32StringSeed"].decode("ascii")
        padded = self.seed + "=" * (-len(self.seed) % 8)
        self._totp = TOTP(base64.b32decode(padded), 6, SHA1(), STEP)  # noqa: S303  # RFC 6238's default, as a MAC

    def code(self, now: datetime, steps: int = 0) -> str:
        """The code at `now`, or `steps` later."""
        return self._totp.generate(int(now.timestamp()) + steps * STEP).decode("ascii")

    def pair(self, now: datetime, steps: int = 0) -> dict[str, str]:
        """Two codes that follow each other, the second at `now` or `steps` later, as EnableMFADevice takes them."""
        return {"AuthenticationCode1": self.code(now, steps - 1), "AuthenticationCode2": self.code(now, steps)}

    def proof(self, now: datetime, steps: int = 0) -> dict[str, str]:
        """The parameters that STS takes."""
        return {"SerialNumber": self.serial, "TokenCode": self.code(now, steps)}
