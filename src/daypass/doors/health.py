"""GET /health: whether this node serves, and why not. Shows no name, path or version to those who may not know them (attack row C55)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from daypass.values.request import Response
from daypass.way.context import Node


def health(node: Node, now: datetime) -> Response:
    """200 with `{"live": true, "ready": true}`, or 503 with the reasons why not to send requests here."""
    reasons = []
    if node.ledger.state != "ok":
        reasons.append(f"ledger {node.ledger.state}")
    age = node.store.feed_age(now)
    if age > node.rules.max_staleness:
        reasons.append("state too old")
    body = {"live": True, "ready": not reasons, "reasons": reasons, "feed_age_seconds": round(age, 3)}
    return Response(200 if not reasons else 503, ((b"content-type", b"application/json"),), msgspec.json.encode(body))
