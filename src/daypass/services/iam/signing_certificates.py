"""Signing certificates of users (X.509): kept, so that audits see them and leavers lose them. Nothing here is proven by one."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daypass.proof.certificates import CertificateError, Flaw, digest_of, read_pem
from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import on_user
from daypass.services.iam.listing import PAGE, listing
from daypass.services.iam.server_certificates import UNPARSED
from daypass.services.iam.status import by_age, read_status, show_status
from daypass.store.holdings import SigningCertificate
from daypass.store.records import User
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


def _get(ctx: Context, user: User, certificate_id: str) -> SigningCertificate:
    for certificate in ctx.store.owned(SigningCertificate, user.id):
        if certificate.id == certificate_id:
            return certificate
    raise entities.no_such(f"The Certificate with id {certificate_id} cannot be found.")


def _show(user: User, certificate: SigningCertificate) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "CertificateId": certificate.id,
        "CertificateBody": certificate.body,
        "Status": show_status(certificate),
        "UploadDate": certificate.created,
    }


def _read(ctx: Context, body: str) -> str:
    """The SHA-256 of the certificate's DER. Raises MalformedCertificate, InvalidCertificate for one that does not hold now."""
    try:
        certificate = read_pem(body)[0]
    except CertificateError as error:
        if error.flaw is Flaw.SYNTAX:
            raise Refusal("MalformedCertificate", UNPARSED) from None
        raise Refusal("InvalidCertificate", f"The certificate is not taken: {error}.") from None
    if not certificate.not_valid_before_utc <= ctx.now <= certificate.not_valid_after_utc:
        raise Refusal("InvalidCertificate", "The certificate is not valid at this time.")
    return digest_of(certificate)


@operation("iam", asks=on_user("iam:UploadSigningCertificate"), writes=True)
def upload_signing_certificate(ctx: Context, *, certificate_body: str, user_name: str | None = None) -> Output:
    """Give a user a certificate; one that any user of the account has already is refused."""
    user = entities.get_user_or_self(ctx, user_name)
    digest = _read(ctx, certificate_body)
    if any(held.digest == digest for held in ctx.store.signing_certificates.of(ctx.account)):
        raise Refusal("DuplicateCertificate", "The certificate is already associated with a user of the account.")
    held = ctx.store.owned(SigningCertificate, user.id)
    quotas.within("CertificatesPerUser", quotas.SIGNING_CERTIFICATES_PER_USER, len(held) + 1)
    certificate = SigningCertificate(
        id=base64.b32encode(ctx.random(20)).decode("ascii"),  # 32 letters, as AWS's are
        account=ctx.account,
        created=ctx.now,
        owner=user.id,
        body=certificate_body,
        digest=digest,
    )
    ctx.changes.put(certificate)
    return {"Certificate": _show(user, certificate)}


@operation("iam", asks=on_user("iam:ListSigningCertificates"))
def list_signing_certificates(ctx: Context, *, user_name: str | None = None, marker: str | None = None, max_items: int = PAGE) -> Output:
    """A user's signing certificates, oldest first."""
    user = entities.get_user_or_self(ctx, user_name)
    return listing(
        ctx,
        "Certificates",
        ctx.store.owned(SigningCertificate, user.id),
        lambda certificate: _show(user, certificate),
        key=by_age,
        marker=marker,
        max_items=max_items,
        of=user.id,
    )


@operation("iam", asks=on_user("iam:UpdateSigningCertificate"), writes=True)
def update_signing_certificate(ctx: Context, *, certificate_id: str, status: str, user_name: str | None = None) -> None:
    """Switch a signing certificate off or on."""
    certificate = _get(ctx, entities.get_user_or_self(ctx, user_name), certificate_id)
    ctx.changes.put(replace(certificate, active=read_status(status)))


@operation("iam", asks=on_user("iam:DeleteSigningCertificate"), writes=True)
def delete_signing_certificate(ctx: Context, *, certificate_id: str, user_name: str | None = None) -> None:
    """Take a signing certificate from a user."""
    ctx.changes.delete(_get(ctx, entities.get_user_or_self(ctx, user_name), certificate_id))
