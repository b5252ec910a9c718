"""IAM: users, groups, roles, policies, keys, certificates, instance profiles and providers, one file per kind. Decides nothing itself.

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
    linked_roles,
    not_offered,
    oidc_providers,
    organization_features,
    outbound_federation,
    policies,
    roles,
    saml_providers,
    server_certificates,
    service_credentials,
    signing_certificates,
    ssh_keys,
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
    "linked_roles",
    "not_offered",
    "oidc_providers",
    "organization_features",
    "outbound_federation",
    "policies",
    "roles",
    "saml_providers",
    "server_certificates",
    "service_credentials",
    "signing_certificates",
    "ssh_keys",
    "summary",
    "tags",
    "users",
]
