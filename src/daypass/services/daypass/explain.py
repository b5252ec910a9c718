"""ExplainRequest: what became of a request, and why. Reads this node's own ledger, which holds the reasons; decides nothing anew."""

from __future__ import annotations

from typing import Any

from daypass.passes import MessageError
from daypass.services.daypass.server import on_account
from daypass.store.ledger import find_request
from daypass.store.ledger.shapes import Considered, Decided, Entry, Failed
from daypass.values.errors import Refusal
from daypass.way.context import Context
from daypass.way.denied import read_message
from daypass.way.operation import Output, operation


@operation("daypass", asks=on_account("ExplainRequest"))
def explain_request(ctx: Context, *, request_id: str | None = None, encoded_message: str | None = None) -> Output:
    """What a ledger line tells: who asked, what was decided, and for a refusal by policy the statements that decided or came near.

    The request is named by its id or by the encoded message of its refusal. The reasons are those of that moment, as the policies were
    then. Raises Refusal: ResourceNotFoundException, ValidationError.
    """
    if (request_id is None) == (encoded_message is None):
        raise Refusal("ValidationError", "Name one of RequestId and EncodedMessage")
    request_id = request_id or _request_of(ctx, encoded_message or "")
    directory = ctx.node.ledger.directory
    found: list[Entry | None] = ctx.elsewhere(lambda: [find_request(directory, request_id)])
    if found[0] is None:
        raise Refusal("ResourceNotFoundException", f"No line of this node's ledger belongs to request {request_id}")
    return explained(found[0])


def _request_of(ctx: Context, encoded_message: str) -> str:
    try:
        return read_message(encoded_message, ctx).request_id
    except MessageError as error:
        raise Refusal("ValidationError", "This installation has not sealed that message", private=str(error)) from None


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
