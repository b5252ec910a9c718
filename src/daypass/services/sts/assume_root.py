"""AssumeRoot: the management account enters a member as its root user, for one task. Does not switch the feature on (IAM does)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from daypass.services.iam.organization_features import get_organization
from daypass.services.sts.credentials import shown
from daypass.values.arn import root_arn
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.values.ids import is_account_id
from daypass.values.session import Origin
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

MAX_ROOT_SECONDS = 900  # STS model
# IAM User Guide, "Perform a privileged task on an AWS Organizations member account"
TASKS = frozenset(
    f"arn:aws:iam::aws:policy/root-task/{name}"
    for name in (
        "IAMAuditRootUserCredentials",
        "IAMCreateRootUserPassword",
        "IAMDeleteRootUserCredentials",
        "S3UnlockBucketPolicy",
        "SQSUnlockQueuePolicy",
    )
)


def _member(target: str) -> str:
    """The account that a TargetPrincipal names: twelve digits, or the ARN of its root. Raises Refusal."""
    account = target if is_account_id(target) else target.split(":")[4] if target.count(":") == 5 else ""
    if not is_account_id(account) or target not in (account, root_arn(account)):
        raise Refusal("ValidationError", "TargetPrincipal must be an account id, or the ARN of an account's root user.", 400)
    return account


def _the_root(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    """sts:AssumeRoot on the member's root user. Its own account says nothing of it: the organization does."""
    context = {"sts:taskpolicyarn": given["task_policy_arn"].get("arn", "")}
    yield Ask("sts:AssumeRoot", root_arn(_member(given["target_principal"])), ctx.account, context)


@operation("sts", asks=_the_root)
def assume_root(
    ctx: Context,
    *,
    target_principal: str,
    task_policy_arn: Mapping[str, str],
    duration_seconds: int = MAX_ROOT_SECONDS,
    minimum_session_token_size: int = 0,
) -> Output:
    """Fifteen minutes at most as the root user of a member account, within one of AWS's task policies.

    Raises Refusal: AccessDenied where root sessions are off or the account is no member, ValidationError.
    """
    member, task = _member(target_principal), task_policy_arn.get("arn", "")
    if task not in TASKS:
        raise Refusal("ValidationError", f"TaskPolicyArn must be one of {', '.join(sorted(TASKS))}.", 400)
    organization = get_organization(ctx)
    place = ctx.store.tree.organization_of(member)
    if "RootSessions" not in organization.features or place is None or place.id != organization.id or member == organization.account:
        why = f"User: {ctx.caller.arn} is not authorized to perform: sts:AssumeRoot on resource: {root_arn(member)}"
        raise Refusal("AccessDenied", why, 403, private="root sessions are off, or the target is no member account")
    caller, parent = ctx.caller, ctx.caller.session
    made = ctx.mint(
        kind="root",
        account=member,
        principal_id=member,
        name="",
        duration=duration_seconds,
        origin=Origin("operator", ctx.request.peer) if caller.kind == "operator" else Origin("sigv4", caller.key_id),
        parent=parent,
        policy_arns=(task,),
        source_key="" if parent else caller.key_id,
        minimum_size=minimum_session_token_size,
    )
    return {**shown(made), "SourceIdentity": made.session.source_identity or None}
