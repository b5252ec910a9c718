"""GetAccountSummary: how many of each kind the account has, and how many it may have. Keys of kinds that are not offered are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.services.iam import quotas
from daypass.services.iam.asks import on_anything
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

QUOTAS = {
    "UsersQuota": quotas.USERS,
    "GroupsQuota": quotas.GROUPS,
    "RolesQuota": quotas.ROLES,
    "PoliciesQuota": quotas.POLICIES,
    "InstanceProfilesQuota": quotas.INSTANCE_PROFILES,
    "AccessKeysPerUserQuota": quotas.ACCESS_KEYS_PER_USER,
    "GroupsPerUserQuota": quotas.GROUPS_PER_USER,
    "AttachedPoliciesPerUserQuota": quotas.ATTACHED_PER_PRINCIPAL,
    "AttachedPoliciesPerGroupQuota": quotas.ATTACHED_PER_PRINCIPAL,
    "AttachedPoliciesPerRoleQuota": quotas.ATTACHED_PER_PRINCIPAL,
    "VersionsPerPolicyQuota": quotas.VERSIONS_PER_POLICY,
    "PolicySizeQuota": quotas.POLICY_SIZE,
    "AssumeRolePolicySizeQuota": quotas.TRUST_SIZE,
    "UserPolicySizeQuota": quotas.INLINE_SIZES["user"],
    "GroupPolicySizeQuota": quotas.INLINE_SIZES["group"],
    "RolePolicySizeQuota": quotas.INLINE_SIZES["role"],
}


@operation("iam", asks=on_anything("iam:GetAccountSummary"))
def get_account_summary(ctx: Context) -> Output:
    """Counts and limits of the caller's account."""
    store, account = ctx.store, ctx.account
    counts = {
        "Users": len(store.users.of(account)),
        "Groups": len(store.groups.of(account)),
        "Roles": len(store.roles.of(account)),
        "Policies": len(store.policies.of(account)),
        "PolicyVersionsInUse": sum(len(policy.versions) for policy in store.policies.of(account)),
        "InstanceProfiles": len(store.instance_profiles.of(account)),
        "Providers": len(store.oidc_providers.of(account)),
        "AccountAccessKeysPresent": 0,  # an account's root has no keys here
    }
    return {"SummaryMap": counts | QUOTAS}
