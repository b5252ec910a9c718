"""The world that the services' tests begin with."""

from __future__ import annotations

import pytest

from unit.services.world import World


@pytest.fixture
def world() -> World:
    """A fresh installation and a second account."""
    return World()
