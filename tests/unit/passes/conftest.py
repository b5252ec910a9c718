"""A seal key and a maker of sessions for the tests of passes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from daypass import passes
from daypass.values.secret import Secret
from daypass.values.session import Origin, Pass

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def key() -> passes.SealKeyValue:
    return passes.SealKeyValue("0a1b2c3d", Secret(bytes(range(32))))


@pytest.fixture(scope="session")
def keys(key: passes.SealKeyValue) -> dict[str, passes.SealKeyValue]:
    return {key.id: key}


@pytest.fixture
def mint(key: passes.SealKeyValue) -> Callable[..., Pass]:
    """`mint(**changes)`: a role session's pass, each with random bytes of its own."""
    count = 0

    def make(**changes: Any) -> Pass:
        nonlocal count
        count += 1
        arguments: dict[str, Any] = {
            "kind": "role",
            "account": "123456789012",
            "principal_id": "AROA" + "B" * 17,
            "name": "canary-session",
            "now": NOW,
            "duration": 3600,
            "origin": Origin("sigv4", "AKIA" + "C" * 16),
            "source_key": "AKIA" + "C" * 16,
            "random": bytes((7 * count + n) % 256 for n in range(passes.RANDOM_BYTES - 1)) + bytes([count % 256]),
            "key": key,
        }
        return passes.mint(**(arguments | changes))

    return make
