"""ListSessions and RevokeSessions: which passes there are, and their ending."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from daypass.passes import MAX_DURATION
from daypass.services.daypass.server import ask_on, on_account
from daypass.store import Filter, IssuedPass
from daypass.store.endings import made_since
from daypass.store.records import Revocation, RevocationScope, Role, User
from daypass.store.rotation import ended_with_key
from daypass.values.arn import read_arn
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.way.context import Context
from daypass.way.operation import Output, operation

DEFAULT_PAGE = 1000
_SESSION_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_TOKEN = re.compile(r"([0-9]{1,12})\.([0-9a-f]{32})", re.ASCII)


@operation("daypass", asks=on_account("ListSessions"))
def list_sessions(
    ctx: Context,
    *,
    account: str | None = None,
    principal_arn: str | None = None,
    parent: str | None = None,
    include_ended: bool = False,
    max_results: int = DEFAULT_PAGE,
    next_token: str | None = None,
) -> Output:
    """Passes that are not expired, newest first; with `include_ended` those too that were ended."""
    ctx.settle()
    after = _position(next_token)
    principal = _principal(ctx, principal_arn, account).id if principal_arn else None
    wanted = Filter(live_at=ctx.now, account=account, principal_id=principal, parent=_session_id(parent) if parent else None)
    found = ctx.elsewhere(lambda: ctx.node.store.passes(wanted, limit=max_results, after=after))
    shown = [_shown(ctx, item) for item in found]
    output: dict[str, Any] = {"Sessions": [item for item in shown if include_ended or item["State"] == "LIVE"]}
    if len(found) == max_results:
        last = found[-1].session
        output["NextToken"] = f"{last.issued}.{last.id.hex()}"
    return output


class _Order(NamedTuple):
    scope: RevocationScope
    value: str
    account: str | None  # whose passes it ends; None: everybody's
    before: datetime


def _the_target(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    """Whether the target exists is told to those alone who may end it: for one that does not, the same is asked first."""
    ctx.settle()
    try:
        account = _order(ctx, given).account
    except Refusal:
        arn = read_arn(given.get("role_arn") or given.get("user_arn") or "")
        yield ask_on(ctx, "RevokeSessions", arn.account if arn else None)
        raise
    yield ask_on(ctx, "RevokeSessions", account)


@operation("daypass", asks=_the_target, writes=True)
def revoke_sessions(
    ctx: Context,
    *,
    session_id: str | None = None,
    subtree_of: str | None = None,
    role_arn: str | None = None,
    user_arn: str | None = None,
    account: str | None = None,
    issued_before: datetime | None = None,
) -> Output:
    """End passes: one session, a session with all that descends from it, all of a role or a user with what descends from them, or
    everything issued at or before a time (of an account, or of all). Holds from the answer on, on this node.

    Raises Refusal unless exactly one of them is named.
    """
    order = _order(
        ctx,
        {
            "session_id": session_id,
            "subtree_of": subtree_of,
            "role_arn": role_arn,
            "user_arn": user_arn,
            "account": account,
            "issued_before": issued_before,
        },
    )
    revocation = Revocation(
        id=f"rev-{ctx.random(8).hex()}",
        account=order.account or "",
        created=ctx.now,
        scope=order.scope,
        value=order.value,
        before=order.before,
        until=ctx.now + timedelta(seconds=MAX_DURATION),
        by=ctx.caller.arn,
    )
    ctx.changes.put(revocation)
    return {"RevocationId": revocation.id, "Scope": order.scope, "SessionsEnded": _count(ctx, order)}


def _order(ctx: Context, given: Mapping[str, Any]) -> _Order:
    """What is to be ended, from the one parameter that says so. Raises Refusal: ValidationError, and for what is not there as well."""
    name = _named(given)
    value = given[name]
    if name in ("session_id", "subtree_of"):
        identity = _session_id(value)
        found = ctx.elsewhere(lambda: ctx.node.store.passes(Filter(session_id=identity), limit=1))
        if not found:
            raise Refusal("ValidationError", f"There is no live session {value}")
        return _Order("session" if name == "session_id" else "subtree", value, found[0].session.account, ctx.now)
    # INVARIANT: what another node has made before now is ended, though its clock may stand before ours (fault F-20)
    lead = timedelta(seconds=ceil(ctx.node.store.lead))
    if name == "issued_before":
        return _Order("issued-before", "", given.get("account"), min(value, ctx.now) + lead)
    principal = _principal(ctx, value)
    return _Order("principal", principal.id, principal.account, ctx.now + lead)


def _named(given: Mapping[str, Any]) -> str:
    """The one parameter that says what to end. Raises Refusal: ValidationError."""
    named = [name for name in ("session_id", "subtree_of", "role_arn", "user_arn", "issued_before") if given.get(name) is not None]
    if len(named) != 1 or (given.get("account") and named != ["issued_before"]):
        text = "Name exactly one of SessionId, SubtreeOf, RoleArn, UserArn and IssuedBefore (Account goes with the last)"
        raise Refusal("ValidationError", text)
    return named[0]


def _principal(ctx: Context, text: str, account: str | None = None) -> Role | User:
    """The role or user of this ARN, of `account` when one is given. Raises Refusal: ValidationError."""
    found = ctx.store.roles.by_arn(text) or ctx.store.users.by_arn(text)
    if found is None or (account is not None and found.account != account):
        raise Refusal("ValidationError", f"There is no role or user {text}")
    return found


def _session_id(text: str) -> bytes:
    if _SESSION_ID.fullmatch(text) is None:
        raise Refusal("ValidationError", "A session id is 32 lower-case hex characters")
    return bytes.fromhex(text)


def _position(token: str | None) -> tuple[int, bytes] | None:
    if token is None:
        return None
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise Refusal("ValidationError", "The NextToken is not one that this server gave")
    return int(match[1]), bytes.fromhex(match[2])


def _count(ctx: Context, order: _Order) -> int:
    """How many passes that are alive now the order ends."""
    store = ctx.node.store
    if order.scope == "issued-before":
        found = store.passes(Filter(live_at=ctx.now, account=order.account))
        mine = [item for item in found if item.session.issued <= order.before.timestamp()]
    elif order.scope == "principal":
        direct = store.passes(Filter(live_at=ctx.now, principal_id=order.value))
        keys = ctx.store.keys_of(order.value)  # a role's session that a user made with a key has no ancestor, but it has the key
        with_key = [item for key in keys for item in store.passes(Filter(live_at=ctx.now, source_key=key.id))]
        mine = [*direct, *with_key, *(child for item in direct for child in store.descendants(item.session.id))]
    else:
        identity = bytes.fromhex(order.value)
        mine = store.passes(Filter(live_at=ctx.now, session_id=identity))
        since = int(order.before.timestamp())
        mine += [child for child in store.descendants(identity) if order.scope == "subtree" or made_since(child.session, identity, since)]
    return len({item.session.id for item in mine if _state(ctx, item) == "LIVE"})


def _state(ctx: Context, item: IssuedPass) -> str:
    if ctx.now.timestamp() >= item.session.expires:
        return "EXPIRED"
    is_over = ctx.store.ended(item.session) is not None or ended_with_key(ctx.store.seal_keys, item.session.issued)
    return "ENDED" if is_over else "LIVE"


def _shown(ctx: Context, item: IssuedPass) -> dict[str, Any]:
    session = item.session
    parent = session.ancestors[-1].id.hex() if session.ancestors else None
    return {
        "SessionId": session.id.hex(),
        "ParentSessionId": parent,
        "Account": session.account,
        "PrincipalArn": item.principal_arn,
        "PrincipalId": session.principal_id,
        "SessionName": session.name,
        "AccessKeyId": session.key_id,
        "Issued": datetime.fromtimestamp(session.issued, UTC),
        "Expires": datetime.fromtimestamp(session.expires, UTC),
        "ProofKind": session.origin.kind,
        "ProofIssuer": session.origin.issuer,
        "ProofSubject": session.origin.subject,
        "SourceIdentity": session.source_identity,
        "State": _state(ctx, item),
        "Depth": len(session.ancestors),
    }
