"""GetAccountSummary: how many of each kind the account has, and how many it may have. What an account's root never has here counts 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.services.iam import quotas
from daypass.services.iam.account import settings_of
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
    "ServerCertificatesQuota": quotas.SERVER_CERTIFICATES,
    "SigningCertificatesPerUserQuota": quotas.SIGNING_CERTIFICATES_PER_USER,
    "AccessKeysPerUserQuota": quotas.ACCESS_KEYS_PER_USER,
    "GroupsPerUserQuota": quotas.GROUPS_PER_USER,
    "AttachedPoliciesPerUserQuota": quotas.ATTACHED_PER_PRINCIPAL,
    "AttachedPoliciesPerGroupQuota": quotas.ATTACHED_PER_PRINCIPAL,
    "AttachedPoliciesPerRoleQuota": quotas.ATTACHED_PER_PRINCIPAL,
    "PolicyVersionsInUseQuota": quotas.VERSIONS_IN_USE,
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
    devices = store.mfa_devices.of(account)
    counts = {
        "Users": len(store.users.of(account)),
        "Groups": len(store.groups.of(account)),
        "Roles": len(store.roles.of(account)),
        "Policies": len(store.policies.of(account)),
        "PolicyVersionsInUse": sum(len(policy.versions) for policy in store.policies.of(account)),
        "InstanceProfiles": len(store.instance_profiles.of(account)),
        "Providers": len(store.oidc_providers.of(account)) + len(store.saml_providers.of(account)),
        "ServerCertificates": len(store.server_certificates.of(account)),
        "MFADevices": len(devices),
        "MFADevicesInUse": sum(1 for device in devices if device.user_id),
        "GlobalEndpointTokenVersion": int(settings_of(ctx).token_version == "v2Token") + 1,
        # The root of an account signs in nowhere: whoever enters it does so by a role (DESIGN §4).
        "AccountAccessKeysPresent": 0,
        "AccountMFAEnabled": 0,
        "AccountPasswordPresent": 0,
        "AccountSigningCertificatesPresent": 0,
    }
    return {"SummaryMap": counts | QUOTAS}
