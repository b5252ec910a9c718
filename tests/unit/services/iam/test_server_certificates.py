"""Server certificates: key and chain must fit, the key never comes out."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.services.iam import quotas
from rig import papers
from unit.services.world import OTHER, World, refused

LEAF, MIDDLE, ROOT = papers.chain()
KEY = papers.private_pem(papers.ec_key("leaf"))


def upload(world: World, name: str = "web", **more: Any) -> dict[str, Any]:
    given = {"ServerCertificateName": name, "CertificateBody": papers.pem(LEAF), "PrivateKey": KEY, **more}
    return world.call("UploadServerCertificate", **given)


def show(world: World, name: str = "web") -> dict[str, Any]:
    shown: dict[str, Any] = world.call("GetServerCertificate", ServerCertificateName=name)["ServerCertificate"]
    return shown


def test_a_certificate_is_kept_shown_moved_and_deleted(world: World) -> None:
    chain = papers.pem(MIDDLE, ROOT)
    made = upload(world, Path="/cdn/", CertificateChain=chain, Tags=[{"Key": "a", "Value": "b"}])["ServerCertificateMetadata"]
    assert made["Arn"] == f"arn:aws:iam::{world.account}:server-certificate/cdn/web"
    assert (made["Expiration"], made["ServerCertificateId"][:4]) == (papers.UNTIL, "ASCA")
    shown = show(world)
    assert (shown["CertificateBody"], shown["CertificateChain"]) == (papers.pem(LEAF), chain)
    assert shown["ServerCertificateMetadata"] == made and "PRIVATE" not in repr(shown)
    assert world.call("ListServerCertificates", PathPrefix="/cdn/")["ServerCertificateMetadataList"] == [made]
    assert world.call("ListServerCertificates", PathPrefix="/x/")["ServerCertificateMetadataList"] == []
    world.call("UpdateServerCertificate", ServerCertificateName="web", NewPath="/", NewServerCertificateName="shop")
    moved = show(world, "shop")["ServerCertificateMetadata"]
    assert moved["Arn"] == f"arn:aws:iam::{world.account}:server-certificate/shop"
    assert moved["ServerCertificateId"] == made["ServerCertificateId"]
    world.call("DeleteServerCertificate", ServerCertificateName="shop")
    for gone in ("web", "shop"):
        with refused("NoSuchEntity", f"The Server Certificate with name {gone} cannot be found."):
            show(world, gone)


def test_a_name_is_taken_once_and_never_reserved(world: World) -> None:
    upload(world)
    upload(world, "other")
    with refused("EntityAlreadyExists"):
        upload(world, "WEB")
    with refused("EntityAlreadyExists"):
        world.call("UpdateServerCertificate", ServerCertificateName="other", NewServerCertificateName="web")
    world.call("UpdateServerCertificate", ServerCertificateName="other", NewServerCertificateName="OTHER")
    with refused("ValidationError"):
        upload(world, Path="/aws-service-role/x/")


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"CertificateBody": "x"}, "MalformedCertificate", "Unable to parse certificate"),
        ({"CertificateBody": papers.pem(LEAF, MIDDLE)}, "MalformedCertificate", "Unable to parse certificate"),
        ({"CertificateBody": papers.pem(papers.certificate("w", papers.rsa_key("weak", 1024)))}, "MalformedCertificate", "2048"),
        ({"PrivateKey": "x"}, "MalformedCertificate", "The private key is not taken"),
        ({"PrivateKey": papers.private_pem(papers.ec_key("leaf"), b"pw")}, "MalformedCertificate", "encrypted"),
        ({"PrivateKey": papers.private_pem(papers.ec_key("other"))}, "KeyPairMismatch", "do not match"),
        ({"CertificateChain": "x"}, "MalformedCertificate", "index of the wrong certificate in it is 0"),
        ({"CertificateChain": papers.pem(ROOT)}, "MalformedCertificate", "is 0"),
        ({"CertificateChain": papers.pem(MIDDLE, MIDDLE)}, "MalformedCertificate", "is 1"),
        ({"CertificateChain": papers.pem(*[MIDDLE] * 11)}, "MalformedCertificate", "is 10"),
    ],
)
def test_what_does_not_fit_is_refused(world: World, change: dict[str, str], code: str, text: str) -> None:
    with refused(code, text):
        upload(world, **change)
    assert len(world.store.server_certificates) == 0


def test_a_move_asks_for_both_places(world: World) -> None:
    upload(world, Tags=[{"Key": "a", "Value": "b"}])
    here = f"arn:aws:iam::{world.account}:server-certificate/web"
    asks = world.asks("UpdateServerCertificate", ServerCertificateName="web", NewPath="/x/")
    assert [ask.resource for ask in asks] == [here, here.replace("/web", "/x/web")]
    assert len(world.asks("UpdateServerCertificate", ServerCertificateName="web")) == 1
    assert world.asks("GetServerCertificate", ServerCertificateName="web")[0].context["iam:resourcetag/a"] == "b"


def test_certificates_are_bounded_and_those_of_others_are_not_there(world: World) -> None:
    for number in range(quotas.SERVER_CERTIFICATES):
        upload(world, f"c{number}")
    with refused("LimitExceeded", "ServerCertificatesPerAccount: 20"):
        upload(world, "over")
    with refused("NoSuchEntity"):
        world.call("GetServerCertificate", by=world.root(OTHER), ServerCertificateName="c1")
    first = world.call("ListServerCertificates", MaxItems=15)
    second = world.call("ListServerCertificates", MaxItems=15, Marker=first["Marker"])
    assert len(first["ServerCertificateMetadataList"]) == 15 and len(second["ServerCertificateMetadataList"]) == 5
