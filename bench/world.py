"""The sample world, made through the public API of whatever server: 50 users with keys, 20 roles, 12 statements for each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.presign import Keys

USERS = 50
ROLES = 20
AUDIENCE = "sts.amazonaws.com"

Client = Callable[[str], Any]  # service name -> boto3 client


@dataclass(slots=True)
class World:
    """Who can call, and what for. `sessions` are role sessions, one a user."""

    account: str
    users: list[Keys] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    sessions: list[Keys] = field(default_factory=list)


def build(client: Client, as_user: Callable[[Keys, str], Any], provider: str = "") -> World:
    """Make the world with `client` (an administrator's), and the sessions with `as_user(keys, service)`.

    `provider`: the host and port of an OpenID Connect issuer that roles are to trust as well.
    """
    iam = client("iam")
    world = World(client("sts").get_caller_identity()["Account"])
    trust = [_statement({"AWS": world.account}, "sts:AssumeRole")]
    if provider:
        arn = iam.create_open_id_connect_provider(Url=f"https://{provider}", ClientIDList=[AUDIENCE])["OpenIDConnectProviderArn"]
        condition = {"StringEquals": {f"{provider}:aud": AUDIENCE}, "StringLike": {f"{provider}:sub": "job-*"}}
        trust.append(_statement({"Federated": arn}, "sts:AssumeRoleWithWebIdentity") | {"Condition": condition})
    policies = [iam.create_policy(PolicyName=name, PolicyDocument=_document(s))["Policy"]["Arn"] for name, s in _policies().items()]
    for number in range(ROLES):
        name = f"worker-{number}"
        world.roles.append(iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"])
        for policy in policies:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    for number in range(USERS):
        name = f"person-{number}"
        iam.create_user(UserName=name)
        for policy in policies:
            iam.attach_user_policy(UserName=name, PolicyArn=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        world.users.append(Keys(made["AccessKeyId"], made["SecretAccessKey"]))
        session = as_user(world.users[-1], "sts").assume_role(RoleArn=world.roles[number % ROLES], RoleSessionName=f"s-{number}")
        given = session["Credentials"]
        world.sessions.append(Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))
    return world


def _statement(principal: dict[str, str], action: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action}


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _policies() -> dict[str, list[dict[str, Any]]]:
    """Three policies of four statements, of the kinds that policies are made of; all are attached to everyone."""
    allow = {"Effect": "Allow", "Resource": "*"}
    deny = {"Effect": "Deny", "Resource": "*"}
    return {
        "everyday": [
            allow | {"Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": "arn:aws:iam::*:role/worker-*"},
            allow | {"Action": "sts:Get*"},
            allow | {"Action": ["iam:Get*", "iam:List*"]},
            deny | {"Action": "iam:*", "Condition": {"StringEquals": {"aws:PrincipalTag/locked": "yes"}}},
        ],
        "data": [
            allow | {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::team-*/${aws:username}/*"},
            allow | {"Action": "dynamodb:*", "Resource": "arn:aws:dynamodb:*:*:table/team-*"},
            allow | {"Action": "secretsmanager:GetSecretValue", "Condition": {"StringLike": {"aws:ResourceTag/team": "t-*"}}},
            deny | {"Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        ],
        "fences": [
            deny | {"Action": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "10.0.0.0/8"]}}},
            deny | {"Action": ["organizations:*", "account:*"]},
            deny | {"Action": "*", "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}}},
            allow | {"NotAction": ["iam:*", "sts:*", "organizations:*"], "Resource": "arn:aws:logs:*:*:*"},
        ],
    }
