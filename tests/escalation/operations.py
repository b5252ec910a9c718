"""The operations by which power is gained, as the Service Authorization Reference describes them: what each asks and what it changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from escalation.account import ALL, Account, Asked, Credential, Document, Holder, Managed


@dataclass
class Operation:
    """One possible call. `effect` changes the model when the server accepted, and gives what the caller holds from then on."""

    service: str
    name: str
    parameters: dict[str, Any]
    asks: list[Asked]
    effect: Callable[[dict[str, Any]], Credential | None]
    target: Holder | Managed | None = None


def _nothing(answer: dict[str, Any]) -> None:
    return None


def _call(change: Callable[..., Any], *arguments: Any) -> Callable[[dict[str, Any]], None]:
    """An effect that gives the caller nothing to hold."""

    def effect(answer: dict[str, Any]) -> None:
        change(*arguments)

    return effect


def _text(document: Document) -> str:
    return json.dumps(document)


def boundary_key(policy: Managed | None) -> dict[str, str]:
    """iam:PermissionsBoundary, there only when there is a boundary."""
    return {"iam:permissionsboundary": policy.arn} if policy else {}


def of_holder(account: Account, holder: Holder, documents: list[Document]) -> Iterator[Operation]:
    """What changes the policies of a user, a role or a group; AWS knows iam:PermissionsBoundary for users and roles."""
    kind = holder.kind.capitalize()
    who = {f"{kind}Name": holder.name}
    bounded = boundary_key(holder.boundary)

    def ask(action: str, **context: str) -> list[Asked]:
        return [Asked(f"iam:{action}", holder.arn, account.id, {**bounded, **{key.replace("_", ":"): one for key, one in context.items()}})]

    def put(document: Document) -> Callable[[dict[str, Any]], None]:
        return lambda answer: holder.inline.update(put=document)

    for document in documents:
        parameters = {**who, "PolicyName": "put", "PolicyDocument": _text(document)}
        yield Operation("iam", f"Put{kind}Policy", parameters, ask(f"Put{kind}Policy"), put(document), holder)
    for name in list(holder.inline)[:1]:
        parameters = {**who, "PolicyName": name}
        yield Operation("iam", f"Delete{kind}Policy", parameters, ask(f"Delete{kind}Policy"), _call(holder.inline.pop, name), holder)
    for policy in account.policies:
        parameters = {**who, "PolicyArn": policy.arn}
        attach, detach = f"Attach{kind}Policy", f"Detach{kind}Policy"
        if policy in holder.attached:
            asks = ask(detach, iam_policyarn=policy.arn)
            yield Operation("iam", detach, parameters, asks, _call(holder.attached.remove, policy), holder)
        else:
            asks = ask(attach, iam_policyarn=policy.arn)
            yield Operation("iam", attach, parameters, asks, _call(holder.attached.append, policy), holder)
    if holder.kind != "group":
        yield from _boundaries(account, holder, kind, who)


def _boundaries(account: Account, holder: Holder, kind: str, who: dict[str, str]) -> Iterator[Operation]:
    def bound(policy: Managed | None) -> Callable[[dict[str, Any]], None]:
        return lambda answer: setattr(holder, "boundary", policy)

    for policy in account.policies:
        action = f"Put{kind}PermissionsBoundary"
        asks = [Asked(f"iam:{action}", holder.arn, account.id, boundary_key(policy))]  # the boundary that the request sets
        yield Operation("iam", action, {**who, "PermissionsBoundary": policy.arn}, asks, bound(policy), holder)
    if holder.boundary:
        action = f"Delete{kind}PermissionsBoundary"
        asks = [Asked(f"iam:{action}", holder.arn, account.id, boundary_key(holder.boundary))]
        yield Operation("iam", action, who, asks, bound(None), holder)


def of_user(account: Account, user: Holder) -> Iterator[Operation]:
    """Keys for it, groups for it."""
    from rig.node import Keys

    def made(answer: dict[str, Any]) -> Credential:
        return Credential(user, Keys.of(answer["AccessKey"]))

    yield Operation("iam", "CreateAccessKey", {"UserName": user.name}, [Asked("iam:CreateAccessKey", user.arn, account.id)], made, user)
    for group in account.groups:
        if group not in user.groups:
            asks = [Asked("iam:AddUserToGroup", group.arn, account.id)]
            parameters = {"UserName": user.name, "GroupName": group.name}
            yield Operation("iam", "AddUserToGroup", parameters, asks, _call(user.groups.append, group), user)


def trust_of(principal: str) -> Document:
    """A trust policy for one principal."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def of_role(account: Account, role: Holder, known: dict[str, str]) -> Iterator[Operation]:
    """Whom it trusts, and passing it to a service. `known` maps the ARNs that a trust policy may name to their ids."""
    who = {"RoleName": role.name}
    for arn, unique_id in known.items():
        document = trust_of(arn)

        def trusts(answer: dict[str, Any], arn: str = arn, unique_id: str = unique_id, document: Document = document) -> None:
            role.trust, role.bound = document, {} if arn.endswith(":root") else {arn: unique_id}

        asks = [Asked("iam:UpdateAssumeRolePolicy", role.arn, account.id, boundary_key(role.boundary))]
        yield Operation("iam", "UpdateAssumeRolePolicy", {**who, "PolicyDocument": _text(document)}, asks, trusts, role)
    profile = f"arn:aws:iam::{account.id}:instance-profile/{account.profile}"
    passing = [
        Asked("iam:AddRoleToInstanceProfile", profile, account.id),
        Asked("iam:PassRole", role.arn, account.id, {"iam:passedtoservice": "ec2.amazonaws.com"}),
    ]
    yield Operation("iam", "AddRoleToInstanceProfile", {**who, "InstanceProfileName": account.profile}, passing, _nothing, role)


