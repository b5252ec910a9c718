"""`require`: a test without the real component that it needs is skipped with the reason, or fails where everything must be there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ALL = "DAYPASS_REQUIRE_ALL"  # CI sets it to 1: a missing component is then a failure, never a skip


def require(component: str | Path, reason: str) -> Path:
    """The path of `component`, a path or a program's name; without it the test is skipped, or fails under DAYPASS_REQUIRE_ALL=1."""
    path = Path(component)
    installed = shutil.which(str(component)) if len(path.parts) == 1 else None
    if not path.exists() and installed is None:
        _missing(f"{component} is missing: {reason}")
    return path if path.exists() else Path(str(installed))


def require_root(reason: str) -> None:
    """Without root's rights the test is skipped, or fails under DAYPASS_REQUIRE_ALL=1."""
    if os.geteuid() != 0:
        _missing(f"this needs root: {reason}")


def _missing(message: str) -> NoReturn:
    if os.environ.get(ALL) == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
