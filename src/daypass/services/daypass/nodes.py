"""ListNodes: which nodes share the database, how far each has followed its changes, and when it was last heard of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import daypass
from daypass.services.daypass.server import on_account
from daypass.way.context import Context, Node
from daypass.way.operation import Output, operation


@operation("daypass", asks=on_account("ListNodes"))
def list_nodes(ctx: Context) -> Output:
    """The nodes by name, and `Position`, the number of the newest change: a node whose own is no smaller obeys it."""
    position, nodes = ctx.elsewhere(lambda: shown_nodes(ctx.node, ctx.now))
    return {"Position": position, "Nodes": nodes}


def shown_nodes(node: Node, now: datetime) -> tuple[int, list[dict[str, Any]]]:
    """The number of the newest change and the nodes, as they are shown. Reads the database; raises StoreFailed."""
    store = node.store
    if not store.shared:
        alone = _shown(node.ledger.node, daypass.__version__, node.rules.url, store.position, node.ledger.head.seq, 0.0)
        return store.position, [{**alone, "ShippedLines": 0, "Live": True, "Answering": True}]
    position, nodes = store.nodes(now)
    marks = store.shipped_marks()
    return position, [
        {
            **_shown(state.name, state.version, state.url, state.position, state.lines, state.age),
            "ShippedLines": marks.get(state.name, 0),
            "Live": state.live,
            "Answering": state.name == store.node,
        }
        for state in nodes
    ]


def _shown(name: str, version: str, url: str, position: int, lines: int, age: float) -> dict[str, Any]:
    return {"Name": name, "Version": version, "Url": url, "Position": position, "LedgerLines": lines, "SecondsSinceSeen": round(age, 3)}
