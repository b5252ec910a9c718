"""Certificates and private keys in PEM: strict armour, strong keys, pairs and chains that fit."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from daypass.proof.certificates import (
    MAX_CHAIN,
    MAX_RSA_BITS,
    MIN_RSA_BITS,
    CertificateError,
    Flaw,
    der_of,
    digest_of,
    read_base64,
    read_pem,
    read_private_key,
    verify_chain,
    verify_pair,
)
from rig import papers

LEAF, MIDDLE, ROOT = papers.chain()


def flaw_of(call: object, *arguments: object) -> Flaw:
    with pytest.raises(CertificateError) as caught:
        call(*arguments)  # type: ignore[operator]  # one of the readers
    return caught.value.flaw


def test_a_certificate_is_read_with_blanks_around_it() -> None:
    assert read_pem("\n " + papers.pem(LEAF) + "\r\n\t") == [LEAF]
    assert read_pem(papers.pem(LEAF, MIDDLE, ROOT), 3) == [LEAF, MIDDLE, ROOT]


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "x", papers.pem(LEAF)[:-3], "junk\n" + papers.pem(LEAF), papers.pem(LEAF) + "junk", papers.pem(LEAF, MIDDLE),
        papers.pem(LEAF) + "\x0b", papers.pem(LEAF).replace("CERTIFICATE", "X509 CRL"), papers.pem(LEAF).replace("\n", "\n-", 2),
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
        papers.private_pem(papers.ec_key()), papers.pem(LEAF).replace("A", "Ａ", 1), "-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----" * 3,
    ],
)  # fmt: skip
def test_anything_else_is_no_certificate(text: str) -> None:
    assert flaw_of(read_pem, text) is Flaw.SYNTAX


def test_a_flaw_without_a_place_is_in_the_first() -> None:
    assert CertificateError(Flaw.PAIR).at == 0
    assert (MIN_RSA_BITS, MAX_RSA_BITS, MAX_CHAIN) == (2048, 8192, 10)


def test_one_more_than_wanted_is_told_by_its_place() -> None:
    with pytest.raises(CertificateError) as caught:
        read_pem(papers.pem(LEAF, MIDDLE, ROOT), 2)
    assert caught.value.at == 2


@pytest.mark.parametrize(
    "key",
    [papers.rsa_key("weak", 1024), papers.ec_key("odd", ec.SECP256K1), ed25519.Ed25519PrivateKey.generate()],
    ids=["rsa-1024", "secp256k1", "ed25519"],
)
def test_a_key_that_is_weak_or_not_known_is_refused(key: object) -> None:
    assert flaw_of(read_private_key, papers.private_pem(key)) is Flaw.WEAK
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        assert flaw_of(read_pem, papers.pem(papers.certificate("weak", key, by=papers.rsa_key()))) is Flaw.WEAK


STRONG = [papers.rsa_key(), papers.ec_key(), papers.ec_key("p384", ec.SECP384R1), papers.ec_key("p521", ec.SECP521R1)]


@pytest.mark.parametrize("key", STRONG)
def test_a_strong_key_is_read_in_each_form(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    traditional = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    for text in (papers.private_pem(key), traditional.decode()):
        assert read_private_key(text).public_key() == key.public_key()


def test_a_key_with_a_passphrase_says_so() -> None:
    assert flaw_of(read_private_key, papers.private_pem(papers.ec_key(), b"secret")) is Flaw.ENCRYPTED


@pytest.mark.parametrize("text", ["", "x", papers.pem(LEAF), papers.public_pem(), papers.private_pem(papers.ec_key())[:-30]])
def test_anything_else_is_no_key(text: str) -> None:
    assert flaw_of(read_private_key, text) is Flaw.SYNTAX


def test_a_key_is_written_as_it_was_and_a_certificate_known_by_its_digest() -> None:
    key = papers.ec_key()
    again = serialization.load_der_private_key(der_of(key), None)
    assert isinstance(again, ec.EllipticCurvePrivateKey) and again.private_numbers() == key.private_numbers()
    assert digest_of(LEAF) == hashlib.sha256(LEAF.public_bytes(serialization.Encoding.DER)).hexdigest()


def test_a_pair_belongs_together() -> None:
    verify_pair(LEAF, papers.ec_key("leaf"))
    for other in (papers.ec_key("other"), papers.rsa_key()):
        assert flaw_of(verify_pair, LEAF, other) is Flaw.PAIR


def test_a_chain_has_no_gap() -> None:
    verify_chain(LEAF, [MIDDLE, ROOT])
    verify_chain(LEAF, [])
    fake = papers.certificate("root", papers.ec_key("fake"))
    for wrong, at in (([ROOT, MIDDLE], 0), ([ROOT], 0), ([MIDDLE, LEAF], 1), ([MIDDLE, fake], 1)):
        with pytest.raises(CertificateError) as caught:
            verify_chain(LEAF, wrong)
        assert (caught.value.flaw, caught.value.at) == (Flaw.CHAIN, at)


def test_base64_has_no_junk() -> None:
    assert read_base64(" \r\nAA\t==\n") == b"\0"
    for junk in ("A", "AA", "AA=", "AA==!", "A-A=", "ＡA==", "AA==AA==x"):
        assert flaw_of(read_base64, junk) is Flaw.SYNTAX


def test_many_small_blocks_are_read_in_bounded_time() -> None:
    block = "-----BEGIN CERTIFICATE-----" + base64.b64encode(b"x").decode() + "-----END CERTIFICATE-----"
    assert flaw_of(read_pem, block * 20_000, 10) is Flaw.SYNTAX
