"""`require`: a test without the real component that it needs is skipped with the reason, or fails where everything must be there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ALL = "DAYPASS_REQUIRE_ALL"  # CI sets it to 1: a missing component is then a failure, never a skip


def require(component: str | Path, reason: str) -> Path:
    """The path of `component`, a path or a program's name; without it the test is skipped, or fails under DAYPASS_REQUIRE_ALL=1."""
    path = Path(component)
    if path.exists():
        return path
    if len(path.parts) == 1 and (found := shutil.which(str(component))):
        return Path(found)
    message = f"{component} is missing: {reason}"
    if os.environ.get(ALL) == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
