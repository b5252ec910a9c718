"""The samples of how people prove themselves and of what an account sets for them: passwords, MFA devices, alias, reports."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rig.authenticator import Authenticator
from rig.node import Refused

if TYPE_CHECKING:
    from matrix.samples import World

MORE = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}]}'
PASSWORD, OTHER = "Matrix-pass-1", "Matrix-pass-2"


def _device(world: World) -> Authenticator:
    return Authenticator(world._call("iam", "CreateVirtualMFADevice", VirtualMFADeviceName="phone"))


def _enabled(world: World) -> Authenticator:
    device = _device(world)
    world._call("iam", "EnableMFADevice", UserName="target", SerialNumber=device.serial, **device.pair(world.node.now))
    return device


def _enable(world: World) -> dict[str, Any]:
    device = _device(world)
    return {"UserName": "target", "SerialNumber": device.serial, **device.pair(world.node.now)}


def _resync(world: World) -> dict[str, Any]:
    device = _enabled(world)
    return {"UserName": "target", "SerialNumber": device.serial, **device.pair(world.node.now, 2)}


def _with_password(world: World) -> dict[str, Any]:
    world._call("iam", "CreateLoginProfile", UserName="target", Password=PASSWORD)
    return {"UserName": "target"}


def _own_password(world: World) -> dict[str, Any]:
    with suppress(Refused):  # a role session that calls has no user of its own
        world._call("iam", "CreateLoginProfile", UserName="caller", Password=PASSWORD)
    return {"OldPassword": PASSWORD, "NewPassword": OTHER}


def _target(world: World) -> str:
    return f"arn:aws:iam::{world.account}:user/target"


def _job(world: World) -> dict[str, Any]:
    world._call("iam", "PutUserPolicy", UserName="target", PolicyName="more", PolicyDocument=MORE)
    return {"JobId": world._call("iam", "GenerateServiceLastAccessedDetails", Arn=_target(world))["JobId"]}


def _after(operation: str, parameters: dict[str, Any], **wanted: Any) -> Any:
    return lambda world: world._call("iam", operation, **parameters) is not None and wanted


SAMPLES: dict[tuple[str, str], Any] = {
    ("iam", "CreateLoginProfile"): lambda world: {"UserName": "target", "Password": PASSWORD},
    ("iam", "GetLoginProfile"): _with_password,
    ("iam", "UpdateLoginProfile"): lambda world: _with_password(world) | {"PasswordResetRequired": True},
    ("iam", "DeleteLoginProfile"): _with_password,
    ("iam", "ChangePassword"): _own_password,
    ("iam", "CreateVirtualMFADevice"): lambda world: {"VirtualMFADeviceName": "fresh"},
    ("iam", "EnableMFADevice"): _enable,
    ("iam", "ResyncMFADevice"): _resync,
    ("iam", "DeactivateMFADevice"): lambda world: {"UserName": "target", "SerialNumber": _enabled(world).serial},
    ("iam", "DeleteVirtualMFADevice"): lambda world: {"SerialNumber": _device(world).serial},
    ("iam", "GetMFADevice"): lambda world: {"UserName": "target", "SerialNumber": _enabled(world).serial},
    ("iam", "ListMFADevices"): lambda world: {"UserName": "target"},
    ("iam", "ListVirtualMFADevices"): lambda world: {},
    ("iam", "TagMFADevice"): lambda world: {"SerialNumber": _device(world).serial, "Tags": [{"Key": "team", "Value": "blue"}]},
    ("iam", "UntagMFADevice"): lambda world: {"SerialNumber": _device(world).serial, "TagKeys": ["team"]},
    ("iam", "ListMFADeviceTags"): lambda world: {"SerialNumber": _device(world).serial},
    ("iam", "CreateAccountAlias"): lambda world: {"AccountAlias": "acme"},
    ("iam", "DeleteAccountAlias"): _after("CreateAccountAlias", {"AccountAlias": "acme"}, AccountAlias="acme"),
    ("iam", "ListAccountAliases"): lambda world: {},
    ("iam", "UpdateAccountPasswordPolicy"): lambda world: {"MinimumPasswordLength": 12},
    ("iam", "GetAccountPasswordPolicy"): _after("UpdateAccountPasswordPolicy", {}),
    ("iam", "DeleteAccountPasswordPolicy"): _after("UpdateAccountPasswordPolicy", {}),
    ("iam", "SetSecurityTokenServicePreferences"): lambda world: {"GlobalEndpointTokenVersion": "v2Token"},
    ("iam", "GetAccountSummary"): lambda world: {},
    ("iam", "GetAccountAuthorizationDetails"): lambda world: {"Filter": ["User", "Role"], "MaxItems": 2},
    ("iam", "GenerateCredentialReport"): lambda world: {},
    ("iam", "GetCredentialReport"): _after("GenerateCredentialReport", {}),
    ("iam", "ListPoliciesGrantingServiceAccess"): lambda world: {"Arn": _target(world), "ServiceNamespaces": ["s3", "iam"]},
    ("iam", "GenerateServiceLastAccessedDetails"): lambda world: {"Arn": _target(world)},
    ("iam", "GetServiceLastAccessedDetails"): _job,
    ("iam", "GetServiceLastAccessedDetailsWithEntities"): lambda world: _job(world) | {"ServiceNamespace": "iam"},
}  # fmt: skip
EXPECTED_ERROR = {("iam", "ChangePassword"): "InvalidUserType"}  # of a role session; the user who calls succeeds
