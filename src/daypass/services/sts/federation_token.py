"""GetFederationToken: a user vouches for a stranger, who gets what the user may do and the passed policies allow. Signs nobody in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from daypass.services.sts.credentials import request_tags, session_policies, shown, tags_of
from daypass.values.arn import federated_user_arn
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.values.session import Origin
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

DEFAULT_FEDERATED_SECONDS = 43200  # STS API reference, GetFederationToken


def _the_stranger(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    """sts:GetFederationToken on the federated user, and sts:TagSession when tags are passed (fact sheet A §3.9)."""
    if ctx.caller.kind not in ("user", "root") or ctx.caller.session is not None:
        raise Refusal("AccessDenied", "Cannot call GetFederationToken with session credentials", 403)
    tags = tags_of(given.get("tags"))
    for action in ("sts:GetFederationToken", *(("sts:TagSession",) if tags else ())):
        yield Ask(action, federated_user_arn(ctx.account, given["name"]), ctx.account, request_tags(tags, ()))


@operation("sts", asks=_the_stranger)
def get_federation_token(
    ctx: Context,
    *,
    name: str,
    policy: str | None = None,
    policy_arns: Sequence[Mapping[str, str]] | None = None,
    duration_seconds: int = DEFAULT_FEDERATED_SECONDS,
    tags: Sequence[Mapping[str, str]] | None = None,
    minimum_session_token_size: int = 0,
) -> Output:
    """Temporary credentials under `name` that may do nothing without a policy, and never call IAM (STS API reference).

    Raises Refusal: AccessDenied for sessions, MalformedPolicyDocument, ValidationError, PackedPolicyTooLarge.
    """
    text, arns = session_policies(ctx, ctx.account, policy, policy_arns)
    made = ctx.mint(
        kind="federated-user",
        account=ctx.account,
        principal_id=ctx.caller.principal_id,
        name=name,
        duration=duration_seconds,
        origin=Origin("sigv4", ctx.caller.key_id),
        policy=text,
        policy_arns=arns,
        tags=tags_of(tags),
        source_key=ctx.caller.key_id,
        minimum_size=minimum_session_token_size,
    )
    stranger = {"FederatedUserId": f"{ctx.account}:{name}", "Arn": federated_user_arn(ctx.account, name)}
    return {**shown(made), "FederatedUser": stranger, "PackedPolicySize": made.packed_size}
