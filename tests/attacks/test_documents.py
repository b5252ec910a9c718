"""Attacks in what people hand in: SAML metadata, certificates, keys. Each beside its benign twin. One test per row."""

from __future__ import annotations

import base64
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attacks.conftest import Target, accepted, member, refused
from rig import papers
from rig.http import Reply
from rig.server import Server

SAFE = papers.metadata()
BODY = SAFE[SAFE.index("<md:") :]
QUICK = 2.0  # seconds, on a busy machine; what follows a bomb takes minutes or never comes


def provide(target: Target, document: str, **more: str) -> Reply:
    """CreateSAMLProvider under a fresh name."""
    return target.iam("CreateSAMLProvider", Name=f"p{uuid.uuid4().hex}", SAMLMetadataDocument=document, **more)


def declined(target: Target, document: str) -> None:
    """Refused for the document itself, quickly, and nothing was made; a sound one right after it is taken."""
    before = target.iam("ListSAMLProviders").text.count("<Arn>")
    start = time.monotonic()
    refused(provide(target, document), "InvalidInput", "ValidationError", status=400)
    assert time.monotonic() - start < QUICK
    assert target.iam("ListSAMLProviders").text.count("<Arn>") == before
    reply = provide(target, SAFE)
    accepted(reply)
    accepted(target.iam("DeleteSAMLProvider", SAMLProviderArn=member(reply, "SAMLProviderArn")))


