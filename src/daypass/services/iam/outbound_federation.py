"""Outbound web identity federation: whether an account's principals may get tokens for others, and under which issuer. Makes no token.

The issuer's name stays the account's for good: turned off and on again, those who trust it need not be told.
Source: IAM API Reference, EnableOutboundWebIdentityFederation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.passes import identity_token
from daypass.services.iam.asks import on_anything
from daypass.store.holdings import TokenIssuer
from daypass.store.keys.issuer import make_issuer_keys
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


def issuer_of(ctx: Context, issuer: TokenIssuer) -> str:
    """The `iss` of the account's tokens."""
    return f"{ctx.node.rules.url}{identity_token.ISSUERS}{issuer.issuer}"


def find_enabled_issuer(ctx: Context) -> TokenIssuer | None:
    """The issuer of the caller's account, None while it is turned off."""
    issuer = ctx.store.token_issuers.find(ctx.account)
    return issuer if issuer is not None and issuer.enabled else None


def _get_enabled(ctx: Context) -> TokenIssuer:
    if (issuer := find_enabled_issuer(ctx)) is None:
        raise Refusal("FeatureDisabled", "Outbound web identity federation is not enabled for this account.")
    return issuer


def _new(ctx: Context) -> TokenIssuer:
    name = ids.request_id(ctx.random(16))
    rsa, ec = make_issuer_keys()
    keys = identity_token.key_set(rsa, ec)
    return TokenIssuer(id=ctx.account, account=ctx.account, created=ctx.now, issuer=name, keys=keys, rsa=rsa, ec=ec)


@operation("iam", asks=on_anything("iam:EnableOutboundWebIdentityFederation"), writes=True)
def enable_outbound_web_identity_federation(ctx: Context) -> Output:
    """Turn it on and give the issuer's name, made the first time."""
    known = ctx.store.token_issuers.find(ctx.account)
    if known is not None and known.enabled:
        raise Refusal("FeatureEnabled", "Outbound web identity federation is already enabled for this account.")
    issuer = _new(ctx) if known is None else replace(known, enabled=True)
    ctx.changes.put(issuer)
    return {"IssuerIdentifier": issuer_of(ctx, issuer)}


@operation("iam", asks=on_anything("iam:DisableOutboundWebIdentityFederation"), writes=True)
def disable_outbound_web_identity_federation(ctx: Context) -> None:
    """Turn it off."""
    ctx.changes.put(replace(_get_enabled(ctx), enabled=False))


@operation("iam", asks=on_anything("iam:GetOutboundWebIdentityFederationInfo"))
def get_outbound_web_identity_federation_info(ctx: Context) -> Output:
    """The issuer's name, while it is turned on."""
    return {"IssuerIdentifier": issuer_of(ctx, _get_enabled(ctx)), "JwtVendingEnabled": True}
