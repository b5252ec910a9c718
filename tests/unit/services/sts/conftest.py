"""One town for the tests of a module; each names its own people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unit.way.town import Town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("town"))
    yield made
    made.it.close()
