"""AssumeRole: a signed caller takes a role that trusts it. Does not read trust policies (policy/decide.py does)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daypass.services.sts.credentials import (
    DEFAULT_ROLE_SECONDS,
    account_of,
    find_role,
    request_tags,
    role_tags,
    session_policies,
    shown_role,
    tags_of,
    trust_of,
    verify_duration,
)
from daypass.services.sts.mfa import use_mfa, verify_mfa
from daypass.values.decision import Ask, Values
from daypass.values.errors import Refusal
from daypass.values.session import Origin
from daypass.way.context import Context
from daypass.way.operation import Output, operation


def _the_role(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    """sts:AssumeRole on the role, and one ask more for tags and for a source identity (fact sheet A §5.9).

    A role that does not exist is asked for in the same way: no trust policy, so denied with the same words. An MFA code that comes with
    the call is verified first: the trust policy may ask for it.
    """
    verify_mfa(ctx, given.get("serial_number"), given.get("token_code"))
    arn: str = given["role_arn"]
    account = account_of(arn)
    role = find_role(ctx, arn)
    tags = tags_of(given.get("tags"))
    transitive = given.get("transitive_tag_keys") or ()
    context: dict[str, Values] = {
        "sts:rolesessionname": given["role_session_name"],
        **request_tags(tags, transitive),
        **role_tags(role),
    }
    for name, key in (("external_id", "sts:externalid"), ("source_identity", "sts:sourceidentity")):
        if given.get(name) is not None:
            context[key] = given[name]
    trust = trust_of(ctx, role)
    actions = ["sts:AssumeRole"]
    if tags or transitive:
        actions.append("sts:TagSession")
    if given.get("source_identity") is not None:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        yield Ask(action, arn, account, context, combine="must", policy=trust)


@operation("sts", asks=_the_role)
def assume_role(
    ctx: Context,
    *,
    role_arn: str,
    role_session_name: str,
    policy_arns: Sequence[Mapping[str, str]] | None = None,
    policy: str | None = None,
    duration_seconds: int = DEFAULT_ROLE_SECONDS,
    tags: Sequence[Mapping[str, str]] | None = None,
    transitive_tag_keys: Sequence[str] | None = None,
    external_id: str | None = None,
    source_identity: str | None = None,
    serial_number: str | None = None,
    token_code: str | None = None,
    minimum_session_token_size: int = 0,
) -> Output:
    """A role session for a caller whom the role trusts. `external_id` has done its work in the trust policy by now.

    Raises Refusal: AccessDenied (root, chain too deep), ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge.
    """
    caller, parent = ctx.caller, ctx.caller.session
    role = find_role(ctx, role_arn)
    if role is None:
        raise Refusal("AccessDenied", f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}", 403)
    if caller.kind == "root":
        raise Refusal("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    verify_duration(role, duration_seconds)
    text, arns = session_policies(ctx, role.account, policy, policy_arns)
    use_mfa(ctx, serial_number, token_code)  # the session itself says nothing of it (fact sheet A §3.5)
    made = ctx.mint(
        kind="role",
        account=role.account,
        principal_id=role.id,
        name=role_session_name,
        duration=duration_seconds,
        origin=Origin("operator", ctx.request.peer) if caller.kind == "operator" else Origin("sigv4", caller.key_id),
        parent=parent,
        policy=text,
        policy_arns=arns,
        tags=tags_of(tags),
        transitive=transitive_tag_keys or (),
        source_identity=source_identity or "",
        source_key="" if parent else caller.key_id,
        minimum_size=minimum_session_token_size,
    )
    return shown_role(made, role)
