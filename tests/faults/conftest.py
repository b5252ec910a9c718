"""Nodes on a database of the test's own, and a link to it that can be cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rig.link import Link
from rig.postgres import Cluster
from rig.server import Server, Start, running


@pytest.fixture
def start(cluster: Cluster, tmp_path: Path) -> Iterator[Start]:
    """`start("a")`: a node on the test's own database; `link=` puts a link between, further arguments are those of `daypass up`."""
    schema = cluster.new_schema()
    with ExitStack() as stack:

        def begin(name: str, *arguments: str, link: Link | None = None, clock: Path | None = None) -> Server:
            url = (link or cluster).url(schema)
            return stack.enter_context(
                running(tmp_path / name, "--db", url, "--key-file", str(tmp_path / "root.key"), *arguments, clock=clock)
            )

        yield begin


@pytest.fixture
def link(cluster: Cluster) -> Iterator[Link]:
    made = Link(cluster)
    yield made
    made.close()
