"""handle: the way of a request, free of transport. Steps 1-7 of DESIGN §2, each in its own room; nothing calls back up.

Does not wait: a step that must (a change on the storage thread, keys of an identity provider) comes back as Pending, and the door
does the waiting. The line of the answer is for the door to record before it lets the answer go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from daypass import wire
from daypass.store import Changes, Conflict, StoreFailed
from daypass.store.ledger import body_of
from daypass.values import ids
from daypass.values.errors import ProofError, ProofFault, Refusal
from daypass.values.event import Event
from daypass.values.request import Request, Response
from daypass.way.context import Await, Context, Node, Room
from daypass.way.may import decide_all, verify_kind
from daypass.way.operation import NOT_OFFERED, OPERATIONS, Open, Operation
from daypass.way.who import by_signature_or_socket

MAX_ERRANDS = 3  # that one request may cause outside
MAX_HOST = 261  # bytes of a Host header: a name of 253 (RFC 1035 §2.3.4), in brackets, with a port
MAX_AGENT = 1024  # characters of a User-Agent that the ledger keeps

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Answer:
    """A response that may leave once `line`, which tells of `event`, is on disk; `changed`: a change was committed with it.

    `unrecorded` makes the response that leaves in its place when the line cannot be written.
    """

    response: Response
    event: Event
    line: bytes
    unrecorded: Callable[[], Response]
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """The way goes on in another room: call `work` on that room's thread, then `then` with what it gave, back where `handle` was called.

    For "upkeep", wait for a round of upkeep before; when that fails, give `then` the failure. `work` never raises.
    """

    room: Room
    work: Callable[[], object]
    then: Callable[[object], Answer | Pending]


def handle(node: Node, request: Request, now: datetime, marks: list[tuple[str, float]] | None = None) -> Answer | Pending:
    """Answer `request` at `now` (UTC), or say what to wait for. Never raises: every way ends in an answer with its ledger line.

    `marks` takes the name of each step and when it ended (perf_counter), for traces.
    """
    state_age = node.store.feed_age(now)
    if now.microsecond:
        now = now.replace(microsecond=0)
    request_id = ids.request_id(node.random(16))
    agent = request.first(b"user-agent")
    event = Event(
        request_id=request_id,
        time=now,
        service="",
        operation="",
        source_ip=request.peer,
        user_agent="" if agent is None else agent[:MAX_AGENT].decode("latin-1"),
    )
    return _go(Context(node, request, request_id, now, state_age, event, marks=marks))


def _go(ctx: Context) -> Answer | Pending:
    """One pass through the steps on the calling thread, with the state held still."""
    with ctx.node.store.reading():
        try:
            return _steps(ctx)
        except Await as wait:
            return _pending(ctx, wait)


def _pending(ctx: Context, wait: Await) -> Answer | Pending:
    _forget(ctx)
    ctx.mark("look")
    ctx.errands += 1
    if ctx.errands > MAX_ERRANDS:
        return _refused(ctx, _keys_unread("more errands than one request may cause"))
    work = partial(_change, ctx) if wait.room == "storage" else wait.work
    return Pending(wait.room, partial(_outcome, work), partial(_go_on, ctx))


def _outcome(work: Callable[[], object] | None) -> object:
    """What `work` gives, or the exception that it raised."""
    try:
        return work() if work is not None else None
    except Exception as failure:
        return failure


def _go_on(ctx: Context, outcome: object) -> Answer | Pending:
    """The answer that the storage thread gave; a refusal when the errand failed; or else the way anew."""
    if isinstance(outcome, Answer):
        return outcome
    ctx.mark("wait")
    if isinstance(outcome, Exception):
        with ctx.node.store.reading():  # what refusing counts, the storage thread counts as well
            _forget(ctx)
            return _refused(ctx, outcome)
    return _go(ctx)


def _change(ctx: Context) -> Answer:
    """The same steps on the storage thread, then the commit: rows, feed and ledger line in one transaction (DESIGN §4).

    When others have committed meanwhile, once more from the new state (attack row H69). Raises what the way can fail of.
    """
    try:
        return _change_once(ctx)
    except Conflict:
        _forget(ctx)
        return _change_once(ctx)


def _change_once(ctx: Context) -> Answer:
    store = ctx.node.store
    ctx.mark("wait")
    ctx.staged = Changes()
    with store.turn():
        store.catch_up(ctx.now)
        with store.reading():
            answer = _steps(ctx)
        if answer.event.error_code or not ctx.staged:
            return answer
        store.write(ctx.staged, answer.line, ctx.request_id)
        ctx.mark("commit")
    return replace(answer, changed=True)


def _keys_unread(why: str) -> Refusal:
    return Refusal("IDPCommunicationError", "The identity provider's keys could not be read", private=why)


def _forget(ctx: Context) -> None:
    """Let go of what an unfinished pass found: the next finds it anew, or not at all."""
    ctx.event.decisions.clear()
    ctx.event.minted = ctx.event.why = None
    ctx.event.warnings = ()
    ctx.mfa_at = 0


def _steps(ctx: Context) -> Answer:
    try:
        _verify_welcome(ctx)
        # (1) which operation
        ctx.shape = wire.find_operation(ctx.request)
        ctx.event.service, ctx.event.operation = ctx.shape.service.name, ctx.shape.name
        output = _perform(ctx, ctx.shape)
        ctx.mark("do")
        # (6) say so
        response = wire.render_output(ctx.shape, output or {}, ctx.request_id)
        ctx.event.status = response.status
        return _answer(ctx, response)
    except Await:
        raise
    except Exception as failure:
        return _refused(ctx, failure)


def _perform(ctx: Context, shape: wire.OperationShape) -> Mapping[str, Any] | None:
    operation = OPERATIONS.get((shape.service.name, shape.name))
    if operation is None:
        raise wire.not_offered(shape, NOT_OFFERED.get((shape.service.name, shape.name), ""))
    # (2) who: a signature over the bytes comes before anything in them is read; a proof in a parameter after it
    if operation.proof is None and operation.asks is not Open.ANONYMOUS:
        ctx.event.caller = ctx.caller = by_signature_or_socket(ctx, operation)
        verify_kind(ctx, operation)
    elif _exhausted(ctx):
        raise _throttled("refused before its proof is read")
    # (3) what
    given = wire.read_input(shape, ctx.request)
    ctx.event.parameters = wire.redact(shape, given.values)
    parameters = _offered(operation, given.values)
    if operation.proof is not None:
        ctx.event.caller = ctx.caller = operation.proof(ctx, parameters)
    ctx.event.read_only = not operation.writes
    ctx.mark("verify")
    # (4) may they
    decide_all(ctx, operation, parameters)
    ctx.mark("decide")
    if operation.writes and ctx.node.ledger.state != "ok":
        raise _unavailable(f"no change without its line: the ledger is {ctx.node.ledger.state}")
    if operation.writes and ctx.staged is None:
        raise Await("storage")
    # (5) do it
    return operation.run(ctx, **parameters)


def _offered(operation: Operation, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as keywords. Raises Refusal for a modelled member that is not offered: to drop it could grant too much."""
    names = operation.parameters
    try:
        return {names[member]: value for member, value in values.items()}
    except KeyError as foreign:
        raise Refusal("ValidationError", f"The parameter {foreign.args[0]} is not offered by this server") from None


