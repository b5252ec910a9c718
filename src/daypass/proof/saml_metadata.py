"""Reads the metadata of a SAML identity provider: its name, its signing keys, where it signs people in, how long it holds. Fetches nothing.

Does not verify a signature on the metadata (whoever may call CreateSAMLProvider vouches for it) nor any assertion; knows no time.
Source: SAML 2.0 Metadata (saml-metadata-2.0-os); attack rows C28, C62, H21, H49, H67.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.parsers import expat

from cryptography import x509

from daypass.proof.certificates import BLANK, CertificateError, read_base64, read_der

MAX_METADATA = 512 * 1024  # characters; IAM takes 10,000,000, one provider's own metadata are some 100 kB
MAX_ELEMENTS = 10_000  # of one document; one provider's metadata have some hundred
MAX_DEPTH = 32  # nesting of elements; the schema needs 8 (attack row H67)
MAX_ATTRIBUTES = 64  # of one element
MAX_KEYS = 10  # IAM quotas: keys per SAML provider
MAX_ENTITY_ID = 1024  # saml-metadata §2.2.1, entityIDType

_MD = "urn:oasis:names:tc:SAML:2.0:metadata"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_SAML2 = "urn:oasis:names:tc:SAML:2.0:protocol"
_DECLARATION = re.compile(
    r"""\ufeff?<\?xml\s+version=["']1\.[01]["'](?:\s+encoding=["'](?i:utf-8)["'])?(?:\s+standalone=["'](?:yes|no)["'])?\s*\?>""", re.ASCII
)
# A whole comment, a whole CDATA section, or the beginning of any other markup than elements: DOCTYPE, processing instruction, broken ones.
_MARKUP = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<[!?]", re.DOTALL)
_LOCATION = re.compile(r"https?://[!-~]{1,2000}", re.ASCII)
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?Z", re.ASCII)  # saml-core §1.3.3: UTC


class MetadataError(ValueError):
    """The metadata are not taken; the text says why, without a word of theirs."""


@dataclass(frozen=True, slots=True)
class SamlMetadata:
    """What metadata say. `certificates` hold the keys that sign assertions; `valid_until` is None when nothing is said."""

    entity_id: str
    certificates: tuple[x509.Certificate, ...]
    locations: tuple[str, ...]
    valid_until: datetime | None


@dataclass(slots=True)
class _Element:
    name: str  # namespace, a space, local name
    attributes: dict[str, str]
    children: list[_Element] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    def all(self, name: str, namespace: str = _MD) -> list[_Element]:
        """The elements directly inside that have this name."""
        return [child for child in self.children if child.name == f"{namespace} {name}"]

    @property
    def text(self) -> str:
        """All character data directly inside: comments and CDATA borders do not cut it."""
        return "".join(self.parts)


def read_metadata(text: str) -> SamlMetadata:
    """What `text` says of the one identity provider that it describes. Raises MetadataError."""
    root = _parse(text)
    # (4) one entity, one role as identity provider of SAML 2.0
    if root.name != f"{_MD} EntityDescriptor":
        raise MetadataError("The root element must be EntityDescriptor of SAML 2.0 metadata.")
    entity_id = root.attributes.get("entityID", "")
    if not entity_id or len(entity_id) > MAX_ENTITY_ID or not entity_id.isprintable() or entity_id != entity_id.strip():
        raise MetadataError("The metadata name no entityID, or one that cannot be compared.")
    roles = root.all("IDPSSODescriptor")
    if len(roles) != 1 or _SAML2 not in roles[0].attributes.get("protocolSupportEnumeration", "").split():
        raise MetadataError("The metadata must have exactly one IDPSSODescriptor, for SAML 2.0.")
    role = roles[0]
    times = [_read_time(element.attributes["validUntil"]) for element in (root, role) if "validUntil" in element.attributes]
    return SamlMetadata(entity_id, _read_keys(role), _read_locations(role), min(times, default=None))


def _read_keys(role: _Element) -> tuple[x509.Certificate, ...]:
    """The certificates of the keys that sign. (5) a key without use is for signing as well (saml-metadata §2.4.1.1)."""
    found: dict[bytes, x509.Certificate] = {}
    for certificate in _certificates(role):
        try:
            der = read_base64(certificate.text)
            found[der] = read_der(der)
        except CertificateError as error:
            raise MetadataError(f"A certificate of the metadata is not taken: {error}.") from None
        if certificate.children:
            raise MetadataError("A certificate of the metadata holds elements.")
        if len(found) > MAX_KEYS:
            raise MetadataError(f"The metadata have more than {MAX_KEYS} signing keys.")
    if not found:
        raise MetadataError("The metadata have no X.509 certificate for signing.")
    return tuple(found.values())


def _certificates(role: _Element) -> Iterator[_Element]:
    for descriptor in role.all("KeyDescriptor"):
        if descriptor.attributes.get("use", "signing") == "signing":
            for info in descriptor.all("KeyInfo", _DS):
                for data in info.all("X509Data", _DS):
                    yield from data.all("X509Certificate", _DS)


def _read_locations(role: _Element) -> tuple[str, ...]:
    """Where sign-in begins. (6) only web addresses: they end up in links (attack row H39)."""
    found = tuple(service.attributes.get("Location", "") for service in role.all("SingleSignOnService"))
    if not found or any(_LOCATION.fullmatch(location) is None for location in found):
        raise MetadataError("The metadata must have a SingleSignOnService, each with a web address as its Location.")
    return found


def _read_time(text: str) -> datetime:
    """Whole seconds, rounded down. Raises MetadataError for any other form than SAML's (attack row H21)."""
    found = _TIME.fullmatch(text.strip(BLANK))
    try:
        if found:
            return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:  # a thirteenth month
        pass
    raise MetadataError("validUntil must be a time in UTC, as 2026-11-24T12:00:00Z.")


def _parse(text: str) -> _Element:
    """The root element. No entity but XML's own five is ever expanded; no file or address is ever opened."""
    # (1) size, before anything looks at markup
    if len(text) > MAX_METADATA:
        raise MetadataError(f"The metadata are longer than {MAX_METADATA} characters.")
    # (2) no DOCTYPE and with it no entities and no defaults of attributes, no processing instructions, one encoding (rows C28, C62)
    declaration = _DECLARATION.match(text)
    if any(len(found.group()) == 2 for found in _MARKUP.finditer(text, declaration.end() if declaration else 0)):
        raise MetadataError("The metadata have a DOCTYPE, a processing instruction, another encoding than UTF-8, or broken markup.")
    # (3) one pass of expat, which keeps its stack on the heap
    tree = _Tree()
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = tree.start, tree.end, tree.characters
    try:
        parser.Parse(text.encode("utf-8"), True)
    except (expat.ExpatError, UnicodeEncodeError):
        raise MetadataError("The metadata are not well-formed XML.") from None
    return tree.path[0].children[0]


class _Tree:
    """Takes what expat tells. `path` leads from the document to the open element."""

    def __init__(self) -> None:
        self.path = [_Element("", {})]
        self.count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if len(self.path) > MAX_DEPTH or self.count > MAX_ELEMENTS or len(attributes) > MAX_ATTRIBUTES:
            raise MetadataError(f"The metadata have more than {MAX_ELEMENTS} elements, or are nested deeper than {MAX_DEPTH}.")
        element = _Element(name, attributes)
        self.path[-1].children.append(element)
        self.path.append(element)

    def end(self, _name: str) -> None:
        self.path.pop()

    def characters(self, text: str) -> None:
        self.path[-1].parts.append(text)
