"""The small world that every real client meets: a vendor's account, roles that trust it, an issuer, and passes that are over or ended."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rig.canary import Canaries
from rig.idp import Idp
from rig.server import REGION, Server, clean_environment, daypass, running

EXTERNAL_ID = "acme-7731"
AUDIENCE = "sts.amazonaws.com"
VERSION = "2012-10-17"
Client = Callable[..., Any]
Environment = dict[str, str]


def allow(*statements: dict[str, Any]) -> str:
    """A policy document of Allow statements."""
    return json.dumps({"Version": VERSION, "Statement": [{"Effect": "Allow", **statement} for statement in statements]})


def as_caller(server: Server, credentials: dict[str, Any]) -> Environment:
    """The environment of a program that holds `credentials`."""
    keys = {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials.get("SessionToken", ""),
    }
    return at(server) | {name: value for name, value in keys.items() if value}


def at(server: Server) -> Environment:
    """The environment of a program that knows where the server is, and nobody's credentials."""
    where = {"AWS_ENDPOINT_URL": server.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    return clean_environment({**where, "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})


@dataclass(frozen=True)
class World:
    """Who and what there is. `partner` trusts the vendor with EXTERNAL_ID, `inner` trusts `partner`, `ci` trusts the issuer."""

    vendor_account: str
    vendor: Environment
    partner: str
    inner: str
    ci: str
    token_file: Path


@pytest.fixture(scope="session")
def world(server: Server, boto: Client, idp: Idp, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Made once, by the operator and through the public API alone."""
    tag = uuid.uuid4().hex[:8]
    vendor_account, vendor = _vendor(server, boto, tag)
    iam = boto("iam")
    names = {name: f"clients-{tag}-{name}" for name in ("partner", "inner", "ci")}
    account = boto("sts").get_caller_identity()["Account"]
    arns = {name: f"arn:aws:iam::{account}:role/{full}" for name, full in names.items()}

    external = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
    trust = {"Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{vendor_account}:root"}, "Condition": external}
    iam.create_role(RoleName=names["partner"], AssumeRolePolicyDocument=allow(trust))
    may = allow({"Action": ["iam:ListRoles", "iam:ListUsers"], "Resource": "*"}, {"Action": "sts:AssumeRole", "Resource": arns["inner"]})
    iam.put_role_policy(RoleName=names["partner"], PolicyName="may", PolicyDocument=may)
    trust = {"Action": "sts:AssumeRole", "Principal": {"AWS": arns["partner"]}}
    iam.create_role(RoleName=names["inner"], AssumeRolePolicyDocument=allow(trust), MaxSessionDuration=7200)

    provider = iam.create_open_id_connect_provider(Url=idp.issuer(f"/{tag}"), ClientIDList=[AUDIENCE])["OpenIDConnectProviderArn"]
    issuer = idp.issuer(f"/{tag}").removeprefix("https://")
    claims = {"StringEquals": {f"{issuer}:aud": AUDIENCE}, "StringLike": {f"{issuer}:sub": "repo:acme/*"}}
    trust = {"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": provider}, "Condition": claims}
    iam.create_role(RoleName=names["ci"], AssumeRolePolicyDocument=allow(trust))

    token_file = tmp_path_factory.mktemp("token") / "token"
    token_file.write_text(idp.token(idp.claims(path=f"/{tag}", lifetime=3600)))
    return World(vendor_account, vendor, arns["partner"], arns["inner"], arns["ci"], token_file)


def _vendor(server: Server, boto: Client, tag: str) -> tuple[str, Environment]:
    """Another account with a user that may assume roles, and the environment of who holds its long-term key."""
    made = boto("organizations").create_account(AccountName=f"vendor {tag}", Email=f"vendor-{tag}@example.com")["CreateAccountStatus"]
    account = boto("organizations").describe_create_account_status(CreateAccountRequestId=made["Id"])["CreateAccountStatus"]["AccountId"]
    entry = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    iam = boto("iam", boto("sts").assume_role(RoleArn=entry, RoleSessionName="setup")["Credentials"])
    iam.create_user(UserName="scanner")
    iam.put_user_policy(UserName="scanner", PolicyName="may", PolicyDocument=allow({"Action": "sts:AssumeRole", "Resource": "*"}))
    return account, as_caller(server, iam.create_access_key(UserName="scanner")["AccessKey"])


@pytest.fixture(scope="session")
def after_expiry(tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Iterator[Environment]:
    """The environment of who holds a pass of 900 seconds, 100 seconds after its end. The server's clock was moved, the client's is true."""
    folder = tmp_path_factory.mktemp("expiry")
    clock = folder / "clock"
    clock.write_text("-1000")
    with running(folder / "data", clock=clock) as server:
        given = json.loads(daypass("process", "--duration", "900", data=server.data).stdout)
        canaries.watch(given)
        clock.write_text("0")
        yield as_caller(server, given)
