"""What the operations that mint have in common: the shape of the answer, and the limits on durations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from daypass.passes import MAX_TOKEN
from daypass.policy import Policy, PolicyError, read_policy
from daypass.services.rails import may_be_used
from daypass.store.records import Role
from daypass.values.arn import read_arn, role_session_arn
from daypass.values.decision import Values
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.values.session import Pass
from daypass.way.context import Context
from daypass.way.operation import Output

DEFAULT_ROLE_SECONDS = 3600  # STS API reference, AssumeRole: whatever the role's maximum is
_NOBODY = '{"Statement": {"Effect": "Allow", "Principal": {"Service": "nobody.daypass.internal"}, "Action": "sts:*"}}'
_NO_TRUST = read_policy(_NOBODY, "trust", name="none (there is no such role, or a guard rail holds its own back)")


def shown(made: Pass) -> dict[str, object]:
    """`Credentials` and the size members that every minting operation answers with."""
    size = len(made.token.reveal())
    return {
        "Credentials": {
            "AccessKeyId": made.session.key_id,
            "SecretAccessKey": made.secret.reveal().decode("ascii"),
            "SessionToken": made.token.reveal().decode("ascii"),
            "Expiration": datetime.fromtimestamp(made.session.expires, UTC),
        },
        "SessionTokenSize": size,
        "SessionTokenUtilization": -(-size * 100 // MAX_TOKEN),
    }


def shown_role(made: Pass, role: Role) -> Output:
    """The answer of the AssumeRole family: `shown` and the assumed role."""
    session = made.session
    output = shown(made)
    output["AssumedRoleUser"] = {
        "AssumedRoleId": f"{role.id}:{session.name}",
        "Arn": role_session_arn(role.account, role.name, session.name),
    }
    output["PackedPolicySize"] = made.packed_size
    if session.source_identity:
        output["SourceIdentity"] = session.source_identity
    return output


def find_role(ctx: Context, role_arn: str) -> Role | None:
    """The role that an ARN names, or None; the ARN must match exactly, path and case included."""
    return ctx.store.roles.by_arn(role_arn)


def trust_of(ctx: Context, role: Role | None) -> Policy:
    """The role's trust policy; one that trusts nobody for a role that does not exist, so that it is denied in the same words."""
    return _NO_TRUST if role is None else ctx.store.trust_of(role)


def web_trust_of(ctx: Context, role: Role | None) -> Policy:
    """The same for who comes with a token: one that trusts nobody when a guard rail forbids to act upon the role's (attack row C25)."""
    trust = trust_of(ctx, role)
    return trust if role is None or may_be_used(ctx, trust, role.account) else _NO_TRUST


def account_of(role_arn: str) -> str:
    """The account that a role's ARN names. Raises Refusal (ValidationError) when it is not an ARN."""
    arn = read_arn(role_arn)
    if arn is None:
        raise Refusal("ValidationError", f"{role_arn} is invalid", 400)
    return arn.account


def verify_duration(role: Role, seconds: int) -> None:
    """Raises Refusal (ValidationError) over the role's maximum (fact sheet A §3.6; the cap on chains is mint's)."""
    if seconds > role.max_session:
        raise Refusal("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400)


def session_policies(
    ctx: Context, account: str, policy: str | None, policy_arns: Iterable[Mapping[str, str]] | None
) -> tuple[str, tuple[str, ...]]:
    """The session policy text and ARNs, checked: readable policies, managed policies of `account` or of AWS that exist.

    Raises Refusal: MalformedPolicyDocument, ValidationError.
    """
    if policy is not None:
        try:
            read_policy(policy, "session")
        except PolicyError as error:
            raise Refusal("MalformedPolicyDocument", str(error), 400) from error
    arns = tuple(item.get("arn", "") for item in policy_arns or ())
    for arn in arns:
        parts = read_arn(arn)
        if parts is None or parts.account not in (account, "aws") or ctx.store.document_of(arn) is None:
            text = f"The session policy ARN {arn} is not valid: it must name a managed policy of the role's account"
            raise Refusal("ValidationError", text)
    return policy or "", arns


def tags_of(given: Iterable[Mapping[str, str]] | None) -> tuple[tuple[str, str], ...]:
    """Session tags as pairs, as they came (mint refuses keys that come twice)."""
    return tuple((item["Key"], item["Value"]) for item in given or ())


def request_tags(tags: Iterable[tuple[str, str]], transitive: Iterable[str]) -> dict[str, Values]:
    """The condition keys of passed session tags: `aws:RequestTag/k`, `aws:TagKeys`, `sts:TransitiveTagKeys`."""
    context: dict[str, Values] = {f"aws:requesttag/{fold(key)}": value for key, value in tags}
    if keys := tuple(key for key, _ in tags):
        context["aws:tagkeys"] = keys
    if keys := tuple(transitive):
        context["sts:transitivetagkeys"] = keys
    return context


def role_tags(role: Role | None) -> dict[str, Values]:
    """The role's own tags as `aws:ResourceTag/k` and `iam:ResourceTag/k`."""
    return {f"{prefix}:resourcetag/{fold(key)}": value for key, value in (role.tags if role else ()) for prefix in ("aws", "iam")}
