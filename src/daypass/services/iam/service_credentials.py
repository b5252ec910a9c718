"""Credentials of users for single services (CodeCommit, Keyspaces, Bedrock): a name and a password that is shown once. Opens no service.

What is kept of a password is its digest, sealed: a stolen database cannot tell it, and nor can we.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import Entity, Parameters, on, on_user
from daypass.services.iam.listing import PAGE, listing
from daypass.services.iam.status import by_age, read_status, show_status
from daypass.store.holdings import ServiceCredential
from daypass.store.records import User
from daypass.values import ids
from daypass.values.decision import Ask, Values
from daypass.values.errors import Refusal
from daypass.values.secret import Secret
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

CREDENTIAL_ID = "ACCA"  # IAM User Guide, "Unique identifiers"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Whether a service has API keys (an alias and a secret, with an age) or a user name and a password."""

    api_key: bool = False
    prefix: str = ""


# IAM API Reference, CreateServiceSpecificCredential.
SERVICES: Mapping[str, _Kind] = {
    "bedrock.amazonaws.com": _Kind(api_key=True, prefix="ABSK"),
    "cassandra.amazonaws.com": _Kind(),
    "codecommit.amazonaws.com": _Kind(),
}


def _kind_of(service: str) -> _Kind:
    if (kind := SERVICES.get(service)) is None:
        raise Refusal("NotSupportedService", f"No such service {service}")
    return kind


# Asks


def _of_service(params: Parameters, entity: Entity | None) -> Mapping[str, Values]:
    age = params.get("credential_age_days")
    ages: dict[str, Values] = {} if age is None else {"iam:servicespecificcredentialagedays": str(age)}
    return {"iam:servicespecificcredentialservicename": params["service_name"], **ages}


def _on_credential(action: str) -> Any:
    """Ask for `action` on the user, with the service of the credential when there is one."""
    plain = on_user(action)

    def asks(ctx: Context, params: Parameters) -> Iterator[Ask]:
        for ask in plain(ctx, params):
            credential = ctx.store.service_credentials.find(params["service_specific_credential_id"])
            if credential is None or credential.account != ctx.account:
                yield ask
            else:
                context = {**ask.context, "iam:servicespecificcredentialservicename": credential.service}
                yield Ask(ask.action, ask.resource, ask.account, context)

    return asks


def _listing(ctx: Context, params: Parameters) -> Iterator[Ask]:
    """One user's, or with AllUsers every user's."""
    everyone = on(lambda ctx, params: (None, "*"), "iam:ListServiceSpecificCredentials")
    yield from (everyone if params.get("all_users") else on_user("iam:ListServiceSpecificCredentials"))(ctx, params)


# Operations


