"""Principals as they would come to the door: found by what people call them, with the facts and policies that they would bring.

For questions asked ahead (access.py, reach.py). Proves nobody and mints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from daypass import policy
from daypass.store.records import Role, User
from daypass.values.arn import read_arn, root_arn
from daypass.values.caller import ANONYMOUS, Caller, CallerKind
from daypass.values.decision import Ask, Values
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.values.ids import is_account_id
from daypass.values.request import Request
from daypass.values.session import Origin, Session
from daypass.way.context import Context
from daypass.way.facts import PRINCIPAL_TAG, Facts
from daypass.way.who import session_caller, user_caller

SESSION_NAME = "session"  # of a role session that is only thought of
_SESSION_SECONDS = 3600

# What the server itself derives from its state, or what AWS services alone can set: no request can choose these keys.
_FIXED = (
    "aws:principal", "aws:resource", "iam:resourcetag/", "aws:userid", "aws:username", "aws:sourcearn", "aws:sourceaccount",
    "aws:sourceowner", "aws:sourceorg", "aws:viaawsservice", "aws:calledvia",
)  # fmt: skip


class Standing(NamedTuple):
    """A caller with the condition keys that it brings itself, lower-case."""

    caller: Caller
    facts: Mapping[str, Values]


def standing_of(ctx: Context, caller: Caller) -> Standing:
    """`caller` as it would stand before the server now, without anything that only a request can bring."""
    return Standing(caller, dict(Facts(as_sent_by(ctx, caller), Ask("", "*", ""))))


def target_facts(ctx: Context, ask: Ask) -> Mapping[str, Values]:
    """The condition keys of what is asked for, whoever asks."""
    return dict(Facts(as_sent_by(ctx, ANONYMOUS), ask))


def is_free_for(kind: CallerKind, given: Mapping[str, Values]) -> Callable[[str], bool]:
    """Which condition keys a request of such a caller can choose, apart from those `given`. A role's session may carry its own tags."""
    fixed = _FIXED if kind != "web-identity" else ("aws:resource", "iam:resourcetag/")
    tags = kind == "role"
    return lambda key: key not in given and (not key.startswith(fixed) or (tags and key.startswith(PRINCIPAL_TAG)))


class Supposing:
    """One `policy.Suppose` for each kind of caller, since what a request can choose depends on that alone."""

    def __init__(self, given: Mapping[str, Values]) -> None:
        self._given = given
        self._by_kind: dict[str, policy.Suppose] = {}

    def of(self, caller: Caller) -> policy.Suppose:
        """That for `caller`."""
        found = self._by_kind.get(caller.kind)
        if found is None:
            found = self._by_kind[caller.kind] = policy.Suppose(is_free_for(caller.kind, self._given))
        return found


def get_caller(ctx: Context, text: str) -> Caller:
    """The principal that `text` means: the ARN of a user, role, role session, account root or OIDC provider, an account's number, a unique
    id, or the bare name of a user or role that exists once. Raises Refusal (ValidationError) that says where to look.
    """
    if is_account_id(text) or text == root_arn(text.split(":")[4] if text.count(":") == 5 else ""):
        return _root(ctx, text if is_account_id(text) else text.split(":")[4])
    if (provider := ctx.store.oidc_providers.by_arn(text)) is not None:
        return provider_caller(provider.account, provider.arn)
    found = ctx.store.roles.by_arn(text) or ctx.store.users.by_arn(text) or ctx.store.principal(text)
    if found is not None:
        return caller_of(ctx, found)
    arn = read_arn(text)
    if arn is None:
        return caller_of(ctx, _by_name(ctx, text))
    kind, _, rest = arn.resource.partition("/")
    if arn.service == "sts" and kind == "assumed-role":
        name, _, session = rest.partition("/")
        role = ctx.store.roles.named(arn.account, name)
        if role is not None:
            return caller_of(ctx, role, session or SESSION_NAME)
    raise _absent(ctx, text, arn.account, "users" if kind == "user" else "roles")


def caller_of(ctx: Context, principal: User | Role, session_name: str = SESSION_NAME) -> Caller:
    """A user with a long-term key, or a role's session without session policies and tags."""
    region = ctx.node.rules.region
    if isinstance(principal, User):
        return user_caller(principal, "", region, None)
    now = int(ctx.now.timestamp())
    session = Session(
        id=bytes(16), key_id="", kind="role", account=principal.account, principal_id=principal.id, name=session_name, issued=now,
        expires=now + _SESSION_SECONDS, origin=Origin("sigv4", ""),
    )  # fmt: skip
    return session_caller(ctx, session, region)


def provider_caller(account: str, arn: str) -> Caller:
    """A token of an OIDC provider, its claims left open."""
    return Caller("web-identity", account, arn, arn, "", "", provider_arn=arn)


def everyone(ctx: Context, action: str) -> Iterator[tuple[tuple[str, str, str], Caller]]:
    """Every principal of every open account that can ask for `action`, in order, each with its place in the order."""
    with_tokens = fold(action) == "sts:assumerolewithwebidentity"
    for account in sorted({record.id for record in list(ctx.store.accounts)} - ctx.store.closed_accounts):
        if with_tokens:
            for provider in ctx.store.oidc_providers.of(account):
                yield (account, "provider", provider.name), provider_caller(account, provider.arn)
            continue
        for role in ctx.store.roles.of(account):
            yield (account, "role", role.name), caller_of(ctx, role)
        if fold(action) != "sts:assumerole":  # which root may not (assume_role.py)
            yield (account, "root", ""), _root(ctx, account)
        for user in ctx.store.users.of(account):
            yield (account, "user", user.name), caller_of(ctx, user)


def _root(ctx: Context, account: str) -> Caller:
    if ctx.store.accounts.find(account) is None:
        raise Refusal("ValidationError", f"There is no account {account} here; see: aws organizations list-accounts")
    arn = root_arn(account)
    return Caller("root", account, arn, account, arn, account, region=ctx.node.rules.region)


def _by_name(ctx: Context, name: str) -> User | Role:
    accounts = [record.id for record in list(ctx.store.accounts)]
    found = [one for records in (ctx.store.roles, ctx.store.users) for account in accounts if (one := records.named(account, name))]
    if len(found) == 1:
        return found[0]
    if not found:
        text = f"There is no user or role {name} in any account here; give its ARN, or see: aws iam list-roles, aws iam list-users"
        raise Refusal("ValidationError", text)
    raise Refusal("ValidationError", f"Several are called {name}; give the ARN: {', '.join(sorted(one.arn for one in found))}")


def _absent(ctx: Context, text: str, account: str, kind: str) -> Refusal:
    owner = ctx.store.accounts.find(account)
    if owner is None:
        return Refusal("ValidationError", f"{text}: there is no account {account or '(none)'} here; see: aws organizations list-accounts")
    return Refusal("ValidationError", f"There is no {text} in account {account} ({owner.name}); see: aws iam list-{kind}")


def as_sent_by(ctx: Context, caller: Caller) -> Context:
    """The context of a request that `caller` might send: over TLS when the server's own address is, from nowhere in particular."""
    secure = ctx.node.rules.url.startswith("https://")
    return replace(ctx, caller=caller, request=Request("POST", b"/", b"", (), b"", secure=secure))
