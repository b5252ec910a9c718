"""handle: the way of a request, free of transport. Steps 1-7 of DESIGN §2, each in its own room; nothing calls back up.

Does not wait: a step that must (a change on the storage thread, keys of an identity provider) comes back as Pending, and the door
does the waiting. The line of the answer is for the door to record before it lets the answer go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from daypass import wire
from daypass.store import Changes, Conflict, StoreFailed
from daypass.store.ledger import body_of
from daypass.values.errors import ProofError, ProofFault, Refusal
from daypass.values.event import Event
from daypass.values.request import Request, Response
from daypass.way.context import Await, Context, Node, Room
from daypass.way.may import decide_all, verify_kind
from daypass.way.operation import OPERATIONS, Open, Operation
from daypass.way.who import by_signature_or_socket

MAX_ERRANDS = 3  # that one request may cause outside
MAX_AGENT = 1024  # characters of a User-Agent that the ledger keeps

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that may leave once `line`, which tells of `event`, is on disk; `changed`: a change was committed with it."""

    response: Response
    event: Event
    line: bytes
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """The way goes on in another room: call `work` on that room's thread, then `then` with what it gave, back where `handle` was called.
    For "upkeep", wait for a round of upkeep before."""

    room: Room
    work: Callable[[], object]
    then: Callable[[object], Answer | Pending]


def handle(node: Node, request: Request, now: datetime) -> Answer | Pending:
    """Answer `request` at `now` (UTC), or say what to wait for. Never raises: every way ends in an answer with its ledger line."""
    now = now.replace(microsecond=0)
    request_id = str(UUID(bytes=node.random(16), version=4))
    agent = request.first(b"user-agent")
    event = Event(
        request_id=request_id,
        time=now,
        service="",
        operation="",
        source_ip=request.peer,
        user_agent="" if agent is None else agent[:MAX_AGENT].decode("latin-1"),
    )
    return _go(Context(node, request, request_id, now, event))


def _go(ctx: Context) -> Answer | Pending:
    """One pass through the steps on the calling thread, with the state held still."""
    with ctx.node.store.reading():
        try:
            return _steps(ctx)
        except Await as wait:
            return _pending(ctx, wait)


def _pending(ctx: Context, wait: Await) -> Answer | Pending:
    _forget(ctx)
    if wait.room == "storage":
        return Pending("storage", lambda: _change(ctx), _as_answer)
    ctx.errands += 1
    if ctx.errands > MAX_ERRANDS:
        return _refused(ctx, None, _keys_unread("more errands than one request may cause"))
    return Pending(wait.room, lambda: _done(wait.work), lambda failure: _go_after(ctx, failure))


def _done(work: Callable[[], object] | None) -> Refusal | None:
    try:
        if work is not None:
            work()
    except Refusal as refusal:
        return refusal
    return None


def _go_after(ctx: Context, failure: object) -> Answer | Pending:
    """Go the way anew after an errand; when the errand failed, refuse for that reason."""
    if isinstance(failure, Refusal):
        return _refused(ctx, wire.find_operation(ctx.request), failure)
    return _go(ctx)


def _change(ctx: Context) -> Answer:
    """The same steps on the storage thread, then the commit: rows, feed and ledger line in one transaction (DESIGN §4)."""
    ctx.staged = Changes()
    ctx.node.store.catch_up(ctx.now)
    with ctx.node.store.reading():
        try:
            answer = _steps(ctx)
        except Await:  # keys that were there a moment ago were dropped meanwhile
            _forget(ctx)
            return _refused(ctx, wire.find_operation(ctx.request), _keys_unread("keys gone on the storage thread"))
    if answer.event.error_code or not ctx.staged:
        return answer
    try:
        ctx.node.store.write(ctx.staged, answer.line, ctx.request_id)
    except Conflict as conflict:
        _forget(ctx)
        text = "The request was rejected because multiple requests to change this object were submitted simultaneously."
        refusal = Refusal("ConcurrentModification", text, 409, private=str(conflict))
        return _refused(ctx, wire.find_operation(ctx.request), refusal)
    except StoreFailed as failure:
        _forget(ctx)
        text = "The request has failed due to a temporary failure of the server."
        return _refused(ctx, wire.find_operation(ctx.request), Refusal("ServiceUnavailable", text, private=str(failure)))
    return replace(answer, changed=True)


def _keys_unread(why: str) -> Refusal:
    return Refusal("IDPCommunicationError", "The identity provider's keys could not be read", private=why)


