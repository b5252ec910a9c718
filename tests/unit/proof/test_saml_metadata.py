"""Metadata of SAML providers: one entity, one role, its signing keys; nothing that two parsers could see in two ways."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.proof import saml_metadata
from daypass.proof.saml_metadata import MetadataError, read_metadata
from rig import papers

ONE, TWO = papers.certificate("one", papers.rsa_key("idp")), papers.certificate("two")
END = "</md:EntityDescriptor>"
SECOND = '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/>'
GOOD = papers.metadata()
BODY = GOOD[GOOD.index("<md:") :]


def test_what_metadata_say() -> None:
    encryption = papers.key_descriptor(papers.certificate("enc"), ' use="encryption"')
    keys = papers.key_descriptor(ONE) + papers.key_descriptor(TWO, "") + encryption
    read = read_metadata(papers.metadata(keys=keys, root='validUntil="2030-01-02T03:04:05Z"', role='validUntil="2029-01-01T00:00:00.5Z"'))
    assert read.entity_id == papers.ENTITY
    assert read.certificates == (ONE, TWO), "a key without use signs as well, one for encryption does not"
    assert read.locations == ("https://idp.example.test/sso",)
    assert read.valid_until == datetime(2029, 1, 1, tzinfo=UTC), "the earliest of all"


def test_without_validity_there_is_none_and_a_key_given_twice_is_one() -> None:
    read = read_metadata(papers.metadata(keys=papers.key_descriptor(ONE) * 3))
    assert (read.valid_until, read.certificates) == (None, (ONE,))


def test_comments_and_cdata_do_not_cut_a_certificate() -> None:
    text = papers.metadata(keys=papers.key_descriptor(ONE))
    at = text.index("<ds:X509Certificate>") + 60
    assert read_metadata(text[:at] + "<!-- x -->" + text[at:]).certificates == (ONE,)
    assert read_metadata(text[:at] + "<![CDATA[]]>" + text[at:]).certificates == (ONE,)


UNSAID = GOOD.replace(' encoding="UTF-8"', "")


@pytest.mark.parametrize("text", ["\ufeff" + GOOD, "\ufeff" + BODY, BODY, UNSAID, GOOD.replace("UTF-8", "utf-8")])
def test_the_beginning_of_a_file_may_say_utf_8_or_nothing(text: str) -> None:
    assert sound(text)


def test_foreign_roles_and_extensions_are_passed_over() -> None:
    inside = f'<md:Extensions><x:Any xmlns:x="urn:x">{papers.key_descriptor(TWO)}</x:Any></md:Extensions>'
    text = papers.metadata(keys=papers.key_descriptor(ONE), inside=inside)
    other = f"<md:SPSSODescriptor>{papers.key_descriptor(TWO)}</md:SPSSODescriptor>"
    text = text.replace(END, other + END)
    assert read_metadata(text).certificates == (ONE,), "a key counts only where the schema has it"




@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<?xml version="1.0"?><!DOCTYPE a><a/>', "DOCTYPE"),
        ('<!DOCTYPE md:EntityDescriptor [<!ENTITY x "y">]>' + BODY, "DOCTYPE"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd">' + BODY, "DOCTYPE"),
        ("<?xml-stylesheet href='http://x/'?>" + BODY, "processing"),
        (BODY + "<?x?>", "processing"),
        (GOOD.replace("UTF-8", "UTF-16"), "encoding"),
        (GOOD.replace("UTF-8", "UTF-7"), "encoding"),
        (" " + GOOD, "processing"),
        ("", "well-formed"),
        ("x", "well-formed"),
        (BODY + BODY, "well-formed"),
        (BODY.replace("</md:IDPSSODescriptor>", ""), "well-formed"),
        (BODY[: BODY.rindex(END)], "well-formed"),
        (BODY.replace('entityID="', 'entityID="a" entityID="', 1), "well-formed"),
        ("<!--" * 100_000, "broken"),
        (GOOD.replace(papers.ENTITY, "&x;"), "well-formed"),
        (GOOD.replace(papers.ENTITY, "\ud800"), "well-formed"),
        (GOOD.replace(papers.ENTITY, "\0"), "well-formed"),
        (BODY.replace("xmlns:md", "xmlns:mx"), "well-formed"),
        (GOOD.replace(papers.MD, papers.MD + "x"), "root element"),
        (GOOD.replace("EntityDescriptor", "EntitiesDescriptor"), "root element"),
        (GOOD.replace(f'entityID="{papers.ENTITY}"', ""), "entityID"),
        (papers.metadata(entity=""), "entityID"),
        (papers.metadata(entity="a" * 1025), "entityID"),
        (papers.metadata(entity=" https://x"), "entityID"),
        (papers.metadata(entity="https://x&#10;y"), "entityID"),
        (papers.metadata(entity="https://x\u202ey"), "entityID"),
        (GOOD.replace("SAML:2.0:protocol", "SAML:1.1:protocol"), "IDPSSODescriptor"),
        (GOOD.replace("IDPSSODescriptor", "SPSSODescriptor"), "IDPSSODescriptor"),
        (BODY.replace(END, SECOND + END), "exactly one IDPSSODescriptor"),
        (papers.metadata(keys=papers.key_descriptor(ONE, ' use="encryption"')), "no X.509 certificate"),
        (papers.metadata(keys=papers.key_descriptor(ONE).replace(papers.DS, "urn:x")), "no X.509 certificate"),
        (papers.metadata(keys=papers.key_descriptor(ONE).replace("MII", "M!I", 1)), "certificate"),
        (papers.metadata(keys=papers.key_descriptor(ONE).replace("MII", "MIJ", 1)), "certificate"),
        (papers.metadata(keys=papers.key_descriptor(papers.certificate("w", papers.rsa_key("weak", 1024)))), "2048"),
        (GOOD.replace("<ds:X509Certificate>", "<ds:X509Certificate><ds:a/>"), "holds elements"),
        (papers.metadata(location="javascript:alert(1)"), "web address"),
        (papers.metadata(location="https://x/ y"), "web address"),
        (papers.metadata(location=""), "web address"),
        (GOOD.replace("SingleSignOnService", "SingleLogoutService"), "SingleSignOnService"),
    ],
)  # fmt: skip
def test_what_is_not_sound_is_refused(text: str, why: str) -> None:
    with pytest.raises(MetadataError, match=why):
        read_metadata(text)


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-24T12:00:00", "2026-11-24T12:00:00+01:00", "2026-11-24 12:00:00Z", "2026-11-24t12:00:00z", "20261124T120000Z", "",
        "2026-13-24T12:00:00Z", "2026-11-24T24:00:00Z", "２026-11-24T12:00:00Z", "-2026-11-24T12:00:00Z", "12026-11-24T12:00:00Z",
        "2026-11-24T12:00:00.Z", "P1D",
    ],
)  # fmt: skip
def test_a_time_has_one_form(time: str) -> None:
    with pytest.raises(MetadataError, match="validUntil"):
        read_metadata(papers.metadata(root=f'validUntil="{time}"'))


def test_limits_hold_on_both_sides() -> None:
    deepest = saml_metadata.MAX_DEPTH - 2  # the root and the role stand around
    for depth, taken in ((deepest, True), (deepest + 1, False)):
        text = papers.metadata(inside="<md:x>" * depth + "</md:x>" * depth)
        assert sound(text) is taken, depth
    for count, taken in ((saml_metadata.MAX_ELEMENTS - 7, True), (saml_metadata.MAX_ELEMENTS - 6, False)):  # six more, and the descriptor
        assert sound(papers.metadata(inside="<md:x/>" * count)) is taken, count
    for count, taken in ((10, True), (11, False)):
        keys = "".join(papers.key_descriptor(papers.certificate(f"k{number}", papers.ec_key())) for number in range(count))
        assert sound(papers.metadata(keys=keys)) is taken, count
    assert sound(GOOD + " " * (saml_metadata.MAX_METADATA - len(GOOD)))
    assert not sound(GOOD + " " * (saml_metadata.MAX_METADATA - len(GOOD) + 1))
    for count, taken in ((saml_metadata.MAX_ATTRIBUTES - 1, True), (saml_metadata.MAX_ATTRIBUTES, False)):  # and the entityID
        assert sound(papers.metadata(root=" ".join(f'a{number}="x"' for number in range(count)))) is taken, count
    assert sound(papers.metadata(entity="a" * saml_metadata.MAX_ENTITY_ID))
    assert (saml_metadata.MAX_METADATA, saml_metadata.MAX_ELEMENTS, saml_metadata.MAX_DEPTH) == (2**19, 10_000, 32)
    assert (saml_metadata.MAX_ATTRIBUTES, saml_metadata.MAX_ENTITY_ID) == (64, 1024)


def sound(text: str) -> bool:
    try:
        read_metadata(text)
    except MetadataError:
        return False
    return True


@settings(max_examples=150)
@given(st.integers(0, len(GOOD) - 1), st.text(max_size=3), st.integers(0, 3))
def test_a_change_anywhere_is_read_or_refused_and_never_breaks(at: int, put: str, gone: int) -> None:
    text = GOOD[:at] + put + GOOD[at + gone :]
    if sound(text):
        read = read_metadata(text)
        assert read.certificates and all(isinstance(one, x509.Certificate) for one in read.certificates)
