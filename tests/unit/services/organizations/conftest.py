"""The town that the tests of Organizations begin with."""

from __future__ import annotations

import pytest

from unit.services.organizations.town import Town


@pytest.fixture
def town() -> Town:
    """A fresh installation: a management account, a member, and an account that is in no organization."""
    return Town()
