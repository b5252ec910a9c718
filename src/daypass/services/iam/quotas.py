"""IAM's limits, and the refusal when one would be passed. Source: IAM User Guide, "IAM and AWS STS quotas" (default values)."""

from __future__ import annotations

from daypass.values.errors import Refusal

USERS = 5000
GROUPS = 300
ROLES = 1000
POLICIES = 1500  # customer-managed
INSTANCE_PROFILES = 1000
OIDC_PROVIDERS = 100
SAML_PROVIDERS = 100
SERVER_CERTIFICATES = 20
MFA_DEVICES = USERS  # enabled or not

ACCESS_KEYS_PER_USER = 2
GROUPS_PER_USER = 10
MFA_DEVICES_PER_USER = 8
SSH_KEYS_PER_USER = 5
SIGNING_CERTIFICATES_PER_USER = 2
SERVICE_CREDENTIALS_PER_USER = 2  # of one service
ATTACHED_PER_PRINCIPAL = 10
VERSIONS_PER_POLICY = 5
VERSIONS_IN_USE = 10_000  # of all policies of an account; only shown, since 1,500 policies of 5 versions stay below
ROLES_PER_INSTANCE_PROFILE = 1
CLIENT_IDS_PER_PROVIDER = 100
THUMBPRINTS_PER_PROVIDER = 5
PRIVATE_KEYS_PER_SAML_PROVIDER = 2
TAGS = 50

# Sizes are in characters that are not white space.
POLICY_SIZE = 6144
TRUST_SIZE = 2048
INLINE_SIZES = {"user": 2048, "group": 5120, "role": 10240}  # all inline policies of one principal together


def within(quota: str, limit: int, wanted: int) -> None:
    """Raise LimitExceeded when `wanted` is more than `limit`; `quota` is AWS's name of the quota."""
    if wanted > limit:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for {quota}: {limit}")