def _verify_welcome(ctx: Context) -> None:
    """What holds before any work: the Host names that are ours, and a state that is fresh enough to decide on."""
    request, node = ctx.request, ctx.node
    if request.peer.startswith("uid:"):
        return
    host = request.first(b"host") or b""
    if len(host) > MAX_HOST or not _is_ours(host, node.rules.hosts):
        why = f"host {host[:200].decode('latin-1')!r}"
        raise Refusal("AccessDenied", "The Host of the request is not one that this server answers for", private=why)
    if ctx.state_age > node.rules.max_staleness:
        raise ProofError(ProofFault.UNAVAILABLE, "The service is not available", f"the state is {ctx.state_age:.0f} s old")


@lru_cache(maxsize=256)
def _is_ours(host: bytes, ours: frozenset[str]) -> bool:
    name = host.decode("latin-1").lower()
    return name in ours or name.rsplit(":", 1)[0] in ours


def _exhausted(ctx: Context) -> bool:
    """Whether this peer address has proven nothing too often. A proven caller never asks: no neighbour can lock it out."""
    return ctx.node.throttle.exhausted(ctx.request.peer, ctx.now.timestamp())


def _throttled(why: str) -> Refusal:
    return Refusal("Throttling", "Rate exceeded", 400, private=f"too many unproven requests; {why}")


def _refused(ctx: Context, error: Exception) -> Answer:
    refusal = _refusal_of(ctx, error)
    if ctx.caller.kind == "anonymous":
        if _exhausted(ctx):
            refusal = _throttled(f"{refusal.code}: {refusal.private or refusal.message}")
        else:
            ctx.node.throttle.spend(ctx.request.peer, ctx.now.timestamp())
    response = _rendered(ctx, refusal)
    event = ctx.event
    event.status, event.error_code, event.error_message = response.status, refusal.code, refusal.message
    event.private, event.minted = refusal.private, None
    return _answer(ctx, response)


def _refusal_of(ctx: Context, error: Exception) -> Refusal:
    """What the caller is told of `error`; of a bug nothing but that there was one."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ProofError):
        return wire.refusal_of(ctx.shape, error, wire.protocol_of(ctx.request))
    if isinstance(error, Await):  # what was there a moment ago was dropped meanwhile
        return _keys_unread("keys gone on the storage thread")
    if isinstance(error, Conflict):
        text = "The request was rejected because multiple requests to change this object were submitted simultaneously."
        return Refusal("ConcurrentModification", text, 409, private=str(error))
    if isinstance(error, StoreFailed):
        return _unavailable(str(error))
    where = {"request_id": ctx.request_id, "service": ctx.event.service, "operation": ctx.event.operation}
    log.error("unhandled", exc_info=error, extra=where)
    if isinstance(error, OSError):  # a disk that cannot be read, no descriptor left: perhaps soon over
        return _unavailable(f"{type(error).__name__}: {error.strerror}")
    return Refusal("InternalFailure", "The request processing has failed because of an unknown error.", 500)


def _unavailable(why: str) -> Refusal:
    return Refusal("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", private=why)


def _rendered(ctx: Context, refusal: Refusal) -> Response:
    return wire.render_refusal(ctx.shape, refusal, ctx.request_id, ctx.request)


def _answer(ctx: Context, response: Response) -> Answer:
    ctx.mark("answer")
    return Answer(response, ctx.event, body_of(ctx.event), lambda: _rendered(ctx, _unavailable("")))
