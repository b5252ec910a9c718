"""Unmodified real clients against a real server: each scenario is written once and played by every client (clients.md §3)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from clients.drivers import DRIVERS, ClientFault, Driver
from rig.canary import Canaries
from rig.server import Server, clean_environment

from .conftest import EXTERNAL_ID, Environment, World, allow, as_caller, at

pytestmark = [pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name), pytest.mark.xdist_group("clients")]

SCP = "SERVICE_CONTROL_POLICY"


def identity(driver: Driver, environment: Environment) -> str:
    """The ARN that the server sees."""
    arn: str = driver.call("sts", "GetCallerIdentity", {}, environment)["Arn"]
    return arn


def assume(driver: Driver, environment: Environment, role: str, name: str = "visit", **params: Any) -> dict[str, Any]:
    """Credentials of `role`."""
    answer = driver.call("sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": name, **params}, environment)
    credentials: dict[str, Any] = answer["Credentials"]
    return credentials


def refused(driver: Driver, environment: Environment, service: str, operation: str, **params: Any) -> ClientFault:
    """The error with which a call ends; fails when it succeeds."""
    with pytest.raises(ClientFault) as caught:
        driver.call(service, operation, params, environment)
    return caught.value


@pytest.fixture
def partner(driver: Driver, server: Server, world: World, canaries: Canaries) -> Environment:
    """The environment of who has entered `partner` from the vendor's account, by the client under test."""
    credentials = assume(driver, world.vendor, world.partner, ExternalId=EXTERNAL_ID)
    canaries.watch({"Credentials": credentials})
    return as_caller(server, credentials)


def test_the_operator_profile_works_as_it_is(driver: Driver, server: Server) -> None:
    assert ":assumed-role/DaypassOperator/" in identity(driver, server.environment)


def test_the_operator_makes_an_account(driver: Driver, server: Server) -> None:
    tag = uuid.uuid4().hex[:8]
    params = {"AccountName": f"{driver.name} {tag}", "Email": f"{driver.name}-{tag}@example.com"}
    status = driver.call("organizations", "CreateAccount", params, server.environment)["CreateAccountStatus"]
    account = driver.call("organizations", "DescribeAccount", {"AccountId": status["AccountId"]}, server.environment)["Account"]
    assert (account["Email"], account["Status"]) == (params["Email"], "ACTIVE")


def test_a_guard_stops_a_live_session_until_it_is_taken_off(driver: Driver, server: Server, canaries: Canaries) -> None:
    """What an administrator of an organization does, from the unit to the policy, each answer read by the client's own model."""
    tag = f"{driver.name} {uuid.uuid4().hex[:8]}"

    def manage(operation: str, **params: Any) -> dict[str, Any]:
        return driver.call("organizations", operation, params, server.environment)

    root = manage("ListRoots")["Roots"][0]
    if not any(one["Type"] == SCP for one in root["PolicyTypes"]):
        root = manage("EnablePolicyType", RootId=root["Id"], PolicyType=SCP)["Root"]
    unit = manage("CreateOrganizationalUnit", ParentId=root["Id"], Name=tag)["OrganizationalUnit"]["Id"]
    made = manage("CreateAccount", AccountName=tag, Email=f"{uuid.uuid4().hex}@example.com")["CreateAccountStatus"]
    credentials = assume(driver, server.environment, f"arn:aws:iam::{made['AccountId']}:role/OrganizationAccountAccessRole")
    canaries.watch({"Credentials": credentials})
    member = as_caller(server, credentials)
    text = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:List*", "Resource": "*"}]})
    guard = manage("CreatePolicy", Content=text, Description="no lists", Name=tag, Type=SCP)["Policy"]["PolicySummary"]["Id"]
    manage("AttachPolicy", PolicyId=guard, TargetId=unit)
    assert driver.call("iam", "ListRoles", {}, member)["Roles"]
    manage("MoveAccount", AccountId=made["AccountId"], SourceParentId=root["Id"], DestinationParentId=unit)
    fault = refused(driver, member, "iam", "ListRoles")
    assert fault.code == "AccessDenied" and "explicit deny in a service control policy" in fault.message
    assert refused(driver, server.environment, "organizations", "DeletePolicy", PolicyId=guard).code == "PolicyInUse"
    manage("DetachPolicy", PolicyId=guard, TargetId=unit)
    assert driver.call("iam", "ListRoles", {}, member)["Roles"]
    manage("DeletePolicy", PolicyId=guard)
    manage("CloseAccount", AccountId=made["AccountId"])
    assert refused(driver, member, "iam", "ListRoles").code == "ExpiredToken"


