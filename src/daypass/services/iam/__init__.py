"""IAM: users, groups, roles, policies, access keys, instance profiles and OIDC providers, one file per kind. Decides nothing itself.

Importing this package offers its operations.
"""

from daypass.services.iam import (
    absent,
    access_keys,
    attachments,
    boundaries,
    groups,
    inline,
    instance_profiles,
    oidc_providers,
    policies,
    roles,
    summary,
    tags,
    users,
)

__all__ = [
    "absent",
    "access_keys",
    "attachments",
    "boundaries",
    "groups",
    "inline",
    "instance_profiles",
    "oidc_providers",
    "policies",
    "roles",
    "summary",
    "tags",
    "users",
]