def making(account: Account, holder: Holder, by: Holder) -> Iterator[Operation]:
    """Bring an unborn user or role to life, with a boundary or without; a role trusts who made it."""
    kind = holder.kind.capitalize()

    def made(boundary: Managed | None) -> Callable[[dict[str, Any]], None]:
        def effect(answer: dict[str, Any]) -> None:
            holder.id, holder.boundary = answer[kind][f"{kind}Id"], boundary
            if holder.kind == "role":
                holder.trust, holder.bound = trust_of(by.arn), {by.arn: by.id}
            account.unborn.remove(holder)
            (account.roles if holder.kind == "role" else account.users).append(holder)

        return effect

    for boundary in (None, *account.policies):
        parameters = {f"{kind}Name": holder.name, **({"PermissionsBoundary": boundary.arn} if boundary else {})}
        if holder.kind == "role":
            parameters["AssumeRolePolicyDocument"] = _text(trust_of(by.arn))
        asks = [Asked(f"iam:Create{kind}", holder.arn, account.id, boundary_key(boundary))]
        yield Operation("iam", f"Create{kind}", parameters, asks, made(boundary), holder)


def of_policy(account: Account, policy: Managed, documents: list[Document]) -> Iterator[Operation]:
    """New versions, and another version in force."""
    for document in documents:

        def versioned(answer: dict[str, Any], document: Document = document) -> None:
            policy.made += 1
            policy.default = f"v{policy.made}"
            policy.versions[policy.default] = document

        parameters = {"PolicyArn": policy.arn, "PolicyDocument": _text(document), "SetAsDefault": True}
        asks = [Asked("iam:CreatePolicyVersion", policy.arn, account.id)]
        yield Operation("iam", "CreatePolicyVersion", parameters, asks, versioned, policy)
    for version in policy.versions:
        if version != policy.default:
            asks = [Asked("iam:SetDefaultPolicyVersion", policy.arn, account.id)]
            parameters = {"PolicyArn": policy.arn, "VersionId": version}
            yield Operation("iam", "SetDefaultPolicyVersion", parameters, asks, _call(setattr, policy, "default", version), policy)


def entering(role: Holder, session: Document | None, seconds: int) -> Operation:
    """AssumeRole, with a session policy or without."""
    from rig.node import Keys

    def made(answer: dict[str, Any]) -> Credential:
        given = answer["Credentials"]
        return Credential(role, Keys.of(given), "role-session", None if session is None else [session], given["Expiration"])

    narrowed = {} if session is None else {"Policy": _text(session)}
    parameters = {"RoleArn": role.arn, "RoleSessionName": "me", "DurationSeconds": seconds, **narrowed}
    asks = [Asked("sts:AssumeRole", role.arn, role.account, {"sts:rolesessionname": "me"}, role)]
    return Operation("sts", "AssumeRole", parameters, asks, made, role)


def own_session(credential: Credential) -> Operation:
    """GetSessionToken: never more than the user, and no IAM without MFA. It asks nothing; only a deny stops it."""
    from rig.node import Keys

    def made(answer: dict[str, Any]) -> Credential:
        return Credential(credential.holder, Keys.of(answer["Credentials"]), "user-session", None, answer["Credentials"]["Expiration"])

    return Operation("sts", "GetSessionToken", {"DurationSeconds": 900}, [], made, credential.holder)


def reads(account: Account) -> Iterator[Operation]:
    """What shows power and changes nothing."""
    for name in ("ListUsers", "ListRoles", "GetAccountSummary"):
        yield Operation("iam", name, {}, [Asked(f"iam:{name}", "*", account.id)], _nothing)
    for holder in (*account.users[:3], *account.groups):
        kind = holder.kind.capitalize()
        yield Operation("iam", f"Get{kind}", {f"{kind}Name": holder.name}, [Asked(f"iam:Get{kind}", holder.arn, account.id)], _nothing)


DOCUMENTS = [ALL, {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"}]}]
