"""Server certificates: kept and listed, so that audits see them and tools can manage them. The private key goes in and never comes out.

Does not serve TLS with them, and judges no host name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daypass.proof.certificates import (
    MAX_CHAIN,
    Certificate,
    CertificateError,
    Flaw,
    PrivateKey,
    der_of,
    read_pem,
    read_private_key,
    verify_chain,
    verify_pair,
)
from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import Entity, Parameters, known, on, on_anything, with_tag_keys, with_tags
from daypass.services.iam.listing import PAGE, listing, under
from daypass.services.iam.names import check_name
from daypass.services.iam.show import show_tags
from daypass.services.iam.tags import Given, list_tags, put_tags, read_tags, take_tags
from daypass.store.holdings import ServerCertificate
from daypass.values import ids
from daypass.values.arn import iam_arn
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.values.secret import Secret
from daypass.way.operation import operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.way.context import Context
    from daypass.way.operation import Output

CERTIFICATE_ID = "ASCA"  # IAM User Guide, "Unique identifiers"
UNPARSED = "Unable to parse certificate. Please ensure the certificate is in PEM format."


def server_certificate(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    """The target of operations on a certificate, there or to be."""
    name = params["server_certificate_name"]
    return known(ctx, ctx.store.server_certificates.named(ctx.account, name), "server-certificate", name, params)


def get_certificate(ctx: Context, name: str) -> ServerCertificate:
    """The certificate of this name. Raises NoSuchEntity."""
    if (certificate := ctx.store.server_certificates.named(ctx.account, name)) is None:
        raise entities.no_such(f"The Server Certificate with name {name} cannot be found.")
    return certificate


def show_metadata(certificate: ServerCertificate) -> dict[str, Any]:
    """A certificate as listings show it."""
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": certificate.arn,
        "UploadDate": certificate.created,
        "Expiration": certificate.expires,
    }


@operation("iam", asks=on(server_certificate, "iam:UploadServerCertificate", with_tags), writes=True)
def upload_server_certificate(
    ctx: Context,
    *,
    server_certificate_name: str,
    certificate_body: str,
    private_key: str,
    path: str = "/",
    certificate_chain: str = "",
    tags: Given = (),
) -> Output:
    """Keep a certificate whose key is given and whose chain, if there is one, leads upwards without a gap."""
    check_name(server_certificate_name, path)
    _verify_free(ctx, server_certificate_name)
    quotas.within("ServerCertificatesPerAccount", quotas.SERVER_CERTIFICATES, len(ctx.store.server_certificates.of(ctx.account)) + 1)
    read, key = _read_pair(certificate_body, private_key)
    if certificate_chain:
        _verify_chain(read, certificate_chain)
    certificate = ServerCertificate(
        id=ids.unique_id(CERTIFICATE_ID, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        name=server_certificate_name,
        path=path,
        body=certificate_body,
        chain=certificate_chain,
        expires=read.not_valid_after_utc,
        private_key=Secret(der_of(key)),
        tags=read_tags(tags),
    )
    ctx.changes.put(certificate)
    return {"ServerCertificateMetadata": show_metadata(certificate), "Tags": show_tags(certificate.tags)}


def _read_pair(body: str, private_key: str) -> tuple[Certificate, PrivateKey]:
    """Raises MalformedCertificate, KeyPairMismatch."""
    try:
        certificate = read_pem(body)[0]
    except CertificateError as error:
        text = UNPARSED if error.flaw is Flaw.SYNTAX else f"The certificate is not taken: {error}."
        raise Refusal("MalformedCertificate", text) from None
    try:
        key = read_private_key(private_key)
        verify_pair(certificate, key)
    except CertificateError as error:
        if error.flaw is Flaw.PAIR:
            raise Refusal("KeyPairMismatch", "The public key of the certificate and the private key do not match.") from None
        raise Refusal("MalformedCertificate", f"The private key is not taken: {error}.") from None
    return certificate, key


def _verify_chain(certificate: Certificate, chain: str) -> None:
    try:
        verify_chain(certificate, read_pem(chain, MAX_CHAIN))
    except CertificateError as error:
        text = "Unable to validate certificate chain. It must begin with the issuer of the certificate and go on in order."
        raise Refusal("MalformedCertificate", f"{text} The index of the wrong certificate in it is {error.at}.") from None


def _verify_free(ctx: Context, name: str, owner: ServerCertificate | None = None) -> None:
    found = ctx.store.server_certificates.named(ctx.account, name)
    if found is not None and (owner is None or found.id != owner.id):
        raise Refusal("EntityAlreadyExists", f"The Server Certificate with name {name} already exists.")


@operation("iam", asks=on(server_certificate, "iam:GetServerCertificate"))
def get_server_certificate(ctx: Context, *, server_certificate_name: str) -> Output:
    """Show a certificate and its chain, not its key."""
    certificate = get_certificate(ctx, server_certificate_name)
    shown = {
        "ServerCertificateMetadata": show_metadata(certificate),
        "CertificateBody": certificate.body,
        "CertificateChain": certificate.chain or None,
        "Tags": show_tags(certificate.tags),
    }
    return {"ServerCertificate": shown}


@operation("iam", asks=on_anything("iam:ListServerCertificates"))
def list_server_certificates(ctx: Context, *, path_prefix: str = "/", marker: str | None = None, max_items: int = PAGE) -> Output:
    """The certificates under a path."""
    found = under(path_prefix, ctx.store.server_certificates.of(ctx.account))
    return listing(
        ctx,
        "ServerCertificateMetadataList",
        found,
        show_metadata,
        key=lambda certificate: fold(certificate.name),
        marker=marker,
        max_items=max_items,
    )


def _moving(ctx: Context, params: Parameters) -> Iterator[Ask]:
    """Both the certificate and the one that it becomes: a rename needs both, as for users."""
    ask = on(server_certificate, "iam:UpdateServerCertificate")
    yield from ask(ctx, params)
    certificate, _ = server_certificate(ctx, params)
    if isinstance(certificate, ServerCertificate):
        path, name = params.get("new_path") or certificate.path, params.get("new_server_certificate_name") or certificate.name
        if (path, name) != (certificate.path, certificate.name):
            yield Ask("iam:UpdateServerCertificate", iam_arn(ctx.account, "server-certificate", path, name), ctx.account)


@operation("iam", asks=_moving, writes=True)
def update_server_certificate(
    ctx: Context, *, server_certificate_name: str, new_path: str | None = None, new_server_certificate_name: str | None = None
) -> None:
    """Give a certificate another name or path; its id stays."""
    certificate = get_certificate(ctx, server_certificate_name)
    renamed = replace(certificate, name=new_server_certificate_name or certificate.name, path=new_path or certificate.path)
    check_name(renamed.name, renamed.path)
    _verify_free(ctx, renamed.name, certificate)
    ctx.changes.put(renamed)


@operation("iam", asks=on(server_certificate, "iam:DeleteServerCertificate"), writes=True)
def delete_server_certificate(ctx: Context, *, server_certificate_name: str) -> None:
    """Delete a certificate and its key. (Nothing here serves with it, so there is no DeleteConflict.)"""
    ctx.changes.delete(get_certificate(ctx, server_certificate_name))


@operation("iam", asks=on(server_certificate, "iam:TagServerCertificate", with_tags), writes=True)
def tag_server_certificate(ctx: Context, *, server_certificate_name: str, tags: Given) -> None:
    """Put tags on a certificate."""
    put_tags(ctx, get_certificate(ctx, server_certificate_name), tags)


@operation("iam", asks=on(server_certificate, "iam:UntagServerCertificate", with_tag_keys), writes=True)
def untag_server_certificate(ctx: Context, *, server_certificate_name: str, tag_keys: Sequence[str]) -> None:
    """Take tags from a certificate."""
    take_tags(ctx, get_certificate(ctx, server_certificate_name), tag_keys)


@operation("iam", asks=on(server_certificate, "iam:ListServerCertificateTags"))
def list_server_certificate_tags(ctx: Context, *, server_certificate_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The tags of a certificate."""
    return list_tags(ctx, get_certificate(ctx, server_certificate_name), marker, max_items)
