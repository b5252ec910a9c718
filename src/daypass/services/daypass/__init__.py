"""daypass's own service: passes for the operator, sessions and their ending, the ledger. The same way, policy and ledger as AWS's services."""

from daypass.services.daypass import events, operator, server, sessions

__all__ = ["events", "operator", "server", "sessions"]
