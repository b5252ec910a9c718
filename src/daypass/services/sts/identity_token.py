"""GetWebIdentityToken: an account's issuer tells others who the caller is. Does not switch the issuer on (IAM does).

Source: STS API reference, GetWebIdentityToken; IAM User Guide, "Federating AWS identities to external services"; fact sheet A §3.12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from daypass.passes import identity_token
from daypass.services.iam.outbound_federation import find_enabled_issuer, issuer_of
from daypass.services.sts.credentials import request_tags, tags_of
from daypass.values.decision import Ask, Values
from daypass.values.errors import Refusal
from daypass.values.ids import request_id
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

DEFAULT_SECONDS = 300  # STS API reference, GetWebIdentityToken
MAX_PAYLOAD = 6144  # bytes of claims; ours, so that the token fits into the 8 KiB of headers that servers take
NAMESPACE = "https://sts.amazonaws.com/"  # the claim under which AWS's own stand


def _any(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    tags = tags_of(given.get("tags"))
    context: dict[str, Values] = {
        "sts:identitytokenaudience": tuple(given["audience"]),
        "sts:signingalgorithm": given["signing_algorithm"],
        "sts:durationseconds": str(given.get("duration_seconds", DEFAULT_SECONDS)),
        **request_tags(tags, ()),
    }
    for action in ("sts:GetWebIdentityToken", *(("sts:TagGetWebIdentityToken",) if tags else ())):
        yield Ask(action, "*", ctx.account, context)


@operation("sts", asks=_any)
def get_web_identity_token(
    ctx: Context,
    *,
    audience: Sequence[str],
    signing_algorithm: str,
    duration_seconds: int = DEFAULT_SECONDS,
    scope: str | None = None,
    tags: Sequence[Mapping[str, str]] | None = None,
) -> Output:
    """A signed token (JWT) that names the caller's principal to `audience`.

    Raises Refusal: OutboundWebIdentityFederationDisabledException, SessionDurationEscalationException, JWTPayloadSizeExceededException,
    ValidationError.
    """
    if signing_algorithm not in identity_token.ALGORITHMS:
        raise Refusal("ValidationError", f"SigningAlgorithm must be one of {', '.join(identity_token.ALGORITHMS)}.", 400)
    issuer = find_enabled_issuer(ctx)
    if issuer is None:
        text = "Outbound web identity federation is disabled for this account."
        raise Refusal("OutboundWebIdentityFederationDisabledException", text, 403)
    issued = int(ctx.now.timestamp())
    expires = issued + duration_seconds
    session = ctx.caller.session
    # INVARIANT: what comes from a session is over no later than it
    if session is not None and expires > session.expires:
        text = "The requested token duration would extend beyond the expiration of the session that requests it."
        raise Refusal("SessionDurationEscalationException", text, 403)
    caller = ctx.caller
    claims: dict[str, Any] = {
        "iss": issuer_of(ctx, issuer),
        "sub": caller.arn if caller.kind == "federated-user" else caller.principal_arn,
        "aud": list(audience) if len(audience) > 1 else audience[0],
        "iat": issued,
        "exp": expires,
        "jti": request_id(ctx.random(16)),
        NAMESPACE: _own_claims(ctx, tags_of(tags)),
    }
    if scope is not None:
        claims["scope"] = scope
    if len(msgspec.json.encode(claims)) > MAX_PAYLOAD:
        raise Refusal("JWTPayloadSizeExceededException", f"The claims of the token would take more than {MAX_PAYLOAD} bytes.", 400)
    token = identity_token.sign_token(claims, signing_algorithm, issuer.rsa, issuer.ec)
    return {"WebIdentityToken": token, "Expiration": datetime.fromtimestamp(expires, UTC)}


def _own_claims(ctx: Context, tags: Sequence[tuple[str, str]]) -> dict[str, Any]:
    caller = ctx.caller
    organization = ctx.store.tree.organization_of(caller.account)
    found: dict[str, Any] = {
        "aws_account": caller.account,
        "source_region": caller.region or ctx.node.rules.region,
        "org_id": organization.id if organization else None,
        "principal_tags": dict(caller.tags) or None,
        "request_tags": dict(tags) or None,
        "original_session_exp": _text(caller.session.expires) if caller.session else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19] + "Z"
