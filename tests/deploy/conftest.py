"""The image of deploy/Containerfile, built from what the tree holds now. Runs nothing of it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from deploy.engine import CANARY, STORE
from rig.require import require, require_root
from rig.source import ROOT

BAITS = (".daypass/root.key", ".aws/credentials", ".git/config", "src/.env", "src/daypass/__pycache__/left.pyc")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image's name. Beside the sources that it was built from lay CANARY, in files that must not get into it."""
    require_root("a store of layers, and namespaces to look into")
    require("podman", "it builds and runs the image")
    require("runc", "podman runs the container with it")
    require(STORE / "root", "Debian's part of the image: make image")
    context = tmp_path_factory.mktemp("context")
    for name in ("requirements.lock", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy2(ROOT / name, context)
    shutil.copytree(ROOT / "src", context / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for bait in BAITS:
        (context / bait).parent.mkdir(parents=True, exist_ok=True)
        (context / bait).write_bytes(CANARY)
    done = subprocess.run([ROOT / "tests/deploy/image", context], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return "daypass"
