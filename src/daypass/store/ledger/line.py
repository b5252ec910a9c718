"""Event to JSON: the body of a ledger line, shaped as a CloudTrail record. Does not chain or write it, and keeps no secret.

Members that CloudTrail has are named and meant as there (CloudTrail User Guide, "record contents"); ours are under `daypass`: the decisions
with their reasons, the true reason of a refusal, the lineage of the calling session and the session that was minted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from daypass.store.ledger.identity import shown
from daypass.store.ledger.shapes import (
    Body,
    Decided,
    Details,
    Entry,
    Identity,
    Minted,
    Recovered,
    RestoredFrom,
    minted_of,
    moment,
    refused_of,
)
from daypass.values.event import Event

MAX_TEXT = 1024  # characters of a user agent, a message or a reason (CloudTrail: errorMessage and userAgent 1 KB)
MAX_PARAMETERS = 16 * 1024  # bytes of request parameters as JSON (CloudTrail: 100 KB; ours are validated, long only by policies)
MAX_PARAMETER_TEXT = 2048  # characters kept of one string where the parameters are longer than that
MAX_DECISIONS = 64
MAX_WARNINGS = 16
LEDGER_SOURCE = "ledger.daypass"
_NOBODY = Identity("Unknown")

# What a canonical request, a presigned URL or an Authorization header shows of a token or signature (as JSON text).
_LEAK = re.compile(rb'((?:x-amz-security-token|x-amz-signature|signature)(?:=|:|%3[Dd]|%3[Aa])\s*)[^\s&",;\\]+', re.IGNORECASE)


def _shown(value: object) -> str:
    # A Secret and whatever else JSON has no form for: its type says enough.
    return f"({type(value).__name__})"


_encode = msgspec.json.Encoder(enc_hook=_shown).encode
_decode = msgspec.json.Decoder(Entry).decode


def body_of(event: Event) -> bytes:
    """The body of the ledger line of `event`: JSON on one line, bounded, never failing on what a request contains."""
    try:
        body = _encode(_body(event, event.parameters or None))
        if len(body) > MAX_PARAMETERS and event.parameters:  # so perhaps its parameters are
            body = _encode(_body(event, _parameters(event.parameters)))
    except (UnicodeEncodeError, RecursionError, TypeError, OverflowError):
        body = _encode(_readable(event))
    # Texts that could quote a request: what the client wrote itself, and messages about what it wrote.
    if event.error_code or event.parameters or event.private or "ignature" in event.user_agent or "oken" in event.user_agent:
        lower = body.lower()
        if b"signature" in lower or b"security-token" in lower:
            body = _LEAK.sub(rb"\1(removed)", body)
    return body


def is_body(data: bytes) -> bool:
    """Whether `data` is the body of a line: one JSON object, on one line, of the form that readers know."""
    try:
        _decode(data)
    except msgspec.DecodeError:
        return False
    return data.startswith(b"{") and data.endswith(b"}") and b"\n" not in data


def _readable(event: Event) -> object:
    """The body of a line when something in it has no form in JSON, such as a lone surrogate."""
    body = _body(event, None)
    known = {"userIdentity": body.userIdentity, "session": body.daypass.session}
    body.userIdentity, body.daypass.session = _NOBODY, None
    readable: dict[str, Any] = {key: _cut(value) for key, value in msgspec.to_builtins(body).items()}
    readable["daypass"]["session"] = known["session"]
    return readable | {"userIdentity": known["userIdentity"], "requestParameters": _parameters(event.parameters)}


def notice_of(now: datetime, *, cut_bytes: int, lost_lines: int) -> bytes:
    """The body of a line by which the ledger tells of itself: torn bytes that were cut at start, anchored lines that were gone by then."""
    return _notice(now, "LedgerRecovered", Details(status=0, recovered=Recovered(cut_bytes, lost_lines)))


def restored_notice_of(now: datetime, taken: datetime, *, head_line: int, later_lines: int) -> bytes:
    """The body of the line with which a ledger goes on when the state comes from a backup."""
    return _notice(now, "LedgerRestored", Details(status=0, restored=RestoredFrom(taken, head_line, later_lines)))


def _notice(now: datetime, name: str, details: Details) -> bytes:
    return _encode(
        Body(
            userIdentity=Identity("Ledger"),
            eventTime=now,
            eventSource=LEDGER_SOURCE,
            eventName=name,
            awsRegion="",
            sourceIPAddress="",
            userAgent="",
            requestID="",
            eventID="",
            readOnly=True,
            recipientAccountId="",
            daypass=details,
        )
    )


def _body(event: Event, parameters: object) -> Body:
    caller, minted = event.caller, event.minted
    decisions = event.decisions
    # Raw stands where a reader finds the shape: what it holds is that shape, encoded before.
    identity: Any = _NOBODY
    lineage: Any = None
    if caller is not None:
        _, identity, lineage = shown(caller)
    made = None if minted is None else minted_of(minted)
    return Body(
        userIdentity=identity,
        eventTime=event.time,
        eventSource=f"{event.service}.amazonaws.com",
        eventName=event.operation,
        awsRegion=event.region,
        sourceIPAddress=event.source_ip,
        userAgent=event.user_agent[:MAX_TEXT],
        errorCode=event.error_code,
        errorMessage=event.error_message[:MAX_TEXT],
        requestParameters=parameters,
        responseElements=None if made is None else _credentials(made),
        requestID=event.request_id,
        eventID=event.request_id,
        readOnly=event.read_only,
        recipientAccountId=caller.account if caller is not None else "",
        daypass=Details(
            status=event.status,
            decisions=[
                Decided(ask.action, ask.resource[:MAX_PARAMETER_TEXT], d.allowed, d.explicit, d.layer, d.policy, d.statement)
                for ask, d in decisions[:MAX_DECISIONS]
            ],
            decisionsOmitted=max(0, len(decisions) - MAX_DECISIONS),
            reason=event.private[:MAX_TEXT],
            warnings=tuple(text[:MAX_TEXT] for text in event.warnings[:MAX_WARNINGS]),
            why=None if event.why is None else refused_of(event.why),
            claimedKeyId="" if caller is not None and caller.key_id == event.claimed_key_id else event.claimed_key_id[:MAX_TEXT],
            session=lineage,
            minted=made,
        ),
    )


def _credentials(made: Minted) -> dict[str, Any]:
    return {"credentials": {"accessKeyId": made.keyId, "expiration": moment(made.expires)}}


def _parameters(parameters: Mapping[str, Any]) -> msgspec.Raw | None:
    """The parameters as JSON: as they are when short, with their strings cut when long, only counted when longer still."""
    if not parameters:
        return None
    try:
        text = _encode(parameters)
        if len(text) > MAX_PARAMETERS:
            text = _encode(_cut(parameters))
    except (UnicodeEncodeError, RecursionError, TypeError, OverflowError):
        text = _encode(_cut(parameters))
    if len(text) > MAX_PARAMETERS:
        text = _encode({"omitted": f"{len(text)} bytes"})
    return msgspec.Raw(text)


def _cut(value: object, depth: int = 0) -> object:
    if isinstance(value, str):
        return _clean(value[:MAX_PARAMETER_TEXT]) + ("…" if len(value) > MAX_PARAMETER_TEXT else "")
    if depth > 16:
        return "…"
    if isinstance(value, Mapping):
        return {_clean(str(key))[:MAX_TEXT]: _cut(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(member, depth + 1) for member in value]
    return value if isinstance(value, int | float | bool) or value is None else str(value) if hasattr(value, "isoformat") else _shown(value)


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
