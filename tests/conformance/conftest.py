"""The databases that the suite runs against: a further one is a further opener in DATABASES."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.samples import NOW
from daypass.store import Store, open_store
from daypass.store.keys import FileKey

Open = Callable[[], Store]


def _sqlite(directory: Path) -> Open:
    return lambda: open_store(directory / "daypass.db", FileKey(directory / "root.key"), NOW)


DATABASES: dict[str, Callable[[Path], Open]] = {"sqlite": _sqlite}


@pytest.fixture(params=sorted(DATABASES))
def open_another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same database once more, as another node (or the next start) would."""
    opener = DATABASES[request.param](tmp_path)
    opened: list[Store] = []

    def open_it() -> Store:
        opened.append(opener())
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(open_another: Open) -> Store:
    """An open store on an empty database."""
    return open_another()
