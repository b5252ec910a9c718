"""ListEvents and VerifyLedger: what happened, and whether the account of it is whole. Reads this node's own ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from daypass.services.daypass.server import on_account
from daypass.store.ledger import Line, Reader, Wanted, verify
from daypass.way.context import Context
from daypass.way.operation import Output, operation

DEFAULT_EVENTS = 100
MAX_PROBLEMS = 100  # shown; the rest is counted


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

    `Position` is the number of the last line that was looked at: ask for what comes after it to follow the ledger.
    """
    wanted = Wanted(account or "", operation or "", principal or "", error_code or "", session_id or "", since)
    directory, end = ctx.node.ledger.directory, ctx.node.ledger.head.seq

    def read() -> tuple[list[Line], int]:
        lines: Iterator[Line] = Reader(directory, after or 0).read(wanted)
        if after is None:
            return list(deque(lines, max_results)), end
        first = list(islice(lines, max_results))
        last = first[-1].entry if len(first) == max_results else None
        return first, last.seq if last else max(end, after)

    found, position = ctx.elsewhere(read)
    return {"Events": [line.raw.decode("utf-8", "replace").rstrip("\n") for line in found], "Position": position}


@operation("daypass", asks=on_account("VerifyLedger"))
def verify_ledger(ctx: Context) -> Output:
    """Walk the whole chain of this node and hold it against the head that is anchored in the store."""
    ledger, node = ctx.node.ledger, ctx.node
    anchored, durable = node.store.anchored(ledger.node), ledger.head.seq
    report = ctx.elsewhere(lambda: verify(ledger.directory, node.ledger_key, ledger.node, anchored=anchored, upto=durable))
    problems = [{"Line": finding.line, "Problem": str(finding)} for finding in report.findings[:MAX_PROBLEMS]]
    return {
        "Lines": report.lines,
        "Intact": report.sound,
        "Problems": problems,
        "Head": ledger.head.mac.hex(),
        "AnchoredLine": anchored.seq if anchored else 0,
    }
