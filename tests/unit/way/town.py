"""A node with a few people in it, for the tests of the way and of the services: users, roles, a token issuer without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from daypass.proof.jwt import KeySet, read_jwks
from rig.idp import jws, public_jwk
from rig.node import Keys, TestNode

ISSUER = "https://idp.example.test"
AUDIENCE = "app"
_KEY = ec.generate_private_key(ec.SECP256R1())


def policy(*statements: Mapping[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    """An Allow statement."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def trust(principal: Mapping[str, Any] | str, *actions: str, **more: Any) -> str:
    """A trust policy of one statement, for sts:AssumeRole unless told otherwise."""
    return policy({"Effect": "Allow", "Principal": principal, "Action": list(actions or ("sts:AssumeRole",)), **more})


ALLOW_ALL = policy(allow("*"))


class Fetcher:
    """Has the issuer's keys, or has to fetch them first, or fails to: `fails` is raised by a fetch."""

    def __init__(self) -> None:
        document = {"keys": [public_jwk(_KEY, kid="k1", alg="ES256", use="sig")]}
        self.held: KeySet | None = read_jwks(json.dumps(document).encode())
        self.keys = self.held
        self.fails: Exception | None = None
        self.fetched = 0

    def cached(self, issuer: str, key_id: str, now: datetime) -> KeySet | None:
        """What is held."""
        return self.held

    def fetch(self, issuer: str, now: datetime) -> KeySet | None:
        """Hold the keys from now on."""
        self.fetched += 1
        if self.fails is not None:
            raise self.fails
        self.held = self.keys
        return self.held


class Town:
    """A node and its operator; every name may be used once."""

    def __init__(self, directory: Path, **more: Any) -> None:
        directory.mkdir(exist_ok=True)
        self.it = TestNode(directory, **more)
        self.fetcher = Fetcher()
        self.it.node.fetcher = self.fetcher  # type: ignore[assignment]  # as much of one as the way uses
        self.account = self.it.account
        self._operator = self.it.operator()

    def iam(self, operation: str, keys: Keys | None = None, **parameters: Any) -> Any:
        """Call IAM, as the operator without `keys`."""
        return self.it.call("iam", operation, parameters, keys or self._operator)

    def sts(self, operation: str, keys: Keys | None, **parameters: Any) -> Any:
        """Call STS; None calls unsigned."""
        return self.it.call("sts", operation, parameters, keys)

    @property
    def operator(self) -> Keys:
        """The operator's pass."""
        return self._operator

    def user(self, name: str, document: str = ALLOW_ALL) -> Keys:
        """A user with a policy ("" for none) and an access key."""
        self.iam("CreateUser", UserName=name)
        if document:
            self.iam("PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=document)
        return Keys.of(self.iam("CreateAccessKey", UserName=name)["AccessKey"])

    def role(self, name: str, trusted: str = "", document: str = ALLOW_ALL, **more: Any) -> str:
        """A role that trusts its account unless told otherwise; its ARN."""
        root = {"AWS": f"arn:aws:iam::{self.account}:root"}
        document_of_trust = trusted or trust(root, "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
        arn: str = self.iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=document_of_trust, **more)["Role"]["Arn"]
        if document:
            self.iam("PutRolePolicy", RoleName=name, PolicyName="p", PolicyDocument=document)
        return arn

    def assume(self, keys: Keys | None, arn: str, **more: Any) -> Any:
        """The answer of AssumeRole."""
        return self.sts("AssumeRole", keys, RoleArn=arn, RoleSessionName="s1", **more)

    def session(self, keys: Keys | None, arn: str, **more: Any) -> Keys:
        """The keys that AssumeRole gives."""
        return Keys.of(self.assume(keys, arn, **more)["Credentials"])

    def provider(self, *tags: tuple[str, str]) -> str:
        """The issuer registered as a provider; its ARN."""
        made = self.iam(
            "CreateOpenIDConnectProvider",
            Url=ISSUER,
            ClientIDList=[AUDIENCE],
            ThumbprintList=[],
            Tags=[{"Key": key, "Value": value} for key, value in tags],
        )
        return str(made["OpenIDConnectProviderArn"])

    def token(self, **changes: Any) -> str:
        """A token of the issuer, good unless changed; a change to None leaves the claim out."""
        now = int(self.it.now.timestamp())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "job-1", "iat": now, "exp": now + 600, "jti": "once"} | changes
        good = {name: value for name, value in claims.items() if value is not None}
        return jws({"alg": "ES256", "typ": "JWT", "kid": "k1"}, good, _KEY)

    def web(self, arn: str, token: str, **more: Any) -> Any:
        """The answer of AssumeRoleWithWebIdentity."""
        return self.sts("AssumeRoleWithWebIdentity", None, RoleArn=arn, RoleSessionName="web", WebIdentityToken=token, **more)
