"""daypass's own service: passes for the operator, sessions and their ending, the ledger. Goes the same way as AWS's services."""

from daypass.services.daypass import events, operator, server, sessions

__all__ = ["events", "operator", "server", "sessions"]
