"""ListEvents and VerifyLedger: what happened, and whether the account of it is whole.

Alone, a node reads its own ledger. Several that share a database list the lines of all, as far as each has shipped them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from daypass.services.daypass.explain import part_of
from daypass.services.daypass.nodes import shown_nodes
from daypass.services.daypass.server import on_account
from daypass.store.ledger import Head, Line, Reader, Report, Wanted, matches, read_line, verify
from daypass.store.shipped import Arrived
from daypass.way.context import Context, Node
from daypass.way.operation import Output, operation

DEFAULT_EVENTS = 100
MAX_PROBLEMS = 100  # shown; the rest is counted
_CHUNK = 1000  # lines of all nodes that are read at once


@operation("daypass", asks=on_account("ListEvents"))
def list_events(
    ctx: Context,
    *,
    after: int | None = None,
    account: str | None = None,
    operation: str | None = None,
    principal: str | None = None,
    error_code: str | None = None,
    session_id: str | None = None,
    since: datetime | None = None,
    max_results: int = DEFAULT_EVENTS,
) -> Output:
    """Ledger lines in order that fit the filters: the first `max_results` after the line `after`, or without it the last ones.

    `Position` is the number of the last line that was looked at: ask for what comes after it to follow the ledger. Where nodes share a
    database it counts the lines of all in the order of their arrival there, and `Nodes` says how far each one's are there.
    """
    wanted = Wanted(account or "", operation or "", principal or "", error_code or "", session_id or "", since)
    if ctx.node.store.shared:
        ctx.settle()
        lines, place, nodes = ctx.elsewhere(lambda: _of_all(ctx.node, wanted, after, max_results, ctx.now))
        return {"Events": _shown(ctx, lines), "Position": place, "Nodes": nodes}
    directory, end = ctx.node.ledger.directory, ctx.node.ledger.head.seq

    def read() -> tuple[list[Line], int]:
        lines: Iterator[Line] = Reader(directory, after or 0).read(wanted)
        found = list(deque(lines, max_results) if after is None else islice(lines, max_results))
        last = found[-1].entry.seq if found and found[-1].entry else 0  # beyond `end` when it was written meanwhile
        if last and after is not None and len(found) == max_results:
            return found, last
        return found, max(end, after or 0, last)

    found, position = ctx.elsewhere(read)
    lines = [line.raw.decode("utf-8", "replace").rstrip("\n") for line in found]
    return {"Events": _shown(ctx, lines), "Position": position}


def _shown(ctx: Context, lines: Iterable[str]) -> list[str]:
    """Lines as they stand for the management account; for another its part of each, and none that is damaged, whosesoever it was."""
    if ctx.account == ctx.node.rules.management_account:
        return list(lines)
    return [part for line in lines if (part := part_of(line, ctx.account)) is not None]


@operation("daypass", asks=on_account("VerifyLedger"))
def verify_ledger(ctx: Context) -> Output:
    """Walk the whole chain of this node and hold it against the head that is anchored in the store."""
    ledger, node = ctx.node.ledger, ctx.node
    durable = ledger.head.seq

    def walk() -> tuple[Head | None, Report]:
        anchored, first = node.store.anchored(ledger.node), node.store.ledger_from(ledger.node)
        try:
            report = verify(ledger.directory, node.ledger_key, ledger.node, anchored=anchored, first=first, upto=durable)
        except FileNotFoundError:
            if node.store.ledger_from(ledger.node) == first:
                raise
            return walk()
        if not report.sound and node.store.ledger_from(ledger.node) != first:  # retention took files under its feet
            return walk()
        return anchored, report

    anchored, report = ctx.elsewhere(walk)
    problems = [{"Line": finding.line, "Problem": str(finding)} for finding in report.findings[:MAX_PROBLEMS]]
    return {
        "Lines": report.lines,
        "Intact": report.sound,
        "Problems": problems,
        "Head": ledger.head.mac.hex(),
        "AnchoredLine": anchored.seq if anchored else 0,
    }


def _of_all(node: Node, wanted: Wanted, after: int | None, limit: int, now: datetime) -> tuple[list[str], int, list[dict[str, Any]]]:
    """The lines of all nodes that fit, by the time of their events; the last place that was looked at; how far the nodes are."""
    _, nodes = shown_nodes(node, now)
    found: list[tuple[datetime, Arrived]] = []
    place = after or 0
    for chunk in _chunks(node, after, wanted.since):
        for arrived in chunk:
            place = max(place, arrived.arrival) if after is None else arrived.arrival
            entry = read_line(arrived.raw).entry
            if entry is None or matches(entry, wanted):
                found.append((entry.eventTime if entry else now, arrived))
            if len(found) == limit:
                break
        if len(found) == limit:
            break
    found.sort(key=lambda item: (item[0], item[1].arrival))
    return [arrived.raw.decode("utf-8", "replace") for _, arrived in found], place, nodes


def _chunks(node: Node, after: int | None, since: datetime | None) -> Iterator[list[Arrived]]:
    """From a place forward; or, where there is none, from the end backward."""
    place = after
    while True:
        store = node.store
        chunk = store.lines_before(place, _CHUNK) if after is None else store.lines_after(place or 0, _CHUNK, since)
        if not chunk:
            return
        yield chunk
        place = chunk[-1].arrival
