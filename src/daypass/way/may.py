"""May they? Every ask of an operation goes through the one `decide`; its answers go to the ledger line. Knows no policy rule itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daypass import policy
from daypass.values.decision import Ask, Decision
from daypass.values.errors import INVALID_TOKEN, ProofError, ProofFault
from daypass.way.context import Context
from daypass.way.denied import denied
from daypass.way.facts import Facts
from daypass.way.operation import Open, Operation

# Without MFA, a user's own session may call no IAM operation, and of STS only these (STS API reference, GetSessionToken).
_STS_OF_USER_SESSION = frozenset({"AssumeRole", "GetCallerIdentity"})
# A federated user may call no IAM operation, and of STS these; the last two refuse it themselves, in AWS's words.
_STS_OF_FEDERATED = frozenset({"GetCallerIdentity", "GetSessionToken", "GetFederationToken"})


def verify_kind(ctx: Context, operation: Operation) -> None:
    """Raises ProofError when this kind of session may not call the operation at all, whatever its policies say (fact sheet A §3.4)."""
    session = ctx.caller.session
    if session is None or session.kind in ("role", "root"):
        return
    service = operation.shape.service.name
    if session.kind == "federated-user" and (service == "iam" or (service == "sts" and operation.shape.name not in _STS_OF_FEDERATED)):
        raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, "a federated user may not call this")
    if session.kind == "federated-user":
        return
    if service == "sts" and operation.shape.name not in _STS_OF_USER_SESSION and operation.asks is not Open.UNLESS_DENIED:
        raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, "a user session may not call this")
    if service == "iam" and not session.mfa_at:
        raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, "a session without MFA may not call IAM")


def decide_all(ctx: Context, operation: Operation, parameters: Mapping[str, Any]) -> None:
    """Decide each ask of the operation and note the decisions. Raises Refusal (AccessDenied) at the first that is not allowed."""
    asks = operation.asks
    if asks is Open.UNLESS_DENIED:
        ask = Ask(operation.action, "*", ctx.account)
        if (decision := _decide(ctx, ask)).explicit:
            raise denied(ctx, operation, ask, decision)
        return
    if isinstance(asks, Open):
        return
    for ask in asks(ctx, parameters):
        decision = _decide(ctx, ask)
        if not decision.allowed:
            raise denied(ctx, operation, ask, decision)


def _decide(ctx: Context, ask: Ask) -> Decision:
    decision = policy.decide(ask, ctx.caller, Facts(ctx, ask), ctx.store.layers_of(ctx.caller, ask))
    ctx.event.decisions.append((ask, decision))
    return decision
