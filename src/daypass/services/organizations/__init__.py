"""Organizations: accounts in a tree, and the policies that guard them, one file per theme. Decides nothing itself.

Importing this package offers its operations; not_offered.py says which are not, and why.
"""

from daypass.services.organizations import (
    accounts,
    attachments,
    delegation,
    effective,
    handshakes,
    membership,
    not_offered,
    organization,
    policies,
    resource_policy,
    tagging,
    units,
)

__all__ = [
    "accounts",
    "attachments",
    "delegation",
    "effective",
    "handshakes",
    "membership",
    "not_offered",
    "organization",
    "policies",
    "resource_policy",
    "tagging",
    "units",
]
