"""SoftHSM tokens in a directory of their own: what the PKCS#11 root key is tested against. Knows nothing of daypass."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from rig.require import require

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "4711-canary-of-a-pin"


class SoftHsm:
    """A directory of tokens, each made by SoftHSM's own tool."""

    def __init__(self, directory: Path) -> None:
        self.module = require(MODULE, "apt-get install softhsm2")
        require("softhsm2-util", "apt-get install softhsm2")
        self.tokens = directory / "tokens"
        self.tokens.mkdir(parents=True)
        self.conf = directory / "softhsm2.conf"
        self.conf.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.pin_file = directory / "pin"
        self.pin_file.write_text(f"{PIN}\n")
        self.pin_file.chmod(0o600)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find the tokens."""
        return {"SOFTHSM2_CONF": str(self.conf)}

    def make(self, label: str) -> None:
        """A new token."""
        self._run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "so-pin-12345")

    def import_aes(self, label: str, key: str, value: bytes) -> None:
        """Put a key from outside into a token: one that is known elsewhere."""
        file = self.conf.with_name("value")
        file.write_bytes(value)
        self._run("softhsm2-util", "--import", str(file), "--aes", "--token", label, "--label", key, "--id", "0a", "--pin", PIN)

    def unplug(self) -> None:
        """Take the tokens away."""
        self.tokens.rename(self.tokens.with_name("unplugged"))
        self.tokens.mkdir()

    def plug(self) -> None:
        """Bring them back."""
        self.tokens.rmdir()
        self.tokens.with_name("unplugged").rename(self.tokens)

    def options(self, label: str, key: str = "daypass") -> list[str]:
        """The options of `daypass up` for a key in the token `label`."""
        return ["--hsm-module", str(self.module), "--hsm-token", label, "--hsm-key", key, "--hsm-pin-file", str(self.pin_file)]

    def _run(self, *command: str) -> None:
        subprocess.run(command, env={**os.environ, **self.environment}, check=True, capture_output=True, timeout=60)
