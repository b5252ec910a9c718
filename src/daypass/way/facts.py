"""The condition keys that the server itself derives: of the caller, the request and the resource. Reads nothing that the request claims
about its sender, so that no input can stand in for one of these keys (attack row C41).

Source: IAM User Guide, "AWS global condition context keys"; fact sheet A §5.10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from daypass.store.records import Organization
from daypass.values.arn import root_arn
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Values
from daypass.way.context import Context

PRINCIPAL_TAG = "aws:principaltag/"
_TYPES = {
    "root": "Account", "user": "User", "role": "AssumedRole", "federated-user": "FederatedUser", "operator": "AssumedRole",
    "anonymous": "Anonymous",
}  # fmt: skip

Reader = Callable[[Context, Ask], Values | None]


class Facts(Mapping[str, Values]):
    """All condition keys of one ask, computed when a condition reads them. Keys are lower-case.

    The server's own keys win over the caller's proven facts, and those over what the operation states of its ask.
    """

    __slots__ = ("_ask", "_ctx")

    def __init__(self, ctx: Context, ask: Ask) -> None:
        self._ctx = ctx
        self._ask = ask

    def __getitem__(self, key: str) -> Values:
        value = self._read(key)
        if value is None:
            raise KeyError(key)
        return value

    def _read(self, key: str) -> Values | None:
        if (reader := _READERS.get(key)) is not None:
            return reader(self._ctx, self._ask)
        if key.startswith(PRINCIPAL_TAG):
            return self._ctx.caller.tags.get(key[len(PRINCIPAL_TAG) :])
        value = self._ctx.caller.facts.get(key)
        return self._ask.context.get(key) if value is None else value

    def _keys(self) -> Iterator[str]:
        yield from _READERS
        yield from (PRINCIPAL_TAG + tag for tag in self._ctx.caller.tags)
        yield from self._ctx.caller.facts
        yield from self._ask.context

    def __iter__(self) -> Iterator[str]:
        return iter({key: None for key in self._keys() if self._read(key) is not None})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _of_principal(read: Callable[[Caller], str]) -> Reader:
    """A key that only callers with an account of their own have."""
    return lambda ctx, ask: (read(ctx.caller) or None) if ctx.caller.kind not in ("anonymous", "web-identity") else None


def _header(name: bytes) -> Reader:
    def read(ctx: Context, ask: Ask) -> Values | None:
        value = ctx.request.first(name)
        return None if value is None else value.decode("latin-1")

    return read


def _principal_arn(caller: Caller) -> str:
    if caller.kind == "federated-user":
        return caller.arn  # its own, not that of the user who federated it
    return caller.principal_arn or (root_arn(caller.account) if caller.kind == "root" else "")


def _text_of(moment: datetime) -> str:
    """A time in UTC, whole seconds, as conditions read it."""
    return moment.isoformat()[:19] + "Z"


def _organization_of(account: str, ctx: Context) -> str | None:
    organization = ctx.store.tree.organization_of(account)
    return organization.id if organization else None


def _path_of(account: str, ctx: Context) -> tuple[str, ...] | None:
    """The one path of an account, `o-…/r-…/ou-…/`, as a multi-valued key holds it."""
    path = ctx.store.tree.path(account)
    if not path or not isinstance(path[0], Organization):
        return None
    return ("/".join((path[0].id, path[0].root_id, *(place.id for place in path[1:-1]), "")),)


def _issued(ctx: Context, ask: Ask) -> Values | None:
    session = ctx.caller.session
    return _text_of(datetime.fromtimestamp(session.issued, UTC)) if session else None


def _mfa_at(ctx: Context) -> int:
    """When the caller last proved itself by MFA: in this request, or when its session was made; 0 for never."""
    return ctx.mfa_at or (ctx.caller.session.mfa_at if ctx.caller.session else 0)


def _mfa_present(ctx: Context, ask: Ask) -> Values | None:
    if _mfa_at(ctx):
        return "true"
    return None if ctx.caller.session is None else "false"  # absent for long-term keys, so that BoolIfExists tells the two apart (§3.5)


def _mfa_age(ctx: Context, ask: Ask) -> Values | None:
    at = _mfa_at(ctx)
    return str(max(int(ctx.now.timestamp()) - at, 0)) if at else None


def _federated_provider(ctx: Context, ask: Ask) -> Values | None:
    session = ctx.caller.session
    return session.origin.issuer if session and session.origin.kind == "oidc" else None


def _source_identity(ctx: Context, ask: Ask) -> Values | None:
    return (ctx.caller.session.source_identity or None) if ctx.caller.session else None


def _source_ip(ctx: Context, ask: Ask) -> Values | None:
    peer = ctx.request.peer
    return None if peer.startswith("uid:") else peer or None


_READERS: dict[str, Reader] = {
    "aws:currenttime": lambda ctx, ask: _text_of(ctx.now),
    "aws:epochtime": lambda ctx, ask: str(int(ctx.now.timestamp())),
    "aws:sourceip": _source_ip,
    "aws:securetransport": lambda ctx, ask: "true" if ctx.request.secure else "false",
    "aws:useragent": _header(b"user-agent"),
    "aws:referer": _header(b"referer"),
    "aws:requestedregion": lambda ctx, ask: ctx.caller.region or ctx.node.rules.region,
    "aws:viaawsservice": lambda ctx, ask: "false",
    "aws:principalisawsservice": lambda ctx, ask: "false",
    "aws:principalarn": _of_principal(_principal_arn),
    "aws:principalaccount": _of_principal(lambda caller: caller.account),
    "aws:assumedroot": lambda ctx, ask: "true" if ctx.caller.session and ctx.caller.session.kind == "root" else None,
    "aws:principaltype": lambda ctx, ask: _TYPES.get(ctx.caller.kind),
    "aws:principalorgid": lambda ctx, ask: _organization_of(ctx.caller.account, ctx) if ctx.caller.principal_id else None,
    "aws:userid": _of_principal(lambda caller: caller.user_id),
    "aws:username": _of_principal(lambda caller: caller.arn.rsplit("/", 1)[-1] if caller.kind == "user" else ""),
    "aws:tokenissuetime": _issued,
    "aws:multifactorauthpresent": _mfa_present,
    "aws:multifactorauthage": _mfa_age,
    "aws:federatedprovider": _federated_provider,
    "aws:sourceidentity": _source_identity,
    "aws:resourceaccount": lambda ctx, ask: ask.account or None,
    "aws:resourceorgid": lambda ctx, ask: _organization_of(ask.account, ctx),
    "aws:principalorgpaths": lambda ctx, ask: _path_of(ctx.caller.account, ctx) if ctx.caller.principal_id else None,
    "aws:resourceorgpaths": lambda ctx, ask: _path_of(ask.account, ctx),
}
