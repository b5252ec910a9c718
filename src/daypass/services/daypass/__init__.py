"""daypass's own service: passes for the operator, sessions and their ending, the ledger, questions asked ahead, guard rails.

Goes the same way as AWS's services.
"""

from daypass.services.daypass import (
    access,
    backups,
    escalations,
    events,
    explain,
    guard_rails,
    keys,
    nodes,
    operator,
    reach,
    server,
    sessions,
)

__all__ = [
    "access", "backups", "escalations", "events", "explain", "guard_rails", "keys", "nodes", "operator", "reach", "server",
    "sessions",
]  # fmt: skip