def test_the_right_external_id_opens_the_role(driver: Driver, world: World, partner: Environment) -> None:
    arn = identity(driver, partner)
    assert arn == world.partner.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/visit"
    assert any(role["Arn"] == world.partner for role in driver.call("iam", "ListRoles", {}, partner)["Roles"])
    assert refused(driver, partner, "iam", "ListPolicies").code == "AccessDenied"


@pytest.mark.parametrize("external_id", [{"ExternalId": "acme-7732"}, {}], ids=["wrong", "missing"])
def test_another_external_id_or_none_does_not(driver: Driver, world: World, external_id: dict[str, str]) -> None:
    fault = refused(driver, world.vendor, "sts", "AssumeRole", RoleArn=world.partner, RoleSessionName="visit", **external_id)
    assert fault.code == "AccessDenied"
    assert "is not authorized to perform: sts:AssumeRole" in fault.message


def test_a_role_profile_is_assumed_by_the_client_itself(driver: Driver, server: Server, world: World, tmp_path: Any) -> None:
    config = tmp_path / "config"
    entry = f"arn:aws:iam::{world.vendor_account}:role/OrganizationAccountAccessRole"
    role = f"[profile vendor]\nrole_arn = {entry}\nsource_profile = operator\nrole_session_name = profile\n"
    where = f"endpoint_url = {server.url}\nregion = us-east-1\n"
    config.write_text(server.aws_config.read_text() + "\n" + role + where)
    environment = clean_environment({"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "vendor"})
    assert identity(driver, environment) == f"arn:aws:sts::{world.vendor_account}:assumed-role/OrganizationAccountAccessRole/profile"


def test_a_chain_lasts_an_hour_at_most(driver: Driver, server: Server, world: World, partner: Environment, canaries: Canaries) -> None:
    params = {"RoleArn": world.inner, "RoleSessionName": "next", "DurationSeconds": 3601}
    fault = refused(driver, partner, "sts", "AssumeRole", **params)
    assert fault.code == "ValidationError"
    assert "1 hour session limit for roles assumed by role chaining" in fault.message
    credentials = assume(driver, partner, world.inner, "next", DurationSeconds=3600)
    canaries.watch({"Credentials": credentials})
    assert identity(driver, as_caller(server, credentials)).endswith("-inner/next")


def test_a_session_policy_narrows(driver: Driver, server: Server, world: World, canaries: Canaries) -> None:
    policy = allow({"Action": "iam:ListRoles", "Resource": "*"})
    credentials = assume(driver, world.vendor, world.partner, ExternalId=EXTERNAL_ID, Policy=policy)
    canaries.watch({"Credentials": credentials})
    narrowed = as_caller(server, credentials)
    assert driver.call("iam", "ListRoles", {}, narrowed)["Roles"]
    assert refused(driver, narrowed, "iam", "ListUsers").code == "AccessDenied"


def test_a_token_file_is_all_that_ci_needs(driver: Driver, server: Server, world: World) -> None:
    ci = {"AWS_ROLE_ARN": world.ci, "AWS_WEB_IDENTITY_TOKEN_FILE": str(world.token_file), "AWS_ROLE_SESSION_NAME": "build"}
    assert identity(driver, at(server) | ci).endswith("-ci/build")


def test_a_token_for_someone_else_is_refused(driver: Driver, server: Server, world: World, partner: Environment) -> None:
    header, payload, signature = world.token_file.read_text().split(".")
    forged = f"{header}.{payload}.{signature[::-1]}"
    params = {"RoleArn": world.ci, "RoleSessionName": "build", "WebIdentityToken": forged}
    assert refused(driver, partner, "sts", "AssumeRoleWithWebIdentity", **params).code == "InvalidIdentityToken"


def test_after_its_end_a_pass_is_an_expired_token(driver: Driver, after_expiry: Environment) -> None:
    assert refused(driver, after_expiry, "sts", "GetCallerIdentity").code == "ExpiredToken"


def test_an_ended_pass_is_an_expired_token_and_its_sibling_lives(driver: Driver, server: Server, world: World, canaries: Canaries) -> None:
    names = [f"{driver.name}-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    passes = [assume(driver, world.vendor, world.partner, name, ExternalId=EXTERNAL_ID) for name in names]
    canaries.watch(passes)
    ended, living = (as_caller(server, credentials) for credentials in passes)
    assert identity(driver, ended).endswith(names[0])

    listed = json.loads(server.command("sessions", "--principal", world.partner, "-o", "json").stdout)
    [session] = [found["SessionId"] for found in listed if found["SessionName"] == names[0]]
    server.command("revoke", "--session", session)

    assert refused(driver, ended, "sts", "GetCallerIdentity").code == "ExpiredToken"
    assert refused(driver, ended, "iam", "ListRoles").code == "ExpiredToken"
    assert identity(driver, living).endswith(names[1])
