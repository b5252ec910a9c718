"""The small world that is attacked: a real server with production defaults, two accounts, users, roles, a provider."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rig.http import Attempt, Bend, Reply, form, json_call, sign
from rig.mirror import Mirror, mirror
from rig.node import Keys, TestNode
from rig.proxy import KINDS, Proxy, proxy

IAM_VERSION = "2010-05-08"
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
        return sign(form(self.url, {"Action": action, **parameters}, version), keys, Bend(service=service)).send()

    def iam(self, action: str, keys: Keys | None = None, **parameters: str) -> Reply:
        """An IAM call, as alice unless `keys` say otherwise."""
        return self.call(action, keys or self.alice, IAM_VERSION, "iam", **parameters)

    def own(self, operation: str, keys: Keys, **parameters: Any) -> Reply:
        """A call of daypass's own service."""
        return sign(json_call(self.url, f"Daypass_20261124.{operation}", parameters), keys, Bend(service="daypass")).send()

    def user(self, name: str, *statements: dict[str, Any], **more: str) -> Keys:
        """A fresh user with one inline policy of `statements` (none: no policy), and its key."""
        accepted(self.iam("CreateUser", UserName=name, **more))
        if statements:
            self.put(name, *statements)
        return keys_of(self.iam("CreateAccessKey", UserName=name))

    def put(self, name: str, *statements: dict[str, Any], policy_name: str = "allowed") -> None:
        """Set an inline policy of the user `name`."""
        document = policy(*statements)
        accepted(self.iam("PutUserPolicy", UserName=name, PolicyName=policy_name, PolicyDocument=document))

    def plain_role(self, name: str, trust_policy: str, *statements: dict[str, Any], **more: str) -> str:
        """A fresh role with one inline policy of `statements`, made without boto; gives its ARN."""
        accepted(self.iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust_policy, **more))
        if statements:
            document = policy(*statements)
            accepted(self.iam("PutRolePolicy", RoleName=name, PolicyName="allowed", PolicyDocument=document))
        return f"arn:aws:iam::{self.account}:role/{name}"

    def assume(self, role_arn: str, keys: Keys, **more: str) -> Reply:
        """AssumeRole without boto."""
        return self.call("AssumeRole", keys, RoleArn=role_arn, RoleSessionName="session", **more)


def member(reply: Reply, name: str) -> str:
    """The text of the first element `name` of an XML answer; the test fails when there is none."""
    found = re.search(f"<{name}>([^<]*)</{name}>", reply.text)
    assert found, f"no {name} in {reply.status} {reply.text[:500]}"
    return html.unescape(found[1])


def keys_of(reply: Reply) -> Keys:
    """The credentials in an answer that must be a success."""
    accepted(reply)
    token = member(reply, "SessionToken") if "<SessionToken>" in reply.text else None
    return Keys(member(reply, "AccessKeyId"), member(reply, "SecretAccessKey"), token)


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


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    """A node in this process, with a clock that the test moves."""
    made = TestNode(tmp_path)
    yield made
    made.close()


def accepted(reply: Reply) -> None:
    """The benign twin: the same with nothing wrong in it succeeds."""
    assert reply.status == 200, f"{reply.status} {reply.text[:500]}"


@pytest.fixture(scope="module")
def glass(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    """The product's HTTP protocol before an application that notes what arrives."""
    with mirror(tmp_path_factory.mktemp("glass")) as made:
        yield made


@pytest.fixture(scope="module", params=KINDS)
def pane(request: pytest.FixtureRequest, glass: Mirror, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx, then HAProxy, in front of `glass`."""
    with proxy(request.param, tmp_path_factory.mktemp("pane") / request.param, glass.url) as made:
        yield made


__all__ = ["Attempt", "Target", "accepted", "allow", "keys_of", "member", "policy", "refused", "trust"]
