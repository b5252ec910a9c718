"""OpenID Connect providers whose tokens the account's roles may trust. Does not fetch anything and verifies no token.

Two things differ from AWS on purpose: the URL may name a port, since providers inside a company have one, and without thumbprints
none are looked up, since keys are fetched over TLS with an ordinary check of the certificate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import on_anything, on_new_provider, on_provider, with_tags
from daypass.services.iam.show import show_tags
from daypass.services.iam.tags import Given, read_tags
from daypass.store.records import OidcProvider
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

OIDC_PROVIDER = "OIDC"  # the prefix of our unique ids; AWS shows none for providers

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# No user, query, fragment, escape or dot segment: the text must be the very `iss` of the tokens and name one place only.
_URL = re.compile(rf"https://{_LABEL}(?:\.{_LABEL})*(?::[1-9][0-9]{{0,4}})?(?:/(?!\.{{1,2}}(?:/|$))[A-Za-z0-9._~-]*)*", re.ASCII)
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}", re.ASCII)


@operation("iam", asks=on_new_provider("iam:CreateOpenIDConnectProvider", with_tags), writes=True)
def create_open_id_connect_provider(
    ctx: Context, *, url: str, client_id_list: Sequence[str] = (), thumbprint_list: Sequence[str] = (), tags: Given = ()
) -> Output:
    """Make a provider; `url` is the `iss` of its tokens, `client_id_list` the audiences that they may have."""
    if _URL.fullmatch(url) is None:
        raise Refusal("ValidationError", "Invalid Open ID Connect Provider URL")
    name = url.removeprefix("https://")
    if ctx.store.oidc_providers.named(ctx.account, name) is not None:
        raise Refusal("EntityAlreadyExists", f"Provider with url {url} already exists.")
    quotas.within("OpenIdConnectProvidersPerAccount", quotas.OIDC_PROVIDERS, len(ctx.store.oidc_providers.of(ctx.account)) + 1)
    provider = OidcProvider(
        id=ids.unique_id(OIDC_PROVIDER, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        name=name,
        client_ids=_read_client_ids(client_id_list),
        thumbprints=_read_thumbprints(thumbprint_list),
        tags=read_tags(tags),
    )
    ctx.changes.put(provider)
    return {"OpenIDConnectProviderArn": provider.arn} | _show_tags(provider)


def _show_tags(provider: OidcProvider) -> dict[str, Any]:
    return {"Tags": show_tags(provider.tags)} if provider.tags else {}


def _read_client_ids(client_ids: Sequence[str]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(client_ids))
    quotas.within("ClientIdsPerOpenIdConnectProvider", quotas.CLIENT_IDS_PER_PROVIDER, len(unique))
    return unique


def _read_thumbprints(thumbprints: Sequence[str]) -> tuple[str, ...]:
    if any(_THUMBPRINT.fullmatch(thumbprint) is None for thumbprint in thumbprints):
        raise Refusal("InvalidInput", "Thumbprint list contains an invalid thumbprint.")
    if len(thumbprints) > quotas.THUMBPRINTS_PER_PROVIDER:
        raise Refusal("InvalidInput", f"Thumbprint list must contain fewer than {quotas.THUMBPRINTS_PER_PROVIDER} entries.")
    return tuple(thumbprints)


@operation("iam", asks=on_provider("iam:GetOpenIDConnectProvider"))
def get_open_id_connect_provider(ctx: Context, *, open_id_connect_provider_arn: str) -> Output:
    """Show a provider."""
    provider = entities.get_provider(ctx, open_id_connect_provider_arn)
    members = {
        "Url": provider.name,
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created,
    }
    return members | _show_tags(provider)


@operation("iam", asks=on_anything("iam:ListOpenIDConnectProviders"))
def list_open_id_connect_providers(ctx: Context) -> Output:
    """The ARNs of the account's providers; AWS does not page this list."""
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in ctx.store.oidc_providers.of(ctx.account)]}


@operation("iam", asks=on_provider("iam:DeleteOpenIDConnectProvider"), writes=True)
def delete_open_id_connect_provider(ctx: Context, *, open_id_connect_provider_arn: str) -> None:
    """Delete a provider; roles that trust it can no longer be assumed through it."""
    ctx.changes.delete(entities.get_provider(ctx, open_id_connect_provider_arn))


@operation("iam", asks=on_provider("iam:UpdateOpenIDConnectProviderThumbprint"), writes=True)
def update_open_id_connect_provider_thumbprint(ctx: Context, *, open_id_connect_provider_arn: str, thumbprint_list: Sequence[str]) -> None:
    """Replace a provider's thumbprints."""
    provider = entities.get_provider(ctx, open_id_connect_provider_arn)
    ctx.changes.put(replace(provider, thumbprints=_read_thumbprints(thumbprint_list)))


@operation("iam", asks=on_provider("iam:AddClientIDToOpenIDConnectProvider"), writes=True)
def add_client_id_to_open_id_connect_provider(ctx: Context, *, open_id_connect_provider_arn: str, client_id: str) -> None:
    """Add an audience; one that is there already is no error."""
    provider = entities.get_provider(ctx, open_id_connect_provider_arn)
    ctx.changes.put(replace(provider, client_ids=_read_client_ids((*provider.client_ids, client_id))))


@operation("iam", asks=on_provider("iam:RemoveClientIDFromOpenIDConnectProvider"), writes=True)
def remove_client_id_from_open_id_connect_provider(ctx: Context, *, open_id_connect_provider_arn: str, client_id: str) -> None:
    """Take an audience away; one that is not there is no error."""
    provider = entities.get_provider(ctx, open_id_connect_provider_arn)
    ctx.changes.put(replace(provider, client_ids=tuple(own for own in provider.client_ids if own != client_id)))
