"""What a refusal by policy says: AWS's sentence to the caller, and the reasons, sealed for who may decode them and plain for the ledger.

Costs nothing as long as nothing is refused. Does not decide, and tells the caller no reason (docs/decisions/0010).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from daypass import passes, wire
from daypass.policy.denial import denial
from daypass.policy.reasons import reasons
from daypass.store import StoreFailed
from daypass.values.decision import Ask, Decision
from daypass.values.errors import Refusal
from daypass.values.why import Why
from daypass.way.context import Context
from daypass.way.facts import Facts
from daypass.way.operation import Operation

log = logging.getLogger(__name__)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Why).decode


def denied(ctx: Context, operation: Operation, ask: Ask, decision: Decision) -> Refusal:
    """The refusal of `ask`; the reasons go to the event as well."""
    caller = ctx.caller
    why = reasons(ctx.request_id, ask, caller, Facts(ctx, ask), ctx.store.layers_of(caller, ask))
    ctx.event.why = why
    return wire.denied(operation.shape, denial(caller, ask, decision), _sealed(ctx, why))


def read_message(text: str, ctx: Context) -> Why:
    """The reasons in an encoded message. Raises passes.MessageError for every text that no node of this installation sealed."""
    try:
        return _decode(passes.open_message(text, ctx.store.open_seal_keys))
    except msgspec.DecodeError:
        raise passes.MessageError("authentic, but its content cannot be read: sealed by another version?") from None


def _sealed(ctx: Context, why: Why) -> str:
    try:
        key = ctx.store.active_seal_key
    except StoreFailed as error:  # a refusal stays one; its reasons are in the ledger all the same
        log.error("a refusal goes out without its encoded message", extra={"reason": str(error), "request_id": ctx.request_id})
        return ""
    nonce = ctx.random(passes.NONCE_BYTES)
    return next(sealed for less in _ever_less(why) if (sealed := passes.seal_message(_encode(less), key, nonce)) is not None)


def _ever_less(why: Why) -> Iterator[Why]:
    """`why`, then without what is missed least. INVARIANT: the last, without statements, fits: its texts have less than 900 bytes, as the
    longest of them are cut by policy/reasons.py."""
    yield why
    less = replace(why, context=())
    for count in range(len(why.statements), -1, -1):
        yield replace(less, statements=why.statements[:count], omitted=why.omitted + len(why.statements) - count)
