"""SAML providers: their metadata, read strictly before they are kept, and private keys for encrypted assertions. Verifies no assertion.

Differs from AWS on purpose: metadata whose every certificate is over are refused, since no sign-in could follow from them; and their size
is bounded by what one provider needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

from msgspec.structs import replace

from daypass.proof.certificates import CertificateError, Flaw, der_of, read_private_key
from daypass.proof.saml_metadata import MetadataError, SamlMetadata, read_metadata
from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import Entity, Parameters, on, on_anything, with_tag_keys, with_tags
from daypass.services.iam.listing import PAGE
from daypass.services.iam.show import show_tags
from daypass.services.iam.tags import Given, list_tags, put_tags, read_tags, take_tags
from daypass.store.holdings import SamlKey, SamlProvider
from daypass.values import ids
from daypass.values.arn import iam_arn
from daypass.values.errors import Refusal
from daypass.values.secret import Secret
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

PROVIDER_ID, KEY_ID = "SAMLSP", "SAMLPK"  # prefixes of our ids; the model wants 22 capital letters and digits at least

FOREVER = timedelta(days=36525)

Encryption = Literal["", "Required", "Allowed"]


def find_saml_provider(ctx: Context, arn: str) -> SamlProvider | None:
    """The SAML provider of this ARN in the caller's account. Raises InvalidInput."""
    entities.check_iam_arn(arn, "saml-provider")
    provider = ctx.store.saml_providers.by_arn(arn)
    return provider if provider and provider.account == ctx.account else None


def get_saml_provider_of(ctx: Context, arn: str) -> SamlProvider:
    """The SAML provider of this ARN. Raises NoSuchEntity, InvalidInput."""
    if (provider := find_saml_provider(ctx, arn)) is None:
        raise entities.no_such(f"Manifest not found for arn {arn}")
    return provider


