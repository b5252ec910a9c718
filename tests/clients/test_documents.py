"""Metadata, certificates and keys as each real client sends and shows them: long texts, line ends, errors of the model."""

from __future__ import annotations

import uuid

import pytest

from clients.drivers import DRIVERS, ClientFault, Driver
from rig import papers
from rig.server import Server

pytestmark = [pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name), pytest.mark.xdist_group("clients")]


def test_metadata_go_in_and_come_out_as_they_were(driver: Driver, server: Server) -> None:
    name, text = f"saml-{uuid.uuid4().hex[:8]}", papers.metadata(inside="<!-- +&amp; ü €\n\tend -->")
    made = driver.call("iam", "CreateSAMLProvider", {"Name": name, "SAMLMetadataDocument": text}, server.environment)
    arn = {"SAMLProviderArn": made["SAMLProviderArn"]}
    assert driver.call("iam", "GetSAMLProvider", arn, server.environment)["SAMLMetadataDocument"] == text
    with pytest.raises(ClientFault) as caught:
        driver.call("iam", "UpdateSAMLProvider", {**arn, "SAMLMetadataDocument": "<!DOCTYPE x>" + text}, server.environment)
    assert caught.value.code == "InvalidInput"
    driver.call("iam", "DeleteSAMLProvider", arn, server.environment)


def test_a_certificate_and_the_wrong_key(driver: Driver, server: Server) -> None:
    leaf, middle, root = papers.chain()
    name = {"ServerCertificateName": f"cert-{uuid.uuid4().hex[:8]}"}
    given = {**name, "CertificateBody": papers.pem(leaf), "CertificateChain": papers.pem(middle, root)}
    with pytest.raises(ClientFault) as caught:
        driver.call("iam", "UploadServerCertificate", {**given, "PrivateKey": papers.private_pem(papers.ec_key("x"))}, server.environment)
    assert caught.value.code == "KeyPairMismatch"
    driver.call("iam", "UploadServerCertificate", {**given, "PrivateKey": papers.private_pem(papers.ec_key("leaf"))}, server.environment)
    shown = driver.call("iam", "GetServerCertificate", name, server.environment)["ServerCertificate"]
    assert (shown["CertificateBody"], shown["CertificateChain"]) == (given["CertificateBody"], given["CertificateChain"])
    driver.call("iam", "DeleteServerCertificate", name, server.environment)


def test_a_users_ssh_key_and_service_password(driver: Driver, server: Server) -> None:
    user = {"UserName": f"keys-{uuid.uuid4().hex[:8]}"}
    driver.call("iam", "CreateUser", user, server.environment)
    line = papers.ssh_line(papers.rsa_key(driver.name))
    made = driver.call("iam", "UploadSSHPublicKey", {**user, "SSHPublicKeyBody": line}, server.environment)["SSHPublicKey"]
    asked = {**user, "SSHPublicKeyId": made["SSHPublicKeyId"]}
    shown = driver.call("iam", "GetSSHPublicKey", {**asked, "Encoding": "SSH"}, server.environment)["SSHPublicKey"]
    assert shown["SSHPublicKeyBody"] == line.rsplit(" ", 1)[0]
    given = {**user, "ServiceName": "codecommit.amazonaws.com"}
    once = driver.call("iam", "CreateServiceSpecificCredential", given, server.environment)["ServiceSpecificCredential"]
    (listed,) = driver.call("iam", "ListServiceSpecificCredentials", user, server.environment)["ServiceSpecificCredentials"]
    assert len(once["ServicePassword"]) == 40 and "ServicePassword" not in listed
    with pytest.raises(ClientFault) as caught:
        driver.call("iam", "DeleteUser", user, server.environment)
    assert caught.value.code == "DeleteConflict"


def test_what_is_not_offered_says_why(driver: Driver, server: Server) -> None:
    with pytest.raises(ClientFault) as caught:
        driver.call("iam", "GenerateOrganizationsAccessReport", {"EntityPath": "o-1111111111/r-1111"}, server.environment)
    assert caught.value.code == "InvalidAction" and "this server does not offer it, since it needs a record" in caught.value.message