@contextmanager
def nobody_calls() -> Iterator[str]:
    """The address of a listener that no one may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/evil"
        with pytest.raises(TimeoutError):
            listener.accept()


DOCTYPES = {
    "plain": "<!DOCTYPE md:EntityDescriptor>",
    "a default": '<!DOCTYPE md:EntityDescriptor [<!ATTLIST md:EntityDescriptor validUntil CDATA "2099-01-01T00:00:00Z">]>',
    "an entity": '<!DOCTYPE md:EntityDescriptor [<!ENTITY e "x">]>',
    "a notation": '<!DOCTYPE md:EntityDescriptor [<!NOTATION n SYSTEM "n">]>',
    "lower case": "<!doctype md:EntityDescriptor>",
    "behind a comment": "<!-- x --><!DOCTYPE md:EntityDescriptor>",
}


@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES)
def test_C28_a_doctype_in_metadata(target: Target, doctype: str) -> None:
    declined(target, doctype + BODY)


def test_C28_namespaces_and_attributes_that_two_parsers_would_see_in_two_ways(target: Target) -> None:
    again = BODY.replace("<md:IDPSSODescriptor", '<md:IDPSSODescriptor xmlns:md="urn:other"', 1)
    twice = BODY.replace('entityID="', 'entityID="https://evil.example.test" entityID="', 1)
    alias = BODY.replace('entityID="', f'xmlns:x="{papers.MD}" x:entityID="https://evil.example.test" entityID="', 1)
    for document in (again, twice):
        declined(target, document)
    reply = provide(target, alias)  # an attribute in a namespace is another attribute: passed over, as every parser that knows them does
    accepted(reply)
    accepted(target.iam("DeleteSAMLProvider", SAMLProviderArn=member(reply, "SAMLProviderArn")))


@pytest.mark.parametrize("character", ["&#0;", "&#xFFFE;", "&undefined;", "&amp", "\x01", "&#xD800;"])
def test_C28_characters_that_no_xml_has(target: Target, character: str) -> None:
    declined(target, BODY.replace("https://idp", character + "https://idp", 1))


def test_C62_nothing_outside_is_read(target: Target, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("CANARY-OF-A-FILE")
    with nobody_calls() as address:
        for document in (
            f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{secret}">]>' + BODY.replace(papers.ENTITY, "&x;"),
            f'<!DOCTYPE a [<!ENTITY x SYSTEM "{address}">]>' + BODY.replace(papers.ENTITY, "&x;"),
            f'<!DOCTYPE a [<!ENTITY % x SYSTEM "{address}"> %x;]>' + BODY,
            f'<!DOCTYPE a SYSTEM "{address}">' + BODY,
            f'<?xml-stylesheet type="text/xsl" href="{address}"?>' + BODY,
        ):
            declined(target, document)
            assert "CANARY" not in provide(target, document).text
        schema = f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="{papers.MD} {address}"'
        include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{address}"/>'
        for document in (papers.metadata(root=schema), papers.metadata(inside=f"<md:Extensions>{include}</md:Extensions>")):
            reply = provide(target, document)  # harmless words: taken, and followed by no one
            accepted(reply)
            accepted(target.iam("DeleteSAMLProvider", SAMLProviderArn=member(reply, "SAMLProviderArn")))


def test_H49_bombs_of_entities_and_elements(target: Target) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    declined(target, f'<!DOCTYPE a [<!ENTITY e0 "ha">{entities}]>' + BODY.replace(papers.ENTITY, "&e9;"))
    declined(target, papers.metadata(inside="<md:x/>" * 60_000))
    declined(target, papers.metadata(inside="<!--" * 50_000))
    declined(target, papers.metadata(root=" ".join(f"a{n}=''" for n in range(10_000))))


def test_H49_a_body_beyond_all_bounds(target: Target) -> None:
    start = time.monotonic()
    reply = provide(target, BODY + " " * 500_000)  # three bytes each, as forms write them
    assert reply.status == 413 and time.monotonic() - start < QUICK


def test_H67_elements_a_hundred_thousand_deep(target: Target) -> None:
    declined(target, BODY.replace("</md:EntityDescriptor>", "<a>" * 100_000))
    declined(target, papers.metadata(inside="<a>" * 40_000 + "</a>" * 40_000))


@pytest.mark.parametrize("until", ["2099-1-1T0:0:0Z", "2099-01-01t00:00:00z", "2099-01-01T00:00:00+00:00", "２099-01-01T00:00:00Z", "1e9"])
def test_H21_validity_in_another_spelling(target: Target, until: str) -> None:
    declined(target, papers.metadata(root=f'validUntil="{until}"'))


@pytest.mark.parametrize("location", ["javascript:alert(1)", "data:text/html,x", "https://x&quot;onload=&quot;y z", "//evil.example.test"])
def test_H39_a_place_to_sign_in_that_is_no_web_address(target: Target, location: str) -> None:
    declined(target, papers.metadata(location=location))


def test_C31_a_signing_key_too_weak_to_trust(target: Target) -> None:
    declined(target, papers.metadata(keys=papers.key_descriptor(papers.certificate("weak", papers.rsa_key("weak", 1024)))))


def test_C35_metadata_whose_every_certificate_is_over(target: Target) -> None:
    over = papers.certificate("over", papers.rsa_key("idp"), ends=datetime(2021, 1, 1, tzinfo=UTC))
    declined(target, papers.metadata(keys=papers.key_descriptor(over)))


def test_H72_private_keys_and_passwords_are_sealed_in_the_database_and_shown_nowhere(target: Target, server: Server) -> None:
    decrypts, serves = papers.rsa_key("h72"), papers.ec_key("h72")
    arn = member(provide(target, SAFE, AddPrivateKey=papers.private_pem(decrypts)), "SAMLProviderArn")
    body = papers.pem(papers.certificate("h72", serves))
    name = {"ServerCertificateName": "h72"}
    accepted(target.iam("UploadServerCertificate", **name, CertificateBody=body, PrivateKey=papers.private_pem(serves)))
    accepted(target.iam("CreateUser", UserName="h72-git"))
    reply = target.iam("CreateServiceSpecificCredential", UserName="h72-git", ServiceName="codecommit.amazonaws.com")
    password, user_name = member(reply, "ServicePassword"), member(reply, "ServiceUserName")

    taken = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file() and path.name != "root.key")
    assert user_name.encode() in taken and b"server-certificate/h72" in taken  # the benign twin: what is no secret is found
    for number, size in ((decrypts.private_numbers().p, 128), (serves.private_numbers().private_value, 32)):
        raw = number.to_bytes(size, "big")
        inner = [base64.b64encode(raw[shift : shift + 24])[:-4] for shift in range(3)]  # as it would stand in a PEM, wherever it begins
        assert not any(secret in taken for secret in (raw, raw.hex().encode(), *inner))
    assert b"PRIVATE KEY" not in taken
    assert password.encode() not in taken
    for reply in (
        target.iam("GetSAMLProvider", SAMLProviderArn=arn), target.iam("GetServerCertificate", **name),
        target.iam("ListServiceSpecificCredentials", UserName="h72-git"), target.own("ListEvents", target.alice, MaxResults=50),
    ):  # fmt: skip
        accepted(reply)
        assert password not in reply.text and not re.search("PRIVATE KEY", reply.text)


def test_C46_another_accounts_documents_are_not_there(target: Target) -> None:
    arn = member(provide(target, SAFE), "SAMLProviderArn")
    for action, more in (("GetSAMLProvider", {}), ("DeleteSAMLProvider", {}), ("UpdateSAMLProvider", {"SAMLMetadataDocument": SAFE})):
        refused(target.iam(action, target.mallory, SAMLProviderArn=arn, **more), "NoSuchEntity", status=404)
    accepted(target.iam("GetSAMLProvider", SAMLProviderArn=arn))
