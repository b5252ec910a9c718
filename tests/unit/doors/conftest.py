"""What tests of the protocol share: it is served both ways, and its patience is short when a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daypass.doors import protocol
from unit.doors.served import SHORT, Plane, Served, mirror, serving


@pytest.fixture(scope="module", params=["asgi", "plane"])
def served(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Served]:
    application = Plane() if request.param == "plane" else mirror
    with serving(tmp_path_factory.mktemp("served"), application=application) as made:
        yield made


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", SHORT)
