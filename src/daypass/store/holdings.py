"""The records of what accounts and users hold beside access keys: SAML providers, certificates, SSH keys, credentials for single services.

As records.py, and apart from it only for its length. Nothing here is a proof that daypass itself takes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from daypass.store.records import Record, Tags
from daypass.values.arn import iam_arn
from daypass.values.secret import Secret


class SamlProvider(Record, frozen=True, kw_only=True):
    """A SAML provider; `metadata` is the text as submitted, which was read strictly before it was stored."""

    name: str
    metadata: str
    valid_until: datetime | None = None  # as the metadata says
    encryption: Literal["", "Required", "Allowed"] = ""
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account, "saml-provider", "/", self.name)


class ServerCertificate(Record, frozen=True, kw_only=True):
    """A server certificate: PEM as submitted, the private key of it sealed."""

    name: str
    path: str = "/"
    body: str
    chain: str = ""
    expires: datetime
    private_key: Secret
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account, "server-certificate", self.path, self.name)


class Owned(Record, frozen=True, kw_only=True):
    """What belongs to one user or provider, `owner` is its id, and goes before it does."""

    owner: str


class SamlKey(Owned, frozen=True, kw_only=True):
    """A private key of a SAML provider, to which assertions may be encrypted: PKCS #8 in DER."""

    private_key: Secret


class SshKey(Owned, frozen=True, kw_only=True):
    """A user's SSH public key: `body` as submitted, `blob` as SSH writes it in base64."""

    body: str
    blob: str
    active: bool = True


class SigningCertificate(Owned, frozen=True, kw_only=True):
    """A user's X.509 certificate: PEM as submitted, and the SHA-256 of its DER in hex."""

    body: str
    digest: str
    active: bool = True


class ServiceCredential(Owned, frozen=True, kw_only=True):
    """A user's name and password for one service; `digest` is the SHA-256 of the password, which has 240 random bits."""

    service: str
    user_name: str
    expires: datetime | None = None
    active: bool = True
    digest: Secret


class DeletedRole(Record, frozen=True, kw_only=True):
    """A service-linked role whose deletion is done; `id` is the last part of the task's id."""

    role_arn: str


class TokenIssuer(Record, frozen=True, kw_only=True):
    """The issuer under which an account's principals get tokens for others: one for each account (`id`), with its name for good.

    `rsa` and `ec` are the private keys that it signs with (PKCS #8, DER), `keys` is the JWK set of their public halves (JSON), so that
    to publish it no private key is touched.
    """

    issuer: str  # a UUID
    keys: str
    enabled: bool = True
    rsa: Secret
    ec: Secret
