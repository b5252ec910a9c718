"""What policies are attached to, and which types of them are enabled. An attachment made or undone holds at once, for live sessions too.

AWS's own policies are attached by default and take no record: FullAWSAccess can be replaced, RCPFullAWSAccess cannot.
Source: AWS Organizations User Guide, "Attaching policies", "Enabling a policy type".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.organizations import refusals
from daypass.services.organizations.asks import By, managed
from daypass.services.organizations.places import Place, find_policy, get_organization, get_policy, get_target, id_of, no_policy
from daypass.services.organizations.policies import available, show_any_policy
from daypass.services.organizations.show import AVAILABLE, PAGE, page, show_root, show_target
from daypass.store.guards import FULL_ACCESS_IDS
from daypass.store.records import Account, Organization, OrganizationalUnit, OrganizationPolicyType
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

_SCP: OrganizationPolicyType = "SERVICE_CONTROL_POLICY"


def _kind_of(ctx: Context, organization: Organization, policy_id: str) -> OrganizationPolicyType:
    """The type of a policy, AWS's own or the organization's."""
    for kind, id in FULL_ACCESS_IDS.items():
        if id == policy_id:
            return kind
    if (found := find_policy(ctx.store, organization, policy_id)) is None:
        raise no_policy()
    return found.kind


def _of_kind(ctx: Context, target: Place, kind: OrganizationPolicyType) -> list[str]:
    """The ids of all policies of a type on a target, AWS's own included."""
    own = [id for id in target.policies if (found := ctx.store.organization_policies.find(id)) is None or found.kind == kind]
    return [FULL_ACCESS_IDS[kind], *own] if kind != _SCP or target.full_access else own


def _verify_enabled(organization: Organization, kind: OrganizationPolicyType) -> None:
    if kind not in organization.policy_types:
        message = f"The policy type {kind} isn't currently enabled in this root. Use EnablePolicyType first."
        raise Refusal("PolicyTypeNotEnabledException", message)


