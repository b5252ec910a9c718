"""Samples of what accounts and users hold beside access keys: one of each kind, from as little as a test needs to say."""

from __future__ import annotations

from conformance.samples import HERE, NOW, user
from daypass.store.holdings import (
    DeletedRole,
    Owned,
    SamlKey,
    SamlProvider,
    ServerCertificate,
    ServiceCredential,
    SigningCertificate,
    SshKey,
    TokenIssuer,
)
from daypass.store.records import Record, User
from daypass.values.secret import Secret


def saml_provider(n: int = 1) -> SamlProvider:
    return SamlProvider(
        id=f"SAMLSP{n:017d}", account=HERE, created=NOW, name=f"idp-{n}", metadata="<xml/>", valid_until=NOW, encryption="Allowed"
    )


def saml_key(n: int = 1, provider: SamlProvider | None = None) -> SamlKey:
    owner = provider or saml_provider()
    return SamlKey(id=f"SAMLPK{n:017d}", account=HERE, created=NOW, owner=owner.id, private_key=Secret(bytes([n]) * 32))


def server_certificate(n: int = 1) -> ServerCertificate:
    return ServerCertificate(
        id=f"ASCA{n:017d}", account=HERE, created=NOW, name=f"web-{n}", body="PEM", expires=NOW, private_key=Secret(bytes([n]) * 32)
    )


def ssh_key(n: int = 1, owner: User | None = None) -> SshKey:
    owner = owner or user()
    return SshKey(id=f"APKA{n:017d}", account=HERE, created=NOW, owner=owner.id, body="ssh-rsa AAAA", blob="AAAA", active=n % 2 == 1)


def signing_certificate(n: int = 1, owner: User | None = None) -> SigningCertificate:
    return SigningCertificate(id=f"{n:032d}", account=HERE, created=NOW, owner=(owner or user()).id, body="PEM", digest=f"{n:064x}")


def service_credential(n: int = 1, owner: User | None = None) -> ServiceCredential:
    return ServiceCredential(
        id=f"ACCA{n:017d}", account=HERE, created=NOW, owner=(owner or user()).id, service="codecommit.amazonaws.com", user_name="bob",
        digest=Secret(bytes([n]) * 32),
    )  # fmt: skip


def deleted_role(n: int = 1) -> DeletedRole:
    return DeletedRole(id=f"task-{n}", account=HERE, created=NOW, role_arn=f"arn:aws:iam::{HERE}:role/aws-service-role/x/y")


def token_issuer() -> TokenIssuer:
    name, keys = "00000000-0000-4000-8000-000000000000", (Secret(b"r" * 1200), Secret(b"e" * 200))
    return TokenIssuer(id=HERE, account=HERE, created=NOW, issuer=name, keys="{}", enabled=False, rsa=keys[0], ec=keys[1])


OWNED: tuple[Owned, ...] = (saml_key(), ssh_key(), signing_certificate(), service_credential())
HOLDINGS: tuple[Record, ...] = (saml_provider(), server_certificate(), *OWNED, deleted_role(), token_issuer())
