"""One valid call for every offered operation, and the world that it needs. A new operation without a line here fails test_matrix.py."""

from __future__ import annotations

import copy
import json
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from daypass.store import Changes
from daypass.store.rotation import new_seal_key
from matrix import branches, holdings, people, questions
from rig.node import Keys, TestNode

DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
ROOT_TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
PROVIDER_URL = "https://idp.example.test/acme"


def trust(principal: dict[str, str], action: str = "sts:AssumeRole") -> str:
    """A trust policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": action}]})


def _issuing(world: World) -> None:
    world._call("iam", "EnableOutboundWebIdentityFederation")


def _entering(world: World) -> None:
    world._call("iam", "EnableOrganizationsRootSessions")


def _retained_seal_key(world: World) -> str:
    made = msgspec.structs.replace(new_seal_key(world.node.now, os.urandom), state="retained")
    changes = Changes()
    changes.put(made)
    world.node.store.write(changes)
    return made.id


class World:
    """The entities that the samples name, made in the management account by the operator, or in `account` by `admin`."""

    def __init__(self, node: TestNode, account: str = "", admin: Keys | None = None, partner: str = "partner@example.test") -> None:
        self.node = node
        self.account = account or node.account
        self.admin = admin or node.operator()
        made = self._call("organizations", "CreateAccount", Email=partner, AccountName="partner")["CreateAccountStatus"]
        self.partner, self.request_id = made["AccountId"], made["Id"]
        trusts_account = trust({"AWS": self.account})
        self._call("iam", "CreateUser", UserName="target")
        self.key = self._call("iam", "CreateAccessKey", UserName="target")["AccessKey"]
        self._call("iam", "CreateGroup", GroupName="target")
        self._call("iam", "CreateRole", RoleName="target", AssumeRolePolicyDocument=trusts_account)
        self._call("iam", "CreateRole", RoleName="spare", AssumeRolePolicyDocument=trusts_account)
        self.policy = self._call("iam", "CreatePolicy", PolicyName="target", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
        self._call("iam", "CreatePolicyVersion", PolicyArn=self.policy, PolicyDocument=DOCUMENT)
        self._call("iam", "CreateInstanceProfile", InstanceProfileName="target")
        self._call("iam", "CreateInstanceProfile", InstanceProfileName="full")
        self._call("iam", "AddRoleToInstanceProfile", InstanceProfileName="full", RoleName="spare")
        provider = self._call(
            "iam", "CreateOpenIDConnectProvider", Url=PROVIDER_URL, ClientIDList=["app", "other"], ThumbprintList=["a" * 40]
        )
        self.provider = provider["OpenIDConnectProviderArn"]
        for kind, parameter in (("User", "UserName"), ("Group", "GroupName"), ("Role", "RoleName")):
            self._call("iam", f"Put{kind}Policy", **{parameter: "target", "PolicyName": "inline", "PolicyDocument": DOCUMENT})
        for kind in ("User", "Role"):
            self._call("iam", f"Put{kind}PermissionsBoundary", **{f"{kind}Name": "target", "PermissionsBoundary": self.policy})
        self._call("iam", "AddUserToGroup", UserName="target", GroupName="target")
        session = self._call("sts", "AssumeRole", RoleArn=self.role_arn("spare"), RoleSessionName="victim")
        self.victim_key = session["Credentials"]["AccessKeyId"]
        found = self._call("daypass", "ListSessions", Account=self.account)["Sessions"]
        self.victim = next(item["SessionId"] for item in found if item["AccessKeyId"] == self.victim_key)

        self.held = holdings.make(self)

    def _call(self, service: str, operation: str, **parameters: Any) -> Any:
        return self.node.call(service, operation, parameters, self.admin)

    def copied(self, folder: Path) -> World:
        """The same world on a node of its own, with its files in `folder`."""
        shutil.copytree(self.node.directory, folder)
        made = copy.copy(self)
        made.node = TestNode(folder)
        return made

    def role_arn(self, name: str, account: str = "") -> str:
        """The ARN of a role of the world."""
        return f"arn:aws:iam::{account or self.account}:role/{name}"

    def attach(self, kind: str) -> None:
        """Attach the policy, for the samples that detach it."""
        self._call("iam", f"Attach{kind}Policy", **{f"{kind}Name": "target", "PolicyArn": self.policy})


def sample(world: World, service: str, operation: str) -> dict[str, Any]:
    """The parameters of a call that succeeds for who may do everything, once what it needs was made. Raises KeyError for an unknown one."""
    if service == "iam" and operation.startswith("Detach"):
        world.attach(operation.removeprefix("Detach").removesuffix("Policy"))
    return _SAMPLES[service, operation](world)


def _named(kind: str, name: str = "target", **more: Any) -> Any:
    return lambda world: {f"{kind}Name": name, **{key: value(world) if callable(value) else value for key, value in more.items()}}


def _tags(key: str, value: Any) -> dict[str, Any]:
    listed = lambda world: {key: value(world) if callable(value) else value}  # noqa: E731  # one of a family made below
    return {
        "Tag": lambda world: listed(world) | {"Tags": [{"Key": "team", "Value": "blue"}]},
        "Untag": lambda world: listed(world) | {"TagKeys": ["team"]},
        "List": listed,
    }


def _policy_arn(world: World) -> str:
    return world.policy


def _provider(world: World) -> str:
    return world.provider


_SAMPLES: dict[tuple[str, str], Any] = {
    ("sts", "GetCallerIdentity"): lambda world: {},
    ("sts", "GetAccessKeyInfo"): lambda world: {"AccessKeyId": world.key["AccessKeyId"]},
    ("sts", "GetSessionToken"): lambda world: {},
    ("sts", "GetFederationToken"): lambda world: {"Name": "guest"},
    ("sts", "GetWebIdentityToken"): lambda world: _issuing(world) or {"Audience": ["app"], "SigningAlgorithm": "RS256"},
    ("sts", "AssumeRoot"): lambda world: _entering(world) or {"TargetPrincipal": world.partner, "TaskPolicyArn": {"arn": ROOT_TASK}},
    ("sts", "AssumeRole"): lambda world: {"RoleArn": world.role_arn("spare"), "RoleSessionName": "matrix"},
    ("daypass", "DescribeServer"): lambda world: {},
    ("daypass", "ListSessions"): lambda world: {},
    ("daypass", "DecideAccess"): lambda world: {"Principal": world.account, "Action": "s3:GetObject", "Resource": "*"},
    ("daypass", "ListAllowedPrincipals"): lambda world: {"Action": "s3:GetObject", "Resource": "*"},
    ("daypass", "ListAssumableRoles"): lambda world: {"Principals": [world.account]},
    ("daypass", "ListEscalations"): lambda world: {"Principals": [world.account]},
    ("daypass", "ListGuardRails"): lambda world: {},
    ("daypass", "ListNodes"): lambda world: {},
    ("daypass", "ListKeys"): lambda world: {},
    ("daypass", "NoteBackup"): lambda world: {"File": "/backups/today.backup"},
    ("daypass", "RotateKeys"): lambda world: {"Kind": "SEAL"},
    ("daypass", "RevokeKey"): lambda world: {"KeyId": _retained_seal_key(world)},
    ("daypass", "ListEvents"): lambda world: {"MaxResults": 5},
    ("daypass", "VerifyLedger"): lambda world: {},
    ("daypass", "VerifyDatabase"): lambda world: {},
    ("daypass", "RevokeSessions"): lambda world: {"SessionId": world.victim},
    ("iam", "CreateUser"): _named("User", "fresh"),
    ("iam", "GetUser"): _named("User"),
    ("iam", "UpdateUser"): _named("User", NewPath="/moved/"),
    ("iam", "DeleteUser"): lambda world: world._call("iam", "CreateUser", UserName="doomed") and {"UserName": "doomed"},
    ("iam", "ListUsers"): lambda world: {},
    ("iam", "ListGroupsForUser"): _named("User"),
    ("iam", "CreateAccessKey"): _named("User"),
    ("iam", "ListAccessKeys"): _named("User"),
    ("iam", "UpdateAccessKey"): _named("User", AccessKeyId=lambda world: world.key["AccessKeyId"], Status="Inactive"),
    ("iam", "DeleteAccessKey"): _named("User", AccessKeyId=lambda world: world.key["AccessKeyId"]),
    ("iam", "GetAccessKeyLastUsed"): lambda world: {"AccessKeyId": world.key["AccessKeyId"]},
    ("iam", "CreateGroup"): _named("Group", "fresh"),
    ("iam", "GetGroup"): _named("Group"),
    ("iam", "UpdateGroup"): _named("Group", NewPath="/moved/"),
    ("iam", "DeleteGroup"): lambda world: world._call("iam", "CreateGroup", GroupName="doomed") and {"GroupName": "doomed"},
    ("iam", "ListGroups"): lambda world: {},
    ("iam", "AddUserToGroup"): _named("User", GroupName="target"),
    ("iam", "RemoveUserFromGroup"): _named("User", GroupName="target"),
    ("iam", "CreateRole"): _named("Role", "fresh", AssumeRolePolicyDocument=lambda world: trust({"AWS": world.account})),
    ("iam", "GetRole"): _named("Role"),
    ("iam", "UpdateRole"): _named("Role", MaxSessionDuration=7200),
    ("iam", "UpdateRoleDescription"): _named("Role", Description="another"),
    ("iam", "UpdateAssumeRolePolicy"): _named("Role", PolicyDocument=lambda world: trust({"AWS": world.account})),
    ("iam", "DeleteRole"): lambda world: world._call(
        "iam", "CreateRole", RoleName="doomed", AssumeRolePolicyDocument=trust({"AWS": world.account})
    ) and {"RoleName": "doomed"},
    ("iam", "ListRoles"): lambda world: {},
    ("iam", "ListInstanceProfilesForRole"): _named("Role"),
    ("iam", "CreatePolicy"): _named("Policy", "fresh", PolicyDocument=DOCUMENT),
    ("iam", "GetPolicy"): lambda world: {"PolicyArn": world.policy},
    ("iam", "DeletePolicy"): lambda world: {
        "PolicyArn": world._call("iam", "CreatePolicy", PolicyName="doomed", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    },
    ("iam", "ListPolicies"): lambda world: {"Scope": "Local"},
    ("iam", "ListEntitiesForPolicy"): lambda world: {"PolicyArn": world.policy},
    ("iam", "CreatePolicyVersion"): lambda world: {"PolicyArn": world.policy, "PolicyDocument": DOCUMENT},
    ("iam", "GetPolicyVersion"): lambda world: {"PolicyArn": world.policy, "VersionId": "v1"},
    ("iam", "ListPolicyVersions"): lambda world: {"PolicyArn": world.policy},
    ("iam", "SetDefaultPolicyVersion"): lambda world: {"PolicyArn": world.policy, "VersionId": "v2"},
    ("iam", "DeletePolicyVersion"): lambda world: {"PolicyArn": world.policy, "VersionId": "v2"},
    ("iam", "CreateInstanceProfile"): _named("InstanceProfile", "fresh"),
    ("iam", "GetInstanceProfile"): _named("InstanceProfile"),
    ("iam", "DeleteInstanceProfile"): _named("InstanceProfile"),
    ("iam", "ListInstanceProfiles"): lambda world: {},
    ("iam", "AddRoleToInstanceProfile"): _named("InstanceProfile", RoleName="target"),
    ("iam", "RemoveRoleFromInstanceProfile"): _named("InstanceProfile", "full", RoleName="spare"),
    ("iam", "CreateOpenIDConnectProvider"): lambda world: {"Url": "https://new.example.test", "ThumbprintList": ["b" * 40]},
    ("iam", "GetOpenIDConnectProvider"): lambda world: {"OpenIDConnectProviderArn": world.provider},
    ("iam", "DeleteOpenIDConnectProvider"): lambda world: {"OpenIDConnectProviderArn": world.provider},
    ("iam", "ListOpenIDConnectProviders"): lambda world: {},
    ("iam", "UpdateOpenIDConnectProviderThumbprint"): lambda world: {
        "OpenIDConnectProviderArn": world.provider, "ThumbprintList": ["c" * 40]
    },
    ("iam", "AddClientIDToOpenIDConnectProvider"): lambda world: {"OpenIDConnectProviderArn": world.provider, "ClientID": "third"},
    ("iam", "RemoveClientIDFromOpenIDConnectProvider"): lambda world: {"OpenIDConnectProviderArn": world.provider, "ClientID": "other"},
    **holdings.SAMPLES,
    **people.SAMPLES,
    **branches.SAMPLES,
    **questions.SAMPLES,
}  # fmt: skip
for _kind in ("User", "Group", "Role"):
    _SAMPLES["iam", f"Put{_kind}Policy"] = _named(_kind, PolicyName="more", PolicyDocument=DOCUMENT)
    _SAMPLES["iam", f"Get{_kind}Policy"] = _named(_kind, PolicyName="inline")
    _SAMPLES["iam", f"Delete{_kind}Policy"] = _named(_kind, PolicyName="inline")
    _SAMPLES["iam", f"List{_kind}Policies"] = _named(_kind)
    _SAMPLES["iam", f"ListAttached{_kind}Policies"] = _named(_kind)
    _SAMPLES["iam", f"Attach{_kind}Policy"] = _named(_kind, PolicyArn=_policy_arn)
    _SAMPLES["iam", f"Detach{_kind}Policy"] = _named(_kind, PolicyArn=_policy_arn)
for _kind in ("User", "Role"):
    _SAMPLES["iam", f"Put{_kind}PermissionsBoundary"] = _named(_kind, PermissionsBoundary=_policy_arn)
    _SAMPLES["iam", f"Delete{_kind}PermissionsBoundary"] = _named(_kind)
for _name, _parameter, _value in (
    ("User", "UserName", "target"), ("Role", "RoleName", "target"), ("Policy", "PolicyArn", _policy_arn),
    ("InstanceProfile", "InstanceProfileName", "target"), ("OpenIDConnectProvider", "OpenIDConnectProviderArn", _provider),
):  # fmt: skip
    for _verb, _make in _tags(_parameter, _value).items():
        _SAMPLES["iam", f"List{_name}Tags" if _verb == "List" else f"{_verb}{_name}"] = _make
for _name in ("ListSSHPublicKeys", "ListServiceSpecificCredentials", "ListSigningCertificates"):
    _SAMPLES["iam", _name] = _named("User")

# Operations whose call by the book ends in an error of their own, once they are allowed: the code that shows that it got so far.
EXPECTED_ERROR = {
    ("iam", "ChangePassword"): "InvalidUserType",  # for a role's session, which has no password
    **branches.ERRORS,
}

# Asked in another way than by a signature, and shown in tests of their own (tests/clients, tests/attacks).
OTHER_PROOFS = {("sts", "AssumeRoleWithWebIdentity"), ("daypass", "GetOperatorCredentials")}

__all__ = ["EXPECTED_ERROR", "OTHER_PROOFS", "Keys", "World", "sample", "trust"]
