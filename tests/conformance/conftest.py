"""The databases that the suite runs against: a further one is a further opener in `opener_of`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.samples import NOW
from daypass.store import Store, open_store
from daypass.store.keys import FileKey
from rig.postgres import Cluster

Open = Callable[[], Store]
Opener = Callable[[Path], Open]  # for a directory of its own: opens one new database, again and again

DATABASES = ("postgresql", "sqlite")


@pytest.fixture(params=DATABASES)
def new_database(request: pytest.FixtureRequest) -> Opener:
    """Makes databases of one kind."""
    if request.param == "sqlite":
        return lambda directory: lambda: open_store(directory / "daypass.db", FileKey(directory / "root.key"), NOW)
    cluster: Cluster = request.getfixturevalue("cluster")

    def opener(directory: Path) -> Open:
        url = cluster.url(cluster.new_schema())
        return lambda: open_store(url, FileKey(directory / "root.key"), NOW)

    return opener


@pytest.fixture
def open_another(new_database: Opener, tmp_path: Path) -> Iterator[Open]:
    """Opens the same database once more, as another node (or the next start) would."""
    opener = new_database(tmp_path)
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