def saml_provider(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    """The target of operations on a provider that is there."""
    arn = params["saml_provider_arn"]
    return find_saml_provider(ctx, arn), arn


def _new(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    return None, iam_arn(ctx.account, "saml-provider", "/", params["name"])


@operation("iam", asks=on(_new, "iam:CreateSAMLProvider", with_tags), writes=True)
def create_saml_provider(
    ctx: Context,
    *,
    saml_metadata_document: str,
    name: str,
    tags: Given = (),
    assertion_encryption_mode: str | None = None,
    add_private_key: str | None = None,
) -> Output:
    """Make a provider from its metadata."""
    if ctx.store.saml_providers.named(ctx.account, name) is not None:
        raise Refusal("EntityAlreadyExists", f"SAMLProvider with name {name} already exists.")
    quotas.within("SAMLProvidersPerAccount", quotas.SAML_PROVIDERS, len(ctx.store.saml_providers.of(ctx.account)) + 1)
    provider = SamlProvider(
        id=ids.unique_id(PROVIDER_ID, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        name=name,
        metadata=saml_metadata_document,
        valid_until=_read(ctx, saml_metadata_document).valid_until,
        encryption=cast("Encryption", assertion_encryption_mode or ""),  # the model knows the two words only
        tags=read_tags(tags),
    )
    keys = [] if add_private_key is None else [_read_key(ctx, provider, add_private_key)]
    _verify_decryptable(provider, len(keys))
    for record in (provider, *keys):
        ctx.changes.put(record)
    return {"SAMLProviderArn": provider.arn, "Tags": show_tags(provider.tags)}


def _read(ctx: Context, metadata: str) -> SamlMetadata:
    """What the metadata say. Raises InvalidInput for unsound ones, and for such as are over."""
    try:
        read = read_metadata(metadata)
    except MetadataError as error:
        raise Refusal("InvalidInput", f"Could not parse metadata. {error}") from None
    if read.valid_until is not None and read.valid_until <= ctx.now:
        raise Refusal("InvalidInput", "Could not parse metadata. They are past their validUntil.")
    if all(certificate.not_valid_after_utc <= ctx.now for certificate in read.certificates):
        raise Refusal("InvalidInput", "Could not parse metadata. Every signing certificate in them has expired.")
    return read


def _read_key(ctx: Context, provider: SamlProvider, text: str) -> SamlKey:
    try:
        key = read_private_key(text)
    except CertificateError as error:
        raise Refusal("InvalidInput", f"The private key is not taken: {error}.") from None
    if not hasattr(key, "decrypt"):  # only RSA keys can: assertions are encrypted to the key (xmlenc-core §5.4)
        raise Refusal("InvalidInput", f"The private key is not taken: {Flaw.WEAK.value}; for assertions it must be RSA.")
    return SamlKey(
        id=ids.unique_id(KEY_ID, ctx.random(11)), account=ctx.account, created=ctx.now, owner=provider.id, private_key=Secret(der_of(key))
    )


def _verify_decryptable(provider: SamlProvider, keys: int) -> None:
    """Raise LimitExceeded for a third key, InvalidInput when encryption is required and there is no key to decrypt with."""
    quotas.within("PrivateKeysPerSAMLProvider", quotas.PRIVATE_KEYS_PER_SAML_PROVIDER, keys)
    if provider.encryption == "Required" and not keys:
        raise Refusal("InvalidInput", "AssertionEncryptionMode Required needs a private key.")


@operation("iam", asks=on(saml_provider, "iam:GetSAMLProvider"))
def get_saml_provider(ctx: Context, *, saml_provider_arn: str) -> Output:
    """Show a provider and the ids of its private keys."""
    provider = get_saml_provider_of(ctx, saml_provider_arn)
    keys = [{"KeyId": key.id, "Timestamp": key.created} for key in ctx.store.owned(SamlKey, provider.id)]
    members: dict[str, Any] = {
        "SAMLProviderUUID": provider.id,
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": provider.created,
        "ValidUntil": _valid_until(provider),
        "Tags": show_tags(provider.tags),
        "AssertionEncryptionMode": provider.encryption or None,
        "PrivateKeyList": keys,
    }
    return members


@operation("iam", asks=on_anything("iam:ListSAMLProviders"))
def list_saml_providers(ctx: Context) -> Output:
    """The account's providers; AWS does not page this list."""
    return {"SAMLProviderList": [_listed(provider) for provider in ctx.store.saml_providers.of(ctx.account)]}


def _listed(provider: SamlProvider) -> dict[str, str | datetime]:
    return {"Arn": provider.arn, "ValidUntil": _valid_until(provider), "CreateDate": provider.created}


def _valid_until(provider: SamlProvider) -> datetime:
    """What the metadata say; without a word of theirs a hundred years, as AWS shows it: there are clients that fail without a time."""
    return provider.valid_until or provider.created + FOREVER


@operation("iam", asks=on(saml_provider, "iam:UpdateSAMLProvider"), writes=True)
def update_saml_provider(
    ctx: Context,
    *,
    saml_provider_arn: str,
    saml_metadata_document: str | None = None,
    assertion_encryption_mode: str | None = None,
    add_private_key: str | None = None,
    remove_private_key: str | None = None,
) -> Output:
    """Replace a provider's metadata, change its encryption, add or remove a private key; what is left out stays."""
    provider = get_saml_provider_of(ctx, saml_provider_arn)
    keys = {key.id: key for key in ctx.store.owned(SamlKey, provider.id)}
    if remove_private_key is not None:
        if (gone := keys.pop(remove_private_key, None)) is None:
            raise entities.no_such(f"The private key {remove_private_key} cannot be found.")
        ctx.changes.delete(gone)
    if add_private_key is not None:
        added = _read_key(ctx, provider, add_private_key)
        keys[added.id] = added
        ctx.changes.put(added)
    if saml_metadata_document is not None:
        until = _read(ctx, saml_metadata_document).valid_until
        provider = replace(provider, metadata=saml_metadata_document, valid_until=until)
    if assertion_encryption_mode is not None:
        provider = replace(provider, encryption=cast("Encryption", assertion_encryption_mode))
    _verify_decryptable(provider, len(keys))
    ctx.changes.put(provider)
    return {"SAMLProviderArn": provider.arn}


@operation("iam", asks=on(saml_provider, "iam:DeleteSAMLProvider"), writes=True)
def delete_saml_provider(ctx: Context, *, saml_provider_arn: str) -> None:
    """Delete a provider with its private keys; roles that trust it can no longer be assumed through it."""
    provider = get_saml_provider_of(ctx, saml_provider_arn)
    for record in (*ctx.store.owned(SamlKey, provider.id), provider):
        ctx.changes.delete(record)


@operation("iam", asks=on(saml_provider, "iam:TagSAMLProvider", with_tags), writes=True)
def tag_saml_provider(ctx: Context, *, saml_provider_arn: str, tags: Given) -> None:
    """Put tags on a provider."""
    put_tags(ctx, get_saml_provider_of(ctx, saml_provider_arn), tags)


@operation("iam", asks=on(saml_provider, "iam:UntagSAMLProvider", with_tag_keys), writes=True)
def untag_saml_provider(ctx: Context, *, saml_provider_arn: str, tag_keys: Sequence[str]) -> None:
    """Take tags from a provider."""
    take_tags(ctx, get_saml_provider_of(ctx, saml_provider_arn), tag_keys)


@operation("iam", asks=on(saml_provider, "iam:ListSAMLProviderTags"))
def list_saml_provider_tags(ctx: Context, *, saml_provider_arn: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The tags of a provider."""
    return list_tags(ctx, get_saml_provider_of(ctx, saml_provider_arn), marker, max_items)
