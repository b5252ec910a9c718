"""The operations of IAM's model that are not offered, each with its reason. The caller is told it, and so is the reader of the reference.

A test holds this against the model and the table of operations: every operation stands in exactly one of the two.
"""

from __future__ import annotations

from daypass.way.operation import not_offered

_DELEGATION = "delegation requests lead partners of AWS through its console; here a role with an external ID does their work"
_TEMPLATES = "role templates are AWS's own services' and none of them is here"
_PROPAGATION = "it only sets up trusted identity propagation through Identity Center, which no service here takes"
_USE = "it needs a record of which services each principal used, which the ledger answers instead: `daypass events`"

not_offered(
    "iam",
    {
        "AcceptDelegationRequest": _DELEGATION,
        "AssociateDelegationRequest": _DELEGATION,
        "CreateDelegationRequest": _DELEGATION,
        "GetDelegationRequest": _DELEGATION,
        "ListDelegationRequests": _DELEGATION,
        "RejectDelegationRequest": _DELEGATION,
        "SendDelegationToken": _DELEGATION,
        "UpdateDelegationRequest": _DELEGATION,
        "GetHumanReadableSummary": "it is a model's prose about a policy; `daypass explain` names the statement that decides",
        "AcquireRole": _TEMPLATES,
        "GetRoleTemplateVersion": _TEMPLATES,
        "UpdateOpenIDConnectProvider": _PROPAGATION,
        "GetAccountProperties": "AWS documents no property that IAM acts on",
        "PutAccountProperties": "AWS documents no property that IAM acts on",
        "GenerateOrganizationsAccessReport": _USE,
        "GetOrganizationsAccessReport": _USE,
    },
)
