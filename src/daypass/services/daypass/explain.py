"""ExplainRequest: what became of a request, and why. Reads this node's own ledger, which holds the reasons; decides nothing anew."""

from __future__ import annotations

from typing import Any

import msgspec

from daypass.passes import MessageError
from daypass.services.daypass.server import on_account
from daypass.store.ledger import find_request, line_of
from daypass.store.ledger.shapes import Considered, Decided, Entry, Failed
from daypass.values.arn import read_arn
from daypass.values.errors import Refusal
from daypass.values.why import OF_CALLER, OF_RESOURCE, is_of_owner
from daypass.way.context import Context, Node
from daypass.way.denied import read_message
from daypass.way.operation import Output, operation

MAX_CHUNKS = 200  # of copies looked through, the newest first: more would keep who asks waiting for long
_CHUNK = 1000


@operation("daypass", asks=on_account("ExplainRequest"))
def explain_request(ctx: Context, *, request_id: str | None = None, encoded_message: str | None = None) -> Output:
    """What a ledger line tells: who asked, what was decided, and for a refusal by policy the statements that decided or came near.

    The request is named by its id or by the encoded message of its refusal. The reasons are those of that moment, as the policies were
    then. Where nodes share a database, the last lines of all are looked through. Raises Refusal: ResourceNotFoundException,
    ValidationError.
    """
    if (request_id is None) == (encoded_message is None):
        raise Refusal("ValidationError", "Name one of RequestId and EncodedMessage")
    request_id = request_id or _request_of(ctx, encoded_message or "")
    wanted = request_id
    found: list[Entry | None] = ctx.elsewhere(lambda: [_find(ctx.node, wanted)])
    if found[0] is None:
        raise Refusal("ResourceNotFoundException", f"No line of the ledger belongs to request {wanted}")
    return explained(found[0])


def _request_of(ctx: Context, encoded_message: str) -> str:
    try:
        return read_message(encoded_message, ctx).request_id
    except MessageError as error:
        raise Refusal("ValidationError", "This installation has not sealed that message", private=str(error)) from None


def _find(node: Node, request_id: str) -> Entry | None:
    """The line of this request: of this node's ledger, or of the copies of all nodes'."""
    found = find_request(node.ledger.directory, request_id)
    place: int | None = None
    for _ in range(MAX_CHUNKS if found is None and node.store.shared else 0):
        chunk = node.store.lines_before(place, _CHUNK)
        found = next((entry for line in chunk if (entry := line_of(line.raw, request_id)) is not None), None)
        if found is not None or not chunk:
            break
        place = chunk[-1].arrival
    return found


def part_of(line: str, account: str) -> str | None:
    """A ledger line as `account` may read it: it names no policy of another and tells no reason that lies in one. None: it is damaged.

    INVARIANT: as in a decoded message (Why.seen_by), no account reads another's policies here.
    """
    try:
        entry = msgspec.json.decode(line, type=Entry)
    except msgspec.DecodeError:
        return None
    ours, caller = entry.daypass, entry.userIdentity.accountId
    for one in ours.decisions:
        arn = read_arn(one.resource)
        if not _is_own(one.layer, account, caller, arn.account if arn and arn.account else caller):
            one.policy = one.statement = ""
    if (why := ours.why) is not None:
        why.statements = [one for one in why.statements if _is_own(one.layer, account, caller, why.owner)]
        if account != why.owner:
            why.context = {key: values for key, values in why.context.items() if not is_of_owner(key)}
    return msgspec.json.encode(entry).decode()


def _is_own(layer: str, account: str, caller: str, owner: str) -> bool:
    return (layer in OF_CALLER and account == caller) or (layer in OF_RESOURCE and account == owner)


def explained(entry: Entry) -> dict[str, Any]:
    """A ledger line as the model spells an explanation."""
    ours, who = entry.daypass, entry.userIdentity
    why = ours.why
    return {
        "RequestId": entry.requestID,
        "Time": entry.eventTime,
        "Operation": f"{entry.eventSource.partition('.')[0]}:{entry.eventName}".strip(":"),
        "Caller": who.arn or ours.claimedKeyId or who.type,
        "CallerAccount": who.accountId,
        "SourceIp": entry.sourceIPAddress,
        "Outcome": "DONE" if not entry.errorCode else "FAILED" if why is None else "DENIED",
        "ErrorCode": entry.errorCode,
        "Message": entry.errorMessage,
        "Reason": ours.reason,
        "Decisions": [_decision(one) for one in ours.decisions],
        "ResourceAccount": why.owner if why else "",
        "Statements": [_statement(one) for one in why.statements] if why else [],
        "Context": [{"Key": key, "Values": list(values)} for key, values in why.context.items()] if why else [],
        "Omitted": why.omitted if why else 0,
    }


def _decision(one: Decided) -> dict[str, Any]:
    return {
        "Action": one.action,
        "Resource": one.resource,
        "Allowed": one.allowed,
        "Explicit": one.explicit,
        "Layer": one.layer,
        "Policy": one.policy,
        "Statement": one.statement,
    }


def _statement(one: Considered) -> dict[str, Any]:
    return {
        "Layer": one.layer,
        "Policy": one.policy,
        "Statement": one.statement,
        "Effect": one.effect,
        "Actions": list(one.actions),
        "Resources": list(one.resources),
        "Failed": [_failed(item) for item in one.failed],
    }


def _failed(item: Failed) -> dict[str, Any]:
    shown: dict[str, Any] = {"Element": item.element, "Operator": item.operator, "Key": item.key, "Expected": list(item.expected)}
    return shown if item.actual is None else shown | {"Actual": list(item.actual)}
