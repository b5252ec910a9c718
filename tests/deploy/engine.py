"""podman with the store that tests/deploy/image keeps for the suite. Builds nothing."""

from __future__ import annotations

import os
import subprocess

from rig.source import ROOT

STORE = ROOT / ".cache" / "image"
CANARY = b"canary-that-lies-beside-the-sources"  # the image was built with it around
SETTINGS = {"CONTAINERS_CONF": str(STORE / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(STORE / "storage.conf")}


def podman(*words: str, check: bool = True) -> str:
    """What podman says, at most two minutes long; with `check` a failure raises with it."""
    done = subprocess.run(["podman", *words], env=os.environ | SETTINGS, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 or not check, f"podman {' '.join(words)}: {done.stdout}{done.stderr}"
    return (done.stdout + done.stderr).strip()