@operation("organizations", asks=managed("organizations:AttachPolicy", "policy_id", "target_id", by=By.DELEGATE), writes=True)
def attach_policy(ctx: Context, *, policy_id: str, target_id: str) -> None:
    """Attach a policy to the root, a unit or an account."""
    organization = get_organization(ctx)
    kind = _kind_of(ctx, organization, policy_id)
    target = get_target(ctx, organization, target_id)
    _verify_enabled(organization, kind)
    attached = _of_kind(ctx, target, kind)
    if policy_id in attached:
        raise Refusal("DuplicatePolicyAttachmentException", "The selected policy is already attached to the specified target.")
    if len(attached) >= (most := refusals.ATTACHED[kind]):
        message = f"At most {most} policies of this type are attached to one target."
        raise refusals.violation("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message)
    is_full = policy_id == FULL_ACCESS_IDS[kind]
    ctx.changes.put(replace(target, full_access=True) if is_full else replace(target, policies=(*target.policies, policy_id)))


@operation("organizations", asks=managed("organizations:DetachPolicy", "policy_id", "target_id", by=By.DELEGATE), writes=True)
def detach_policy(ctx: Context, *, policy_id: str, target_id: str) -> None:
    """Detach a policy; the last service control policy of a target stays."""
    organization = get_organization(ctx)
    kind = _kind_of(ctx, organization, policy_id)
    target = get_target(ctx, organization, target_id)
    if policy_id == FULL_ACCESS_IDS["RESOURCE_CONTROL_POLICY"]:
        raise refusals.invalid("NON_DETACHABLE_POLICY", "You can't detach this AWS managed policy.")
    attached = _of_kind(ctx, target, kind) if kind in organization.policy_types else []
    if policy_id not in attached:
        raise Refusal("PolicyNotAttachedException", "The policy isn't attached to the specified target in the specified root.")
    if kind == _SCP and len(attached) == 1:
        message = "Every root, organizational unit and account has at least one service control policy attached."
        raise refusals.violation("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message)
    rest = tuple(id for id in target.policies if id != policy_id)
    is_full = policy_id == FULL_ACCESS_IDS[kind]
    ctx.changes.put(replace(target, full_access=False) if is_full else replace(target, policies=rest))


@operation("organizations", asks=managed("organizations:ListPoliciesForTarget", "target_id", by=By.READER))
def list_policies_for_target(
    ctx: Context, *, target_id: str, filter: str, next_token: str | None = None, max_results: int = PAGE
) -> Output:
    """The policies of a type that are attached to the target itself."""
    organization = get_organization(ctx)
    target = get_target(ctx, organization, target_id)
    kind = next((known for known in organization.policy_types if known == filter), None)
    ids = [id for id in (_of_kind(ctx, target, kind) if kind else []) if _is_there(ctx, organization, id)]
    show = partial(show_any_policy, ctx, organization)
    return page(ctx, "Policies", ids, show, next_token, max_results, of=f"{target_id}/{filter}", key=str)


def _is_there(ctx: Context, organization: Organization, id: str) -> bool:
    return id in FULL_ACCESS_IDS.values() or find_policy(ctx.store, organization, id) is not None


@operation("organizations", asks=managed("organizations:ListTargetsForPolicy", "policy_id", by=By.READER))
def list_targets_for_policy(ctx: Context, *, policy_id: str, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The root, units and accounts that a policy is attached to."""
    organization = get_organization(ctx)
    kind = _kind_of(ctx, organization, policy_id)
    if policy_id == FULL_ACCESS_IDS[kind]:
        everywhere = _everything(ctx, organization) if kind in organization.policy_types else []
        targets = [target for target in everywhere if kind != _SCP or target.full_access]
    else:
        get_policy(ctx, organization, policy_id)
        targets = [one for one in ctx.store.tree.attached(policy_id) if isinstance(one, Organization | OrganizationalUnit | Account)]
    return page(ctx, "Targets", targets, partial(show_target, organization), next_token, max_results, of=policy_id, key=id_of)


def _everything(ctx: Context, organization: Organization) -> list[Place]:
    """The root and all that is below it, at any depth."""
    found: list[Place] = [organization]
    for place in found:
        if not isinstance(place, Account):
            found.extend(ctx.store.tree.below(id_of(place)))
    return found


@operation("organizations", asks=managed("organizations:EnablePolicyType", "root_id", by=By.DELEGATE), writes=True)
def enable_policy_type(ctx: Context, *, root_id: str, policy_type: str) -> Output:
    """Let policies of a type be attached; until some are, AWS's own allows everything."""
    organization = _get_root(ctx, root_id)
    kind = available(policy_type)
    if kind in organization.policy_types:
        raise Refusal("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled in the specified root.")
    changed = replace(organization, policy_types=tuple(one for one in AVAILABLE if one == kind or one in organization.policy_types))
    ctx.changes.put(changed)
    return {"Root": show_root(changed)}


@operation("organizations", asks=managed("organizations:DisablePolicyType", "root_id", by=By.DELEGATE), writes=True)
def disable_policy_type(ctx: Context, *, root_id: str, policy_type: str) -> Output:
    """Detach all policies of a type from everything. Enabled anew it begins with AWS's own alone."""
    organization = _get_root(ctx, root_id)
    kind = next((known for known in organization.policy_types if known == policy_type), None)
    if kind is None:
        raise Refusal("PolicyTypeNotEnabledException", "The specified policy type isn't currently enabled in this root.")
    gone = {one.id for one in ctx.store.organization_policies.of(organization.account) if one.kind == kind}
    for target in _everything(ctx, organization):
        changed: Place = replace(target, policies=tuple(id for id in target.policies if id not in gone))
        if kind == _SCP:
            changed = replace(changed, full_access=True)
        if isinstance(changed, Organization):
            organization = changed = replace(changed, policy_types=tuple(one for one in changed.policy_types if one != kind))
        if changed != target:
            ctx.changes.put(changed)
    return {"Root": show_root(organization)}


def _get_root(ctx: Context, root_id: str) -> Organization:
    organization = get_organization(ctx)
    if root_id != organization.root_id:
        raise Refusal("RootNotFoundException", "You specified a root that doesn't exist.")
    return organization
