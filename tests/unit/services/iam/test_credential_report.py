"""The credential report: every column, what each says, how long it is kept, and names that a spreadsheet would run (M05)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from rig.authenticator import Authenticator
from unit.services.world import OTHER, START, World, refused

COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,"
    "access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)


def report(world: World, **more: object) -> list[dict[str, str]]:
    assert world.call("GenerateCredentialReport", **more) == {"State": "COMPLETE"}
    content = world.call("GetCredentialReport", **more)["Content"].decode()
    assert content.split("\n", 1)[0] == COLUMNS
    return list(csv.DictReader(io.StringIO(content, newline=""), strict=True))


def stamp(seconds: int) -> str:
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def test_a_user_with_nothing_and_the_root(world: World) -> None:
    world.call("CreateUser", UserName="bob", Path="/team/")
    root, bob = report(world)
    none = dict.fromkeys(COLUMNS.split(","), "N/A") | {name: "false" for name in COLUMNS.split(",") if name.endswith("active")}
    assert bob == none | {
        "user": "bob", "arn": f"arn:aws:iam::{world.account}:user/team/bob", "user_creation_time": stamp(0), "password_enabled": "false",
    }  # fmt: skip
    unsupported = dict.fromkeys(("password_enabled", "password_last_changed", "password_next_rotation"), "not_supported")
    assert root == none | unsupported | {
        "user": "<root_account>", "arn": f"arn:aws:iam::{world.account}:root", "user_creation_time": stamp(0),
        "password_last_used": "no_information",
    }  # fmt: skip


def test_a_user_with_everything(world: World) -> None:
    world.call("CreateUser", UserName="bob")  # second 0
    world.call("UpdateAccountPasswordPolicy", MaxPasswordAge=90)
    world.call("CreateLoginProfile", UserName="bob", Password="A-good-pass-1")  # 2
    first = world.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]  # 3
    second = world.call("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]  # 4
    world.call("UpdateAccessKey", UserName="bob", AccessKeyId=second, Status="Inactive")
    world.store.use(first, START + timedelta(seconds=60), "sts", "eu-west-1")
    device = Authenticator(world.call("CreateVirtualMFADevice", VirtualMFADeviceName="phone"))
    world.call("EnableMFADevice", UserName="bob", SerialNumber=device.serial, **device.pair(world.now))
    _, bob = report(world)
    assert {name: value for name, value in bob.items() if not name.startswith("cert")} == {
        "user": "bob", "arn": f"arn:aws:iam::{world.account}:user/bob", "user_creation_time": stamp(0),
        "password_enabled": "true", "password_last_used": "no_information", "password_last_changed": stamp(2),
        "password_next_rotation": stamp(2 + 90 * 86400), "mfa_active": "true",
        "access_key_1_active": "true", "access_key_1_last_rotated": stamp(3), "access_key_1_last_used_date": stamp(60),
        "access_key_1_last_used_region": "eu-west-1", "access_key_1_last_used_service": "sts",
        "access_key_2_active": "false", "access_key_2_last_rotated": stamp(4), "access_key_2_last_used_date": "N/A",
        "access_key_2_last_used_region": "N/A", "access_key_2_last_used_service": "N/A",
    }  # fmt: skip


def test_signing_certificates_stand_in_order_of_age(world: World) -> None:
    from rig import papers

    world.call("CreateUser", UserName="bob")
    older = world.call("UploadSigningCertificate", UserName="bob", CertificateBody=papers.pem(papers.certificate("one")))["Certificate"]
    world.call("UploadSigningCertificate", UserName="bob", CertificateBody=papers.pem(papers.certificate("two")))
    world.call("UpdateSigningCertificate", UserName="bob", CertificateId=older["CertificateId"], Status="Inactive")
    _, bob = report(world)
    assert [bob[name] for name in COLUMNS.split(",")[-4:]] == ["false", stamp(1), "true", stamp(2)]


@pytest.mark.parametrize("name", ["=1+1", "@x", "-2", "+3", "a,b", "=cmd,x"])
def test_M05_names_come_back_as_they_are_from_a_reader_of_rfc_4180(world: World, name: str) -> None:
    world.call("CreateUser", UserName=name)
    world.call("CreateUser", UserName="zoe")
    _, odd, zoe = report(world)
    assert (odd["user"], odd["mfa_active"], zoe["user"], len(odd)) == (name, "false", "zoe", 22)


def test_a_young_report_is_reused_and_an_old_one_is_not_given_out(world: World) -> None:
    with refused("ReportNotPresent"):
        world.call("GetCredentialReport")
    assert len(report(world)) == 1
    made = world.call("GetCredentialReport")["GeneratedTime"]
    world.call("CreateUser", UserName="bob")
    world.now = made + timedelta(hours=4, seconds=-2)
    assert len(report(world)) == 1  # at −2 s and −1 s
    world.now = made + timedelta(hours=4)
    with refused("ReportExpired"):
        world.call("GetCredentialReport")
    world.now = made + timedelta(hours=4)
    assert len(report(world)) == 2


def test_each_account_has_its_own(world: World) -> None:
    world.call("CreateUser", UserName="bob")
    world.call("GenerateCredentialReport")
    theirs = world.root(OTHER)
    with refused("ReportNotPresent"):
        world.call("GetCredentialReport", by=theirs)
    assert [row["arn"] for row in report(world, by=theirs)] == [f"arn:aws:iam::{OTHER}:root"]
