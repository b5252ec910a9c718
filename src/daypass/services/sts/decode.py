"""DecodeAuthorizationMessage: what the encoded end of a refusal says, told to those whose policies it is about. Does not seal it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from daypass.passes import MessageError
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.values.why import Considered, Failed, Why
from daypass.way.context import Context
from daypass.way.denied import read_message
from daypass.way.operation import Output, operation

INVALID = "InvalidAuthorizationMessageException"
NOT_VALID = "Message is not valid"  # AWS's text, for every reason alike


def _any_message(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    yield Ask("sts:DecodeAuthorizationMessage", "*", ctx.account)


@operation("sts", asks=_any_message)
def decode_authorization_message(ctx: Context, *, encoded_message: str) -> Output:
    """The reasons in an encoded message, as far as they lie in the policies of the caller's account.

    Raises Refusal: InvalidAuthorizationMessageException, in the same words for a forged message and for one of other accounts.
    """
    try:
        why = read_message(encoded_message, ctx).seen_by(ctx.account)
    except MessageError as error:
        raise Refusal(INVALID, NOT_VALID, private=str(error)) from None
    if why is None:
        raise Refusal(INVALID, NOT_VALID, private="a message of other accounts")
    return {"DecodedMessage": json.dumps(decoded(why), separators=(",", ":"))}


def decoded(why: Why) -> dict[str, Any]:
    """The members that AWS's decoded messages have (fact sheet A, §3.12).

    Where AWS leaves `failures` without a documented form stand the statements that came near, each with what failed in it; statements also
    name their layer and policy, and the whole the layer that decided and the request.
    """
    return {
        "allowed": False,
        "explicitDeny": why.explicit,
        "matchedStatements": _items(_matched(one, why) for one in why.statements if not one.failed),
        "failures": _items(_missed(one) for one in why.statements if one.failed),
        "context": {
            "principal": {"id": why.principal_id, "name": why.principal_arn.rpartition("/")[2], "arn": why.principal_arn},
            "action": why.action,
            "resource": why.resource,
            "conditions": _items({"key": key, "values": _texts(values)} for key, values in why.context),
        },
        "decidedBy": why.layer,
        "requestId": why.request_id,
    }


def _items(found: Iterable[Any]) -> dict[str, list[Any]]:
    return {"items": list(found)}


def _texts(values: Iterable[str]) -> dict[str, list[Any]]:
    return _items({"value": value} for value in values)


def _named(one: Considered) -> dict[str, Any]:
    return {"statementId": one.statement, "effect": one.effect.upper(), "layer": one.layer, "policy": one.policy}


def _matched(one: Considered, why: Why) -> dict[str, Any]:
    return {
        **_named(one),
        "principals": _texts([why.principal_id.partition(":")[0]]),
        "principalGroups": _items(()),
        "actions": _texts(one.actions),
        "resources": _texts(one.resources),
        "conditions": _items(()),
    }


def _missed(one: Considered) -> dict[str, Any]:
    return {**_named(one), "failed": _items(_failed(item) for item in one.failed)}


def _failed(item: Failed) -> dict[str, Any]:
    shown: dict[str, Any] = {"element": item.element}
    if item.element == "Condition":
        shown |= {"operator": item.operator, "key": item.key}
    return {**shown, "expected": _texts(item.expected), "actual": None if item.actual is None else _texts(item.actual)}
