"""The small world that is attacked: a real server with production defaults, two accounts, users, roles, a provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from rig.http import Attempt, Reply, form, sign
from rig.node import Keys

ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def policy(*statements: dict[str, Any]) -> str:
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    """An Allow statement."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def trust(principal: dict[str, Any] | str, *, action: str | list[str] = "sts:AssumeRole", condition: dict[str, Any] | None = None) -> str:
    """A trust policy of one statement."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": action}
    if condition:
        statement["Condition"] = condition
    return policy(statement)


@dataclass
class Target:
    """The server under attack and what an attacker of each kind holds."""

    url: str
    boto: Any
    account: str
    partner: str
    alice: Keys  # a user with every permission in the management account
    bob: Keys  # a user without any policy there
    mallory: Keys  # an administrator of the partner account (a role session)

    def client(self, service: str, keys: Keys | None = None) -> Any:
        """A boto3 client: of `keys`, or of the operator."""
        if keys is None:
            return self.boto(service)
        return self.boto(service, {"AccessKeyId": keys.id, "SecretAccessKey": keys.secret, "SessionToken": keys.token})

    def role(self, name: str, trust_policy: str, *, allowed: str = "", **more: Any) -> str:
        """A fresh role of the management account; gives its ARN."""
        iam = self.client("iam")
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy, **more)["Role"]["Arn"]
        if allowed:
            iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=allowed)
        return arn

    def session(self, role_arn: str, keys: Keys, **more: Any) -> Keys:
        """A session of a role."""
        made = self.client("sts", keys).assume_role(RoleArn=role_arn, RoleSessionName="session", **more)
        return Keys.of(made["Credentials"])

    def call(self, action: str, keys: Keys, version: str = "2011-06-15", service: str = "sts", **parameters: str) -> Reply:
        """A signed call of the query protocol, by our own signer."""
        from rig.http import Bend

        return sign(form(self.url, {"Action": action, **parameters}, version), keys, Bend(service=service)).send()


@pytest.fixture(scope="session")
def target(server: Any, boto: Any) -> Iterator[Target]:
    iam, organizations = boto("iam"), boto("organizations")
    account = boto("sts").get_caller_identity()["Account"]
    made = organizations.create_account(Email="mallory@example.test", AccountName="mallory")["CreateAccountStatus"]["AccountId"]
    keys = {}
    for name in ("alice", "bob"):
        iam.create_user(UserName=name)
        keys[name] = Keys.of(iam.create_access_key(UserName=name)["AccessKey"])
    iam.put_user_policy(UserName="alice", PolicyName="everything", PolicyDocument=ALLOW_ALL)
    entered = boto("sts").assume_role(RoleArn=f"arn:aws:iam::{made}:role/OrganizationAccountAccessRole", RoleSessionName="mallory")
    yield Target(server.url, boto, account, made, keys["alice"], keys["bob"], Keys.of(entered["Credentials"]))


def refused(reply: Reply, *codes: str, status: int | None = None) -> None:
    """Refused with one of `codes`, and nothing told of who signed."""
    assert reply.code in codes, f"{reply.status} {reply.code or reply.body[:300]!r}"
    assert 400 <= reply.status < 500
    assert status is None or reply.status == status
    assert b"Arn>" not in reply.body


def accepted(reply: Reply) -> None:
    """The benign twin: the same with nothing wrong in it succeeds."""
    assert reply.status == 200, f"{reply.status} {reply.text[:500]}"


__all__ = ["Attempt", "Target", "accepted", "allow", "policy", "refused", "trust"]
