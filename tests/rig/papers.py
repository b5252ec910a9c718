"""What people hand in: certificates with their keys, chains, SSH keys, metadata of SAML providers, made as each test wants them.

Keys are made once a run; nothing here is daypass's own code.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

FROM = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = datetime(2060, 1, 1, tzinfo=UTC)
ENTITY = "https://idp.example.test/saml"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"


@cache
def rsa_key(name: str = "one", bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key; the same for the same name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(name: str = "one", curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    """An EC key; the same for the same name."""
    return ec.generate_private_key(curve())


def certificate(
    name: str = "leaf", key: Any = None, *, issuer: str = "", by: Any = None, begins: datetime = FROM, ends: datetime = UNTIL
) -> x509.Certificate:
    """A certificate for `key`, signed by the key `by` of `issuer`, or by itself."""
    key = key or ec_key(name)
    builder = x509.CertificateBuilder(
        issuer_name=_named(issuer or name),
        subject_name=_named(name),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=begins,
        not_valid_after=ends,
    )
    return builder.sign(by or key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def chain() -> tuple[x509.Certificate, x509.Certificate, x509.Certificate]:
    """Leaf, intermediate and root, each issued by the next."""
    root = certificate("root")
    middle = certificate("middle", issuer="root", by=ec_key("root"))
    return certificate("leaf", issuer="middle", by=ec_key("middle")), middle, root


def pem(*certificates: x509.Certificate) -> str:
    """PEM, one after the other."""
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


def private_pem(key: Any, passphrase: bytes = b"") -> str:
    """PKCS #8 in PEM."""
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return str(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode())


def ssh_line(key: Any = None) -> str:
    """A public key as OpenSSH writes it."""
    public = (key or rsa_key()).public_key()
    return str(public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()) + " alice@laptop"


def public_pem(key: Any = None) -> str:
    """A public key as PEM."""
    public = (key or rsa_key()).public_key()
    return str(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode())


def key_descriptor(one: x509.Certificate, use: str = ' use="signing"') -> str:
    """A KeyDescriptor with one certificate."""
    text = base64.encodebytes(one.public_bytes(serialization.Encoding.DER)).decode()
    data = f"<ds:X509Data><ds:X509Certificate>{text}</ds:X509Certificate></ds:X509Data>"
    return f'<md:KeyDescriptor{use}><ds:KeyInfo xmlns:ds="{DS}">{data}</ds:KeyInfo></md:KeyDescriptor>'


def metadata(
    *, keys: str = "", entity: str = ENTITY, root: str = "", role: str = "", inside: str = "", location: str = "https://idp.example.test/sso"
) -> str:
    """Metadata of an identity provider. `root` and `role` are further attributes, `keys` KeyDescriptors, `inside` more of the role."""
    service = f'<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{location}"/>'
    protocol = 'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"'
    body = f"<md:IDPSSODescriptor {protocol} {role}>{keys or key_descriptor(signing())}{inside}{service}</md:IDPSSODescriptor>"
    entity_attributes = f'xmlns:md="{MD}" entityID="{entity}" {root}'
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<md:EntityDescriptor {entity_attributes}>{body}</md:EntityDescriptor>'
    return text + f"<!--{' ' * max(1000 - len(text), 0)}-->"  # IAM's model wants 1,000 characters at least


@cache
def signing() -> x509.Certificate:
    """The certificate of the metadata, when a test says no other."""
    return certificate("idp", rsa_key("idp"))


def later(**amount: float) -> datetime:
    """A time after FROM."""
    return FROM + timedelta(**amount)
