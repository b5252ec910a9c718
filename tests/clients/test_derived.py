"""GetFederationToken, AssumeRoot and GetWebIdentityToken by real clients; the token is verified from what the issuer publishes."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from clients.drivers import DRIVERS, ClientFault, Driver
from rig.canary import Canaries
from rig.server import Server

from .conftest import Client, allow, as_caller

pytestmark = pytest.mark.xdist_group("clients")
every = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)

TASK = {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}


@every
def test_a_user_vouches_for_a_guest(driver: Driver, server: Server, boto: Client, canaries: Canaries) -> None:
    iam, name = boto("iam"), f"voucher-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    may = {"Action": ["sts:GetFederationToken", "organizations:DescribeOrganization"], "Resource": "*"}
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=allow(may))
    own = as_caller(server, iam.create_access_key(UserName=name)["AccessKey"])
    passed = allow({"Action": "organizations:DescribeOrganization", "Resource": "*"})
    made = driver.call("sts", "GetFederationToken", {"Name": "guest", "Policy": passed}, own)
    canaries.watch(made["Credentials"])
    guest = as_caller(server, made["Credentials"])
    assert driver.call("sts", "GetCallerIdentity", {}, guest)["Arn"] == made["FederatedUser"]["Arn"]
    assert driver.call("organizations", "DescribeOrganization", {}, guest)["Organization"]
    with pytest.raises(ClientFault, match="InvalidClientTokenId"):
        driver.call("iam", "ListUsers", {}, guest)


@pytest.fixture(scope="module")
def member(boto: Client) -> str:
    """A member account."""
    organizations = boto("organizations")
    given = {"Email": f"{uuid.uuid4().hex}@example.test", "AccountName": "rooted"}
    return str(organizations.create_account(**given)["CreateAccountStatus"]["AccountId"])


# A boto3 of 2024's summer is older than AssumeRoot.
new_enough = pytest.mark.parametrize("driver", [driver for driver in DRIVERS if "2024" not in driver.name], ids=lambda driver: driver.name)


@new_enough
def test_the_organization_enters_a_member_as_root(driver: Driver, server: Server, boto: Client, member: str, canaries: Canaries) -> None:
    boto("organizations").enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    boto("iam").enable_organizations_root_sessions()
    made = driver.call("sts", "AssumeRoot", {"TargetPrincipal": member, "TaskPolicyArn": TASK}, server.environment)
    canaries.watch(made["Credentials"])
    root = as_caller(server, made["Credentials"])
    assert driver.call("sts", "GetCallerIdentity", {}, root)["Arn"] == f"arn:aws:iam::{member}:root"
    assert driver.call("iam", "GetAccountSummary", {}, root)["SummaryMap"]
    with pytest.raises(ClientFault, match="AccessDenied"):
        driver.call("iam", "ListUsers", {}, root)


def _fetched(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # the running server's own http URL
        return json.loads(answer.read())


@pytest.fixture
def issuer(boto: Client) -> Iterator[str]:
    """The operator's account issues tokens during the test."""
    yield boto("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
    boto("iam").disable_outbound_web_identity_federation()


def test_others_verify_who_our_workload_is(issuer: str, boto: Client, canaries: Canaries) -> None:
    given = {"Audience": ["https://cloud.example"], "SigningAlgorithm": "ES384"}
    token = boto("sts").get_web_identity_token(**given)["WebIdentityToken"]
    canaries.watch(token)
    published = _fetched(f"{issuer}/.well-known/openid-configuration")
    assert published["issuer"] == issuer
    claims = jwt.decode(token, KeySet.import_key_set(_fetched(published["jwks_uri"])), algorithms=["ES384"]).claims
    assert (claims["iss"], claims["aud"]) == (issuer, "https://cloud.example")
    assert claims["sub"].endswith(":role/DaypassOperator")