@operation("iam", asks=on_user("iam:CreateServiceSpecificCredential", _of_service), writes=True)
def create_service_specific_credential(
    ctx: Context, *, user_name: str, service_name: str, credential_age_days: int | None = None
) -> Output:
    """Make a credential for one service and show its password, the only time it is shown."""
    user = entities.get_user(ctx, user_name)
    kind = _kind_of(service_name)
    if credential_age_days is not None and not kind.api_key:
        raise Refusal("InvalidInput", f"CredentialAgeDays is not for {service_name}.")
    others = [held for held in ctx.store.owned(ServiceCredential, user.id) if held.service == service_name]
    quotas.within("ServiceSpecificCredentialsPerUser", quotas.SERVICE_CREDENTIALS_PER_USER, len(others) + 1)
    password = _password(ctx, kind)
    credential = ServiceCredential(
        id=ids.unique_id(CREDENTIAL_ID, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        owner=user.id,
        service=service_name,
        user_name=_free_name(user, others),
        expires=None if credential_age_days is None else ctx.now + timedelta(days=credential_age_days),
        digest=_digest(password),
    )
    ctx.changes.put(credential)
    return {"ServiceSpecificCredential": _show_once(ctx, user, credential, password)}


def _free_name(user: User, others: list[ServiceCredential]) -> str:
    """`bob-at-123456789012`, then `bob+1-at-123456789012`."""
    names = (f"{user.name}{suffix}-at-{user.account}" for suffix in ("", *(f"+{number}" for number in range(1, len(others) + 1))))
    taken = {held.user_name for held in others}
    return next(name for name in names if name not in taken)


def _password(ctx: Context, kind: _Kind) -> str:
    return kind.prefix + base64.b64encode(ctx.random(30)).decode("ascii")


def _digest(password: str) -> Secret:
    return Secret(hashlib.sha256(password.encode("ascii")).digest())


def _show(ctx: Context, user: User, credential: ServiceCredential) -> dict[str, Any]:
    api_key = SERVICES[credential.service].api_key
    is_over = credential.expires is not None and credential.expires <= ctx.now
    return {
        "UserName": user.name,
        "Status": "Expired" if is_over else show_status(credential),
        "ServiceCredentialAlias" if api_key else "ServiceUserName": credential.user_name,
        "CreateDate": credential.created,
        "ExpirationDate": credential.expires,
        "ServiceSpecificCredentialId": credential.id,
        "ServiceName": credential.service,
    }


def _show_once(ctx: Context, user: User, credential: ServiceCredential, password: str) -> dict[str, Any]:
    member = "ServiceCredentialSecret" if SERVICES[credential.service].api_key else "ServicePassword"
    return {**_show(ctx, user, credential), member: password}


def _get(ctx: Context, user: User, credential_id: str) -> ServiceCredential:
    for credential in ctx.store.owned(ServiceCredential, user.id):
        if credential.id == credential_id:
            return credential
    raise entities.no_such(f"No such credential {credential_id} exists")


@operation("iam", asks=_listing)
def list_service_specific_credentials(
    ctx: Context,
    *,
    user_name: str | None = None,
    service_name: str | None = None,
    all_users: bool = False,
    marker: str | None = None,
    max_items: int = PAGE,
) -> Output:
    """The credentials of a user, or of all users, without their passwords."""
    if all_users and user_name is not None:
        raise Refusal("InvalidInput", "UserName and AllUsers exclude each other.")
    if service_name is not None:
        _kind_of(service_name)
    users = ctx.store.users.of(ctx.account) if all_users else [entities.get_user_or_self(ctx, user_name)]
    held = [
        (user, credential)
        for user in users
        for credential in ctx.store.owned(ServiceCredential, user.id)
        if service_name in (None, credential.service)
    ]
    return listing(
        ctx,
        "ServiceSpecificCredentials",
        held,
        lambda pair: _show(ctx, *pair),
        key=lambda pair: by_age(pair[1]),
        marker=marker,
        max_items=max_items,
        of="*" if all_users else users[0].id,
    )


@operation("iam", asks=_on_credential("iam:ResetServiceSpecificCredential"), writes=True)
def reset_service_specific_credential(ctx: Context, *, service_specific_credential_id: str, user_name: str | None = None) -> Output:
    """Give a credential another password and show it, the only time it is shown; the old one is over."""
    user = entities.get_user_or_self(ctx, user_name)
    credential = _get(ctx, user, service_specific_credential_id)
    password = _password(ctx, SERVICES[credential.service])
    ctx.changes.put(replace(credential, digest=_digest(password)))
    return {"ServiceSpecificCredential": _show_once(ctx, user, credential, password)}


@operation("iam", asks=_on_credential("iam:UpdateServiceSpecificCredential"), writes=True)
def update_service_specific_credential(
    ctx: Context, *, service_specific_credential_id: str, status: str, user_name: str | None = None
) -> None:
    """Switch a credential off or on."""
    credential = _get(ctx, entities.get_user_or_self(ctx, user_name), service_specific_credential_id)
    ctx.changes.put(replace(credential, active=read_status(status)))


@operation("iam", asks=_on_credential("iam:DeleteServiceSpecificCredential"), writes=True)
def delete_service_specific_credential(ctx: Context, *, service_specific_credential_id: str, user_name: str | None = None) -> None:
    """Take a credential from a user."""
    ctx.changes.delete(_get(ctx, entities.get_user_or_self(ctx, user_name), service_specific_credential_id))