def _as_answer(outcome: object) -> Answer:
    if not isinstance(outcome, Answer):
        raise TypeError("the storage thread gives an answer")
    return outcome


def _forget(ctx: Context) -> None:
    """Let the event forget what an unfinished pass wrote into it."""
    ctx.event.decisions.clear()
    ctx.event.minted = None


def _steps(ctx: Context) -> Answer:
    operation: wire.OperationShape | None = None
    try:
        _verify_welcome(ctx)
        # (1) which operation
        operation = wire.find_operation(ctx.request)
        ctx.event.service, ctx.event.operation = operation.service.name, operation.name
        output = _perform(ctx, operation)
        # (6) say so
        response = wire.render_output(operation, output or {}, ctx.request_id)
        ctx.event.status = response.status
        return Answer(response, ctx.event, body_of(ctx.event))
    except (ProofError, Refusal) as refusal:
        return _refused(ctx, operation, refusal)
    except Await:
        raise
    except Exception:
        log.exception("unhandled", request_id=ctx.request_id, service=ctx.event.service, operation=ctx.event.operation)
        text = "The request processing has failed because of an unknown error."
        return _refused(ctx, operation, Refusal("InternalFailure", text, 500))


def _perform(ctx: Context, shape: wire.OperationShape) -> Mapping[str, Any] | None:
    operation = OPERATIONS.get((shape.service.name, shape.name))
    if operation is None:
        raise wire.not_offered(shape)
    # (2) who: a signature over the bytes comes before anything in them is read; a proof in a parameter after it
    if operation.proof is None and operation.asks is not Open.ANONYMOUS:
        ctx.event.caller = ctx.caller = by_signature_or_socket(ctx, operation)
        verify_kind(ctx, operation)
    # (3) what
    given = wire.read_input(shape, ctx.request)
    ctx.event.parameters = wire.redact(shape, given.values)
    parameters = _offered(operation, given.values)
    if operation.proof is not None:
        ctx.event.caller = ctx.caller = operation.proof(ctx, parameters)
    ctx.event.read_only = not operation.writes
    # (4) may they
    decide_all(ctx, operation, parameters)
    if operation.writes and ctx.node.ledger.state != "ok":
        text = "The request has failed due to a temporary failure of the server."
        raise Refusal("ServiceUnavailable", text, private=f"no change without its line: the ledger is {ctx.node.ledger.state}")
    if operation.writes and ctx.staged is None:
        raise Await("storage")
    # (5) do it
    return operation.run(ctx, **parameters)


def _offered(operation: Operation, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as keywords. Raises Refusal for a modelled member that is not offered: to drop it could grant too much."""
    names = operation.parameters
    if foreign := [member for member in values if member not in names]:
        raise Refusal("ValidationError", f"The parameter {foreign[0]} is not offered by this server")
    return {names[member]: value for member, value in values.items()}


def _verify_welcome(ctx: Context) -> None:
    """Limits that hold before any work: the Host names that are ours, and peers that proved nothing too often."""
    request, node = ctx.request, ctx.node
    if request.peer.startswith("uid:"):
        return
    if node.throttle.exhausted(request.peer, ctx.now.timestamp()):
        raise Refusal("Throttling", "Rate exceeded", 400, private="too many unproven requests")
    host = (request.first(b"host") or b"").decode("latin-1").lower()
    if host not in node.rules.hosts and host.rsplit(":", 1)[0] not in node.rules.hosts:
        raise Refusal("AccessDenied", "The Host of the request is not one that this server answers for", private=f"host {host[:200]!r}")
    if (age := node.store.feed_age(ctx.now)) > node.rules.max_staleness:
        raise ProofError(ProofFault.UNAVAILABLE, "The service is not available", f"the state is {age:.0f} s old")


def _refused(ctx: Context, operation: wire.OperationShape | None, error: ProofError | Refusal) -> Answer:
    protocol = wire.protocol_of(ctx.request)
    refusal = wire.refusal_of(operation, error, protocol) if isinstance(error, ProofError) else error
    if ctx.caller.kind == "anonymous":
        ctx.node.throttle.spend(ctx.request.peer, ctx.now.timestamp())
    response = wire.render_refusal(operation, refusal, ctx.request_id, ctx.request)
    event = ctx.event
    event.status, event.error_code, event.error_message = response.status, refusal.code, refusal.message
    event.private, event.minted = refusal.private, None
    return Answer(response, event, body_of(event))
