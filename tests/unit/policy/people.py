"""Callers and policies that the tests of this folder share."""

from __future__ import annotations

import json
from typing import Any

from daypass.policy import Kind, Policy, read_policy
from daypass.values.caller import ANONYMOUS, Caller

HERE, THERE = "111111111111", "222222222222"
ROLE_ARN = f"arn:aws:iam::{HERE}:role/app/r"
ROLE_ID = "AROA" + "R" * 17
SESSION_ARN = f"arn:aws:sts::{HERE}:assumed-role/r/s"
PROVIDER = f"arn:aws:iam::{HERE}:oidc-provider/idp.example"
ANYONE = ANONYMOUS


def user(account: str = HERE, name: str = "ann") -> Caller:
    """An IAM user with long-term keys."""
    arn = f"arn:aws:iam::{account}:user/{name}"
    unique = f"AIDA{name.upper():A>17}"
    return Caller("user", account, arn, unique, arn, unique)


USER = user()
OUTSIDER = user(THERE)
SESSION = Caller("role", HERE, SESSION_ARN, f"{ROLE_ID}:s", ROLE_ARN, ROLE_ID)
ROOT = Caller("root", HERE, f"arn:aws:iam::{HERE}:root", HERE, f"arn:aws:iam::{HERE}:root", HERE)
SERVICE = Caller("service", "", "", "rolesanywhere.amazonaws.com", "", "", provider_arn="rolesanywhere.amazonaws.com")
FEDERATED_ARN = f"arn:aws:sts::{HERE}:federated-user/bob"
FEDERATED = Caller("federated-user", HERE, FEDERATED_ARN, f"{HERE}:bob", USER.arn, USER.principal_id)
TOKEN = Caller("web-identity", HERE, "", "sub", "", "", provider_arn=PROVIDER)


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """A statement about everything, but for what `more` says; a None leaves an element out."""
    made = {"Effect": effect, "Action": "*", "Resource": "*"} | more
    return {name: value for name, value in made.items() if value is not None}


def policy(kind: Kind, *statements: dict[str, Any], name: str = "p", bound: dict[str, str] | None = None) -> Policy:
    """A compiled policy of the newest version."""
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return read_policy(text, kind, name=name, principals=bound or {})


def trust(principal: Any, *, bound: dict[str, str] | None = None, **more: Any) -> Policy:
    """A trust policy of one statement."""
    return policy("trust", statement(Principal=principal, Resource=None, **{"Action": "sts:*"} | more), name="trust", bound=bound)
