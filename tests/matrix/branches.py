"""The samples of organizations: what is in the tree, what is attached to it, who is invited. Each makes what it needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matrix.samples import World

SCP = "SERVICE_CONTROL_POLICY"
GUARD = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]})
SERVICE = "guardduty.amazonaws.com"


def _root(world: World) -> str:
    return str(world._call("organizations", "ListRoots")["Roots"][0]["Id"])


def _unit(world: World) -> str:
    made = world._call("organizations", "CreateOrganizationalUnit", ParentId=_root(world), Name="branch")
    return str(made["OrganizationalUnit"]["Id"])


def _policy(world: World) -> str:
    made = world._call("organizations", "CreatePolicy", Content=GUARD, Description="", Name="guard", Type=SCP)
    return str(made["Policy"]["PolicySummary"]["Id"])


def _enabled(world: World) -> str:
    world._call("organizations", "EnablePolicyType", RootId=_root(world), PolicyType=SCP)
    return _policy(world)


def _attached(world: World) -> dict[str, Any]:
    parameters = {"PolicyId": _enabled(world), "TargetId": world.partner}
    world._call("organizations", "AttachPolicy", **parameters)
    return parameters


def _of_members(world: World) -> str:
    allow = {"Effect": "Allow", "Principal": {"AWS": world.partner}, "Action": "organizations:ListRoots", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def _put(world: World) -> dict[str, Any]:
    world._call("organizations", "PutResourcePolicy", Content=_of_members(world))
    return {}


def _trusted(world: World) -> dict[str, Any]:
    world._call("organizations", "EnableAWSServiceAccess", ServicePrincipal=SERVICE)
    return {"AccountId": world.partner, "ServicePrincipal": SERVICE}


def _registered(world: World) -> dict[str, Any]:
    parameters = _trusted(world)
    world._call("organizations", "RegisterDelegatedAdministrator", **parameters)
    return parameters


def _standalone(world: World) -> dict[str, Any]:
    world._call("organizations", "RemoveAccountFromOrganization", AccountId=world.partner)
    return {"Target": {"Type": "ACCOUNT", "Id": world.partner}}


def _invited(world: World) -> dict[str, Any]:
    made = world._call("organizations", "InviteAccountToOrganization", **_standalone(world))
    return {"HandshakeId": made["Handshake"]["Id"]}


def _nothing(world: World) -> dict[str, Any]:
    return {}


def _on(member: str, value: Any, **more: Any) -> Any:
    """A sample with one member that has to be made, and others as they are."""
    return lambda world: {member: value(world), **more}


def _partner(world: World) -> str:
    return world.partner


_OPERATIONS: dict[str, Any] = {
    "AcceptHandshake": _invited,
    "AttachPolicy": lambda world: {"PolicyId": _enabled(world), "TargetId": world.partner},
    "CancelHandshake": _invited,
    "CloseAccount": _on("AccountId", _partner),
    "CreateAccount": lambda world: {"Email": "new@example.test", "AccountName": "new"},
    "CreateOrganization": _nothing,
    "CreateOrganizationalUnit": _on("ParentId", _root, Name="branch"),
    "CreatePolicy": lambda world: {"Content": GUARD, "Description": "", "Name": "guard", "Type": SCP},
    "DeclineHandshake": _invited,
    "DeleteOrganization": _nothing,
    "DeleteOrganizationalUnit": _on("OrganizationalUnitId", _unit),
    "DeletePolicy": _on("PolicyId", _policy),
    "DeleteResourcePolicy": _put,
    "DeregisterDelegatedAdministrator": _registered,
    "DescribeAccount": _on("AccountId", _partner),
    "DescribeCreateAccountStatus": lambda world: {"CreateAccountRequestId": world.request_id},
    "DescribeEffectivePolicy": lambda world: {"PolicyType": "TAG_POLICY"},
    "DescribeHandshake": _invited,
    "DescribeOrganization": _nothing,
    "DescribeOrganizationalUnit": _on("OrganizationalUnitId", _unit),
    "DescribePolicy": _on("PolicyId", _policy),
    "DescribeResourcePolicy": _put,
    "DetachPolicy": _attached,
    "DisableAWSServiceAccess": lambda world: {"ServicePrincipal": SERVICE},
    "DisablePolicyType": lambda world: _enabled(world) and {"RootId": _root(world), "PolicyType": SCP},
    "EnableAWSServiceAccess": lambda world: {"ServicePrincipal": SERVICE},
    "EnableAllFeatures": _nothing,
    "EnablePolicyType": _on("RootId", _root, PolicyType=SCP),
    "InviteAccountToOrganization": _standalone,
    "LeaveOrganization": _nothing,
    "ListAWSServiceAccessForOrganization": _nothing,
    "ListAccounts": _nothing,
    "ListAccountsForParent": _on("ParentId", _root),
    "ListAccountsWithInvalidEffectivePolicy": lambda world: {"PolicyType": "TAG_POLICY"},
    "ListChildren": _on("ParentId", _root, ChildType="ACCOUNT"),
    "ListCreateAccountStatus": _nothing,
    "ListDelegatedAdministrators": _nothing,
    "ListDelegatedServicesForAccount": lambda world: {"AccountId": _registered(world)["AccountId"]},
    "ListEffectivePolicyValidationErrors": _on("AccountId", _partner, PolicyType="TAG_POLICY"),
    "ListHandshakesForAccount": _nothing,
    "ListHandshakesForOrganization": _nothing,
    "ListOrganizationalUnitsForParent": _on("ParentId", _root),
    "ListParents": _on("ChildId", _partner),
    "ListPolicies": lambda world: {"Filter": SCP},
    "ListPoliciesForTarget": _on("TargetId", _partner, Filter=SCP),
    "ListRoots": _nothing,
    "ListTagsForResource": _on("ResourceId", _partner),
    "ListTargetsForPolicy": _on("PolicyId", _policy),
    "MoveAccount": lambda world: {
        "AccountId": world.partner, "SourceParentId": _root(world), "DestinationParentId": _unit(world)
    },
    "PutResourcePolicy": _on("Content", _of_members),
    "RegisterDelegatedAdministrator": _trusted,
    "RemoveAccountFromOrganization": _on("AccountId", _partner),
    "TagResource": _on("ResourceId", _partner, Tags=[{"Key": "team", "Value": "blue"}]),
    "UntagResource": _on("ResourceId", _partner, TagKeys=["team"]),
    "UpdateOrganizationalUnit": _on("OrganizationalUnitId", _unit, Name="renamed"),
    "UpdatePolicy": _on("PolicyId", _policy, Name="renamed"),
}  # fmt: skip
SAMPLES = {("organizations", name): make for name, make in _OPERATIONS.items()}

# The callers are of the management account, which is invited nowhere, cannot leave and has nothing more to enable.
ERRORS = {
    ("organizations", "AcceptHandshake"): "HandshakeNotFoundException",
    ("organizations", "CreateOrganization"): "AlreadyInOrganizationException",
    ("organizations", "DeclineHandshake"): "HandshakeNotFoundException",
    ("organizations", "DeleteOrganization"): "ConstraintViolationException",
    ("organizations", "DescribeEffectivePolicy"): "EffectivePolicyNotFoundException",
    ("organizations", "EnableAllFeatures"): "HandshakeConstraintViolationException",
    ("organizations", "LeaveOrganization"): "MasterCannotLeaveOrganizationException",
    ("organizations", "ListAccountsWithInvalidEffectivePolicy"): "EffectivePolicyNotFoundException",
    ("organizations", "ListEffectivePolicyValidationErrors"): "EffectivePolicyNotFoundException",
}
