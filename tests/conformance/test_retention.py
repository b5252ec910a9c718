"""Shipped lines go when they are old enough, in bounded batches; the newest of each node stays, since it goes on from there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from conformance.conftest import Open
from conformance.samples import NOW
from daypass.store import Store
from daypass.store.ledger.copying import Copy
from daypass.way.retention import LINES_AT_ONCE, Retention

EPOCH = int(NOW.timestamp())


def copies(first: int, last: int, time: int) -> list[Copy]:
    return [Copy(seq, seq.to_bytes(32, "big"), time, b"{}") for seq in range(first, last + 1)]


def test_the_oldest_go_in_batches_and_the_newest_of_a_node_stays(store: Store) -> None:
    store.node = "silent"
    store.ship_lines(copies(1, 3, EPOCH - 1000))
    store.node = "busy"
    store.ship_lines(copies(1, 10, EPOCH - 900))
    store.ship_lines(copies(11, 20, EPOCH))
    assert store.forget_lines(NOW - timedelta(seconds=950), 100) == 2
    assert store.forget_lines(NOW - timedelta(seconds=100), 4) == 4
    assert [store.forget_lines(NOW - timedelta(seconds=100), 4) for _ in range(3)] == [4, 2, 0]
    assert [arrived.node for arrived in store.lines_after(0, 100)] == ["silent", *["busy"] * 10]
    assert store.shipped_marks() == {"silent": 3, "busy": 20}
    assert store.last_shipped() == (20, (20).to_bytes(32, "big"))


def test_the_database_knows_where_a_ledger_begins_before_its_files_go(open_another: Open, tmp_path: Path) -> None:
    store = open_another()
    assert store.ledger_from("n") == 1
    store.keep_ledger_from("n", 77)
    store.keep_ledger_from("m", 5)
    assert (open_another().ledger_from("n"), store.ledger_from("m")) == (77, 5)


def test_a_round_takes_a_batch_and_comes_back_at_once_while_there_is_more(store: Store, tmp_path: Path) -> None:
    store.node = "n"
    for first in range(1, 2 * LINES_AT_ONCE, 1000):
        store.ship_lines(copies(first, first + 999, EPOCH - 1000))
    (tmp_path / "ledger").mkdir()
    retention = Retention(store, tmp_path / "ledger", timedelta(seconds=500))
    left = []
    for _ in range(3):
        retention.round(NOW, 0)
        left.append(len(store.lines_after(0, 4 * LINES_AT_ONCE)))
    expected = [LINES_AT_ONCE, 1, 1] if store.shared else [2 * LINES_AT_ONCE] * 3  # alone, a node has no copies
    assert left == expected
