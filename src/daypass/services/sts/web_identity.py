"""AssumeRoleWithWebIdentity: a token of an OpenID Connect provider is the proof, the role's trust policy decides over its claims.

Does not verify tokens (proof/jwt.py does) and does not fetch keys (outside/jwks.py does).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from daypass.proof import claims, jwt
from daypass.services.sts.credentials import (
    DEFAULT_ROLE_SECONDS,
    account_of,
    find_role,
    request_tags,
    role_tags,
    session_policies,
    shown_role,
    verify_duration,
    web_trust_of,
)
from daypass.store.records import UsedToken
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Values
from daypass.values.errors import Refusal
from daypass.values.session import Origin
from daypass.way.context import Await, Context
from daypass.way.operation import Output, operation

DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"  # without detail, on purpose (fact sheet A §3.3)


def _by_token(ctx: Context, given: Mapping[str, Any]) -> Caller:
    """Who the token is: the provider is the one registered in the *role's* account under exactly the token's issuer (C22).

    Raises Refusal of the token's faults, Await for keys that have to be fetched.
    """
    account = account_of(given["role_arn"])
    # (1) split and parse; nothing of it is believed
    claimed = jwt.read_unverified(given["web_identity_token"])
    # (2) the provider is a fact of the server
    provider = ctx.store.oidc_providers.named(account, claimed.issuer.removeprefix("https://"))
    if provider is None or provider.url != claimed.issuer:
        shown_issuer = claimed.issuer[:255]
        raise Refusal("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {shown_issuer}", 400)
    # (3) its keys, from what was fetched of the provider's own address
    keys = ctx.node.fetcher.cached(provider.url, claimed.key_id, ctx.now)
    if keys is None:
        raise Await("outside", lambda: ctx.node.fetcher.fetch(provider.url, ctx.now))
    # (4) signature, issuer, times, audience
    token = jwt.verify_token(claimed, keys, issuer=provider.url, audiences=provider.client_ids, now=ctx.now)
    return Caller(
        kind="web-identity",
        account=account,
        arn=provider.arn,
        user_id=f"{provider.arn}:{token.subject}",
        principal_arn="",
        principal_id="",
        provider_arn=provider.arn,
        facts=claims.condition_keys(token),
        token=token,
    )


def _the_role(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    """As AssumeRole, but tags and source identity are those of the verified token; only the trust policy can allow."""
    role = find_role(ctx, given["role_arn"])
    token = _token(ctx)
    tags, transitive = claims.session_tags(token)
    identity = claims.source_identity(token)
    context: dict[str, Values] = {
        "sts:rolesessionname": given["role_session_name"],
        **request_tags(tags.items(), transitive),
        **role_tags(role),
    }
    if identity:
        context["sts:sourceidentity"] = identity
    trust = web_trust_of(ctx, role)
    actions = ["sts:AssumeRoleWithWebIdentity"]
    if tags:
        actions.append("sts:TagSession")
    if identity:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        yield Ask(action, given["role_arn"], account_of(given["role_arn"]), context, combine="must", policy=trust)


@operation("sts", asks=_the_role, proof=_by_token)
def assume_role_with_web_identity(
    ctx: Context,
    *,
    role_arn: str,
    role_session_name: str,
    web_identity_token: str,
    policy_arns: Sequence[Mapping[str, str]] | None = None,
    policy: str | None = None,
    duration_seconds: int = DEFAULT_ROLE_SECONDS,
    minimum_session_token_size: int = 0,
) -> Output:
    """A role session for the subject of a token (RFC 7519) that the role's account has a provider for.

    Raises Refusal: AccessDenied, ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge, InvalidIdentityToken (used before).
    """
    role = find_role(ctx, role_arn)
    if role is None:
        raise Refusal("AccessDenied", DENIED, 403)
    token = _token(ctx)
    verify_duration(role, duration_seconds)
    text, arns = session_policies(ctx, role.account, policy, policy_arns)
    _use_once(ctx, token)
    tags, transitive = claims.session_tags(token)
    made = ctx.mint(
        kind="role",
        account=role.account,
        principal_id=role.id,
        name=role_session_name,
        duration=duration_seconds,
        origin=Origin("oidc", ctx.caller.provider_arn, token.subject, token.audience, token.token_id),
        policy=text,
        policy_arns=arns,
        tags=tuple(tags.items()),
        transitive=transitive,
        source_identity=claims.source_identity(token),
        minimum_size=minimum_session_token_size,
    )
    return {
        **shown_role(made, role),
        "SubjectFromWebIdentityToken": token.subject,
        "Provider": ctx.caller.provider_arn,
        "Audience": token.audience,
    }


def _use_once(ctx: Context, token: jwt.Token) -> None:
    """Workloads present one token again and again, so its `jti` is refused only where the provider is marked single-use."""
    provider = ctx.store.oidc_providers.by_arn(ctx.caller.provider_arn)
    if provider is None or not provider.single_use:
        return
    if not token.token_id:
        raise Refusal("InvalidIdentityToken", "The provider's tokens are for one use, and this one has no jti to tell it by", 400)
    if ctx.store.ended_everywhere(token.issued):  # a restored state does not know which of them were used (attack row H91)
        raise Refusal("InvalidIdentityToken", "The token is from before all was ended, and may have been used", 400)
    used = f"{provider.id}/{hashlib.sha256(token.token_id.encode()).hexdigest()}"
    changes = ctx.changes  # on the storage thread, where two uses cannot pass each other
    if ctx.store.used_tokens.find(used) is not None:
        raise Refusal("InvalidIdentityToken", "The token was used before", 400)
    until = datetime.fromtimestamp(token.expires, UTC)
    changes.put(UsedToken(id=used, account=provider.account, created=ctx.now, until=until))


def _token(ctx: Context) -> jwt.Token:
    token = ctx.caller.token
    if not isinstance(token, jwt.Token):
        raise TypeError("the caller was not proven by a token")
    return token
