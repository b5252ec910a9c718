"""Customer-managed policies and their versions; AWS's own are shown, never changed. Whom they are attached to is in attachments.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import on_anything, on_new_policy, on_policy, with_tags
from daypass.services.iam.aws_policies import AWS_POLICIES
from daypass.services.iam.documents import check_managed
from daypass.services.iam.listing import PAGE, listing, under
from daypass.services.iam.names import check_name
from daypass.services.iam.show import show_policy, show_policy_fully, show_version
from daypass.services.iam.tags import Given, read_tags
from daypass.store.records import ManagedPolicy, PolicyVersion
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


@operation("iam", asks=on_new_policy("iam:CreatePolicy", with_tags), writes=True)
def create_policy(
    ctx: Context, *, policy_name: str, policy_document: str, path: str = "/", description: str = "", tags: Given = ()
) -> Output:
    """Make a managed policy; its document is version v1."""
    check_name(policy_name, path)
    if ctx.store.policies.named(ctx.account, policy_name) is not None:
        raise Refusal("EntityAlreadyExists", f"A policy called {policy_name} already exists. Duplicate names are not allowed.")
    quotas.within("PoliciesPerAccount", quotas.POLICIES, len(ctx.store.policies.of(ctx.account)) + 1)
    check_managed(ctx, policy_document)
    policy = ManagedPolicy(
        id=ids.unique_id(ids.MANAGED_POLICY, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        updated=ctx.now,
        name=policy_name,
        path=path,
        description=description,
        versions=(PolicyVersion(id="v1", document=policy_document, created=ctx.now),),
        default="v1",
        next_version=2,
        tags=read_tags(tags),
    )
    ctx.changes.put(policy)
    return {"Policy": show_policy_fully(ctx, policy)}


@operation("iam", asks=on_policy("iam:GetPolicy"))
def get_policy(ctx: Context, *, policy_arn: str) -> Output:
    """Show a managed policy, without its document."""
    return {"Policy": show_policy_fully(ctx, entities.get_policy(ctx, policy_arn))}


@operation("iam", asks=on_anything("iam:ListPolicies"))
def list_policies(
    ctx: Context,
    *,
    scope: str = "All",
    only_attached: bool = False,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int = PAGE,
) -> Output:
    """The account's policies ("Local"), AWS's ("AWS") or both; those in use only, and by which use, when asked so."""
    own = [] if scope == "AWS" else ctx.store.policies.of(ctx.account)
    policies = under(path_prefix, [*own, *([] if scope == "Local" else AWS_POLICIES.values())])
    if only_attached or policy_usage_filter == "PermissionsPolicy":
        policies = [policy for policy in policies if entities.uses(ctx, policy)[0]]
    if policy_usage_filter == "PermissionsBoundary":
        policies = [policy for policy in policies if entities.uses(ctx, policy)[1]]
    return listing(
        ctx, "Policies", policies, lambda policy: show_policy(ctx, policy), key=entities.by_name, marker=marker, max_items=max_items
    )


@operation("iam", asks=on_policy("iam:DeletePolicy"), writes=True)
def delete_policy(ctx: Context, *, policy_arn: str) -> None:
    """Delete a policy that is not in use and has one version only."""
    policy = entities.get_own_policy(ctx, policy_arn, "iam:DeletePolicy")
    if any(entities.uses(ctx, policy)):
        raise Refusal("DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        message = "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
        raise Refusal("DeleteConflict", message + "The default version is deleted with the policy.")
    ctx.changes.delete(policy)


@operation("iam", asks=on_policy("iam:CreatePolicyVersion"), writes=True)
def create_policy_version(ctx: Context, *, policy_arn: str, policy_document: str, set_as_default: bool = False) -> Output:
    """Add a version; its number is one that the policy never had."""
    policy = entities.get_own_policy(ctx, policy_arn, "iam:CreatePolicyVersion")
    check_managed(ctx, policy_document)
    if len(policy.versions) >= quotas.VERSIONS_PER_POLICY:
        message = f"A managed policy can have up to {quotas.VERSIONS_PER_POLICY} versions. Before you create a new version, "
        raise Refusal("LimitExceeded", message + "you must delete an existing version.")
    version = PolicyVersion(id=f"v{policy.next_version}", document=policy_document, created=ctx.now)
    changed = replace(
        policy,
        versions=(*policy.versions, version),
        next_version=policy.next_version + 1,
        default=version.id if set_as_default else policy.default,
        updated=ctx.now,
    )
    ctx.changes.put(changed)
    return {"PolicyVersion": show_version(changed, version)}


@operation("iam", asks=on_policy("iam:GetPolicyVersion"))
def get_policy_version(ctx: Context, *, policy_arn: str, version_id: str) -> Output:
    """Show a version with its document as it was submitted."""
    policy = entities.get_policy(ctx, policy_arn)
    version = entities.get_version(policy, version_id)
    return {"PolicyVersion": {"Document": version.document, **show_version(policy, version)}}


@operation("iam", asks=on_policy("iam:ListPolicyVersions"))
def list_policy_versions(ctx: Context, *, policy_arn: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The versions of a policy, without their documents, newest first."""
    policy = entities.get_policy(ctx, policy_arn)
    places = list(enumerate(reversed(policy.versions)))
    return listing(
        ctx,
        "Versions",
        places,
        lambda placed: show_version(policy, placed[1]),
        key=lambda placed: f"{placed[0]:04}",
        marker=marker,
        max_items=max_items,
        of=policy.id,
    )


@operation("iam", asks=on_policy("iam:SetDefaultPolicyVersion"), writes=True)
def set_default_policy_version(ctx: Context, *, policy_arn: str, version_id: str) -> None:
    """Let a version be the one in force."""
    policy = entities.get_own_policy(ctx, policy_arn, "iam:SetDefaultPolicyVersion")
    ctx.changes.put(replace(policy, default=entities.get_version(policy, version_id).id, updated=ctx.now))


@operation("iam", asks=on_policy("iam:DeletePolicyVersion"), writes=True)
def delete_policy_version(ctx: Context, *, policy_arn: str, version_id: str) -> None:
    """Delete a version that is not in force."""
    policy = entities.get_own_policy(ctx, policy_arn, "iam:DeletePolicyVersion")
    gone = entities.get_version(policy, version_id)
    if gone.id == policy.default:
        raise Refusal("DeleteConflict", "Cannot delete the default version of a policy.")
    kept = tuple(version for version in policy.versions if version.id != gone.id)
    ctx.changes.put(replace(policy, versions=kept, updated=ctx.now))
