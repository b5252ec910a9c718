"""Passwords, MFA and reports as each real client asks for them; blobs and the CLI's own way to make a device."""

from __future__ import annotations

import base64
import subprocess
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clients.drivers import DRIVERS, Cli, ClientFault, Driver
from rig.authenticator import STEP, Authenticator
from rig.canary import Canaries
from rig.require import require
from rig.server import Server
from rig.wait import until

from .conftest import Client, Environment, allow, as_caller

pytestmark = pytest.mark.xdist_group("clients")
every = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)

FIRST, SECOND = "Cl13nt-secret-first", "Cl13nt-secret-second"


def now() -> datetime:
    return datetime.now(UTC)


class Person:
    """A user with a key and an MFA device that two codes before this step's have enabled, by the client under test."""

    def __init__(self, driver: Driver, server: Server, boto: Client, canaries: Canaries) -> None:
        self.driver, self.server = driver, server
        self.name = f"{driver.name}-{uuid.uuid4().hex[:8]}"
        self.user = {"UserName": self.name}
        iam = boto("iam")
        iam.create_user(**self.user)
        may = allow({"Action": ["iam:*", "sts:AssumeRole"], "Resource": "*"})
        iam.put_user_policy(**self.user, PolicyName="may", PolicyDocument=may)
        self.environment: Environment = as_caller(server, iam.create_access_key(**self.user)["AccessKey"])
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=self.name)
        self.app = Authenticator(made)
        canaries.watch(self.app.seed)
        # the server takes the pair for the device's own clock: a step that ends while a slow client starts would put that further off
        until(lambda: now().timestamp() % STEP < STEP - 5, "there is time left in this step")
        self.manage("EnableMFADevice", **self.user, SerialNumber=self.app.serial, **self.app.pair(now(), -1))

    def manage(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.driver.call("iam", operation, params, self.server.environment)

    def own(self, operation: str, environment: Environment | None = None, **params: Any) -> dict[str, Any]:
        return self.driver.call("sts", operation, params, environment or self.environment)


@pytest.fixture
def person(driver: Driver, server: Server, boto: Client, canaries: Canaries) -> Person:
    return Person(driver, server, boto, canaries)


@every
def test_mfa_from_the_device_to_the_role(person: Person, boto: Client, canaries: Canaries) -> None:
    trust = {
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": boto("iam").get_user(**person.user)["User"]["Arn"]},
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    }
    role = boto("iam").create_role(RoleName=person.name, AssumeRolePolicyDocument=allow(trust))["Role"]["Arn"]
    wanted = {"RoleArn": role, "RoleSessionName": "visit"}
    [device] = person.manage("ListMFADevices", **person.user)["MFADevices"]
    assert device["SerialNumber"] == person.app.serial
    with pytest.raises(ClientFault, match="AccessDenied: User: "):
        person.own("AssumeRole", **wanted)
    with pytest.raises(ClientFault, match="failed with invalid MFA one time pass code"):
        person.own("AssumeRole", **wanted, **person.app.proof(now(), 9))
    proof = person.app.proof(now())
    session = person.own("GetSessionToken", **proof)["Credentials"]
    canaries.watch(session)
    with pytest.raises(ClientFault, match="failed with invalid MFA one time pass code"):
        person.own("GetSessionToken", **proof)
    through = person.own("AssumeRole", as_caller(person.server, session), **wanted)["Credentials"]
    canaries.watch(through)
    given = person.own("AssumeRole", **wanted, **person.app.proof(now(), 1))["Credentials"]
    canaries.watch(given)
    assert person.driver.call("iam", "GetUser", {}, as_caller(person.server, session))["User"]["UserName"] == person.name
    with pytest.raises(ClientFault) as caught:
        person.manage("DeleteVirtualMFADevice", SerialNumber=person.app.serial)
    assert caught.value.code == "DeleteConflict"
    person.manage("DeactivateMFADevice", **person.user, SerialNumber=person.app.serial)
    person.manage("DeleteVirtualMFADevice", SerialNumber=person.app.serial)


@every
def test_a_password_and_its_rules(driver: Driver, server: Server, boto: Client, canaries: Canaries) -> None:
    canaries.watch(FIRST)
    canaries.watch(SECOND)
    name = f"{driver.name}-{uuid.uuid4().hex[:8]}"
    boto("iam").create_user(UserName=name)
    may = allow({"Action": "iam:ChangePassword", "Resource": "*"})
    boto("iam").put_user_policy(UserName=name, PolicyName="may", PolicyDocument=may)
    own = as_caller(server, boto("iam").create_access_key(UserName=name)["AccessKey"])
    user = {"UserName": name}
    with pytest.raises(ClientFault) as caught:
        driver.call("iam", "CreateLoginProfile", {**user, "Password": "short"}, server.environment)
    assert caught.value.code == "PasswordPolicyViolation"
    made = driver.call("iam", "CreateLoginProfile", {**user, "Password": FIRST, "PasswordResetRequired": True}, server.environment)
    assert made["LoginProfile"]["PasswordResetRequired"] is True
    with pytest.raises(ClientFault, match="AccessDenied: The old password was incorrect"):
        driver.call("iam", "ChangePassword", {"OldPassword": SECOND, "NewPassword": FIRST}, own)
    driver.call("iam", "ChangePassword", {"OldPassword": FIRST, "NewPassword": SECOND}, own)
    shown = driver.call("iam", "GetLoginProfile", user, server.environment)["LoginProfile"]
    assert shown["PasswordResetRequired"] is False
    driver.call("iam", "DeleteLoginProfile", user, server.environment)


@every
def test_reports(driver: Driver, server: Server) -> None:
    assert driver.call("iam", "GenerateCredentialReport", {}, server.environment)["State"] == "COMPLETE"
    report = driver.call("iam", "GetCredentialReport", {}, server.environment)
    lines = base64.b64decode(report["Content"]).decode().splitlines()
    assert (lines[0].count(","), lines[1].split(",")[0], report["ReportFormat"]) == (21, "<root_account>", "text/csv")
    details = driver.call("iam", "GetAccountAuthorizationDetails", {"Filter": ["Role"]}, server.environment)
    assert any(role["RoleName"] == "DaypassOperator" for role in details["RoleDetailList"])
    arn = next(role["Arn"] for role in details["RoleDetailList"] if role["RoleName"] == "DaypassOperator")
    job = driver.call("iam", "GenerateServiceLastAccessedDetails", {"Arn": arn}, server.environment)["JobId"]
    answer = driver.call("iam", "GetServiceLastAccessedDetails", {"JobId": job}, server.environment)
    assert answer["JobStatus"] == "COMPLETED"
    assert any(one["ServiceNamespace"] == "iam" and one["TotalAuthenticatedEntities"] for one in answer["ServicesLastAccessed"])
    assert driver.call("iam", "GetAccountSummary", {}, server.environment)["SummaryMap"]["AccountMFAEnabled"] == 0


@pytest.mark.parametrize("cli", [driver for driver in DRIVERS if isinstance(driver, Cli)], ids=lambda cli: cli.name)
@pytest.mark.parametrize(("method", "begins"), [("Base32StringSeed", b""), ("QRCodePNG", b"\x89PNG")])
def test_the_clis_own_way_to_make_a_device(
    cli: Cli, method: str, begins: bytes, server: Server, canaries: Canaries, tmp_path: Path
) -> None:
    out = tmp_path / "seed"
    name = f"{cli.name}-{uuid.uuid4().hex[:8]}"
    program = str(require(cli.program, "`make clients` installs it"))
    command = [program, "iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", name]
    environment = {**server.environment, "AWS_PAGER": ""}
    done = subprocess.run([*command, "--outfile", str(out), "--bootstrap-method", method], env=environment, capture_output=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes().startswith(begins)
    if not begins:
        canaries.watch(out.read_text())
        assert len(base64.b32decode(out.read_text())) == 20
