"""Signing certificates of users: two at most, none twice in an account, none that does not hold now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rig import papers
from unit.services.world import OTHER, START, World, refused


def upload(world: World, name: str, user: str = "bob", **more: Any) -> str:
    made = world.call("UploadSigningCertificate", UserName=user, CertificateBody=papers.pem(papers.certificate(name, **more)))
    return str(made["Certificate"]["CertificateId"])


@pytest.fixture
def users(world: World) -> World:
    for name in ("bob", "eve"):
        world.call("CreateUser", UserName=name)
    return world


def test_a_certificate_is_kept_switched_off_and_deleted(users: World) -> None:
    body = papers.pem(papers.certificate("one"))
    made = users.call("UploadSigningCertificate", by=users.user("bob"), CertificateBody=body)["Certificate"]
    assert (made["UserName"], made["CertificateBody"], made["Status"], len(made["CertificateId"])) == ("bob", body, "Active", 32)
    users.call("UpdateSigningCertificate", UserName="bob", CertificateId=made["CertificateId"], Status="Inactive")
    assert users.call("ListSigningCertificates", UserName="bob")["Certificates"] == [{**made, "Status": "Inactive"}]
    with refused("DeleteConflict", "must delete signing certificates first"):
        users.call("DeleteUser", UserName="bob")
    with refused("NoSuchEntity"):
        users.call("DeleteSigningCertificate", UserName="eve", CertificateId=made["CertificateId"])
    users.call("DeleteSigningCertificate", UserName="bob", CertificateId=made["CertificateId"])
    assert users.call("ListSigningCertificates", UserName="bob")["Certificates"] == []


def test_two_certificates_and_no_duplicate_in_the_account(users: World) -> None:
    body = papers.pem(papers.certificate("one"))
    users.call("UploadSigningCertificate", UserName="bob", CertificateBody=body)
    for user in ("bob", "eve"):
        with refused("DuplicateCertificate"):
            users.call("UploadSigningCertificate", UserName=user, CertificateBody=f"\n{body}\n")
    upload(users, "two")
    with refused("LimitExceeded", "CertificatesPerUser: 2"):
        upload(users, "three")
    users.call("CreateUser", by=users.root(OTHER), UserName="bob")
    users.call("UploadSigningCertificate", by=users.root(OTHER), UserName="bob", CertificateBody=body)


def test_a_certificate_must_hold_now(users: World) -> None:
    users.now = START
    for begins, ends, taken in ((0, 0, True), (1, 1, False), (-1, -1, False)):
        second = timedelta(seconds=1)
        name = f"{begins}{ends}"
        given: dict[str, Any] = {"begins": START + begins * second, "ends": START + (ends + max(begins, 0)) * second}
        if taken:
            upload(users, name, **given)
        else:
            with refused("InvalidCertificate", "not valid at this time"):
                upload(users, name, **(given if begins > 0 else {"ends": given["ends"]}))
        users.now = START


def test_what_is_no_certificate_is_malformed_and_a_weak_one_invalid(users: World) -> None:
    with refused("MalformedCertificate"):
        users.call("UploadSigningCertificate", UserName="bob", CertificateBody="x")
    with refused("InvalidCertificate", "2048"):
        upload(users, "weak", key=papers.rsa_key("weak", 1024))
