"""GET /health, /health/live, /health/ready: whether this node lives, whether it should get requests, and why not.

Shows no name, path, version or number of anything but the state's age to those who may not know them (attack row C55).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from daypass.values.request import Response
from daypass.way.context import Node

PATHS = frozenset({b"/health", b"/health/live", b"/health/ready"})
_JSON = ((b"content-type", b"application/json"),)


def health(node: Node, now: datetime, path: bytes = b"/health", *, draining: bool = False) -> Response:
    """What one of PATHS answers: 200, or 503 when no requests should be sent here.

    `/health/live` is about the process alone: it answers, so it lives, whatever a database does; who restarts what does not live asks
    there. `/health/ready` says whether to send requests here; `/health` both.
    """
    if path == b"/health/live":
        return Response(200, _JSON, b'{"live":true}')
    reasons = why_not_ready(node, now, draining=draining)
    status = 503 if reasons else 200
    if path == b"/health/ready":
        return Response(status, _JSON, msgspec.json.encode({"ready": not reasons, "reasons": reasons}))
    body = {"live": True, "ready": not reasons, "reasons": reasons, "feed_age_seconds": round(node.store.feed_age(now), 3)}
    return Response(status, _JSON, msgspec.json.encode(body))


def why_not_ready(node: Node, now: datetime, *, draining: bool = False) -> list[str]:
    """The reasons, in words of ours, why requests should go to another node; none when they should come."""
    reasons = ["draining"] if draining else []
    if node.ledger.state != "ok":
        reasons.append(f"ledger {node.ledger.state}")
    if node.store.feed_age(now) > node.rules.max_staleness:
        reasons.append("state too old")
    return reasons


def sealed_health(told: str, path: bytes) -> Response:
    """What one of PATHS answers while the root key is away; `told` says why, in words for everybody."""
    if path == b"/health/live":
        return Response(200, _JSON, b'{"live":true}')
    body: dict[str, object] = {"ready": False, "reasons": ["sealed"], "sealed": told}
    return Response(503, _JSON, msgspec.json.encode(body if path == b"/health/ready" else {"live": True, **body}))
