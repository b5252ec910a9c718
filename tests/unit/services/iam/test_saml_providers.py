"""SAML providers: metadata are read before they are kept, private keys are kept sealed and never shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from daypass.services.iam import quotas
from daypass.services.iam.saml_providers import FOREVER
from daypass.store.holdings import SamlKey
from rig import papers
from unit.services.world import OTHER, World, refused

METADATA = papers.metadata()
TAGS = [{"Key": "team", "Value": "blue"}]
KEY = papers.private_pem(papers.rsa_key("decrypts"))


def make(world: World, name: str = "corp", **more: Any) -> str:
    """Make a provider and give its ARN."""
    return str(world.call("CreateSAMLProvider", **{"Name": name, "SAMLMetadataDocument": METADATA, **more})["SAMLProviderArn"])


def show(world: World, arn: str) -> dict[str, Any]:
    return world.call("GetSAMLProvider", SAMLProviderArn=arn)


def test_a_provider_is_made_shown_and_deleted(world: World) -> None:
    made = world.call("CreateSAMLProvider", Name="corp", SAMLMetadataDocument=METADATA, Tags=TAGS)
    arn = f"arn:aws:iam::{world.account}:saml-provider/corp"
    assert made == {"SAMLProviderArn": arn, "Tags": TAGS}
    shown = show(world, arn)
    assert (shown["SAMLMetadataDocument"], shown["Tags"], shown["PrivateKeyList"]) == (METADATA, TAGS, [])
    assert len(shown["SAMLProviderUUID"]) >= 22 and shown["ValidUntil"] == shown["CreateDate"] + FOREVER
    assert [one["Arn"] for one in world.call("ListSAMLProviders")["SAMLProviderList"]] == [arn]
    with refused("EntityAlreadyExists"):
        make(world, "CORP")
    world.call("DeleteSAMLProvider", SAMLProviderArn=arn)
    with refused("NoSuchEntity"):
        show(world, arn)


def test_the_validity_of_the_metadata_is_the_providers(world: World) -> None:
    arn = make(world, SAMLMetadataDocument=papers.metadata(root='validUntil="2030-01-01T00:00:00Z"'))
    assert show(world, arn)["ValidUntil"] == datetime(2030, 1, 1, tzinfo=UTC)
    world.call("UpdateSAMLProvider", SAMLProviderArn=arn, SAMLMetadataDocument=METADATA)
    listed = world.call("ListSAMLProviders")["SAMLProviderList"][0]
    assert listed["ValidUntil"] == show(world, arn)["ValidUntil"] == listed["CreateDate"] + FOREVER


def test_metadata_are_over_in_their_last_second(world: World) -> None:
    for second, taken in ((1, True), (0, False), (-1, False)):
        world.now = datetime(2026, 6, 1, tzinfo=UTC)
        until = datetime.fromtimestamp(world.now.timestamp() + second, UTC)
        text = papers.metadata(root=f'validUntil="{until:%Y-%m-%dT%H:%M:%SZ}"')
        certificate = papers.certificate("idp", papers.rsa_key("idp"), ends=until)
        for document in (text, papers.metadata(keys=papers.key_descriptor(certificate))):
            if taken:
                world.call("DeleteSAMLProvider", SAMLProviderArn=make(world, SAMLMetadataDocument=document))
                world.now = datetime(2026, 6, 1, tzinfo=UTC)
            else:
                with refused("InvalidInput", "Could not parse metadata."):
                    make(world, SAMLMetadataDocument=document)


def test_one_certificate_that_holds_is_enough(world: World) -> None:
    old = papers.certificate("old", papers.rsa_key("idp"), ends=datetime(2021, 1, 1, tzinfo=UTC))
    make(world, SAMLMetadataDocument=papers.metadata(keys=papers.key_descriptor(old) + papers.key_descriptor(papers.signing())))


def test_unsound_metadata_change_nothing(world: World) -> None:
    arn = make(world)
    for call in ("CreateSAMLProvider", "UpdateSAMLProvider"):
        target = {"Name": "other"} if call.startswith("Create") else {"SAMLProviderArn": arn}
        with refused("InvalidInput", "DOCTYPE"):
            world.call(call, **target, SAMLMetadataDocument="<!DOCTYPE a>" + METADATA)
    assert show(world, arn)["SAMLMetadataDocument"] == METADATA


def test_private_keys_come_and_go_by_their_ids(world: World) -> None:
    arn = make(world, AddPrivateKey=KEY, AssertionEncryptionMode="Required")
    world.call("UpdateSAMLProvider", SAMLProviderArn=arn, AddPrivateKey=papers.private_pem(papers.rsa_key("next")))
    shown = show(world, arn)
    first, second = [key["KeyId"] for key in shown["PrivateKeyList"]]
    assert shown["AssertionEncryptionMode"] == "Required"
    assert not any(word in repr(shown) for word in ("PRIVATE", KEY.splitlines()[2]))
    with refused("LimitExceeded", "PrivateKeysPerSAMLProvider: 2"):
        world.call("UpdateSAMLProvider", SAMLProviderArn=arn, AddPrivateKey=KEY)
    world.call("UpdateSAMLProvider", SAMLProviderArn=arn, AddPrivateKey=KEY, RemovePrivateKey=first)  # a change of keys in one step
    third = next(key["KeyId"] for key in show(world, arn)["PrivateKeyList"] if key["KeyId"] != second)
    for gone in (second, third):
        with refused("NoSuchEntity"):
            world.call("UpdateSAMLProvider", SAMLProviderArn=arn, RemovePrivateKey=first)
        if gone == third:
            with refused("InvalidInput", "needs a private key"):
                world.call("UpdateSAMLProvider", SAMLProviderArn=arn, RemovePrivateKey=gone)
            world.call("UpdateSAMLProvider", SAMLProviderArn=arn, RemovePrivateKey=gone, AssertionEncryptionMode="Allowed")
        else:
            world.call("UpdateSAMLProvider", SAMLProviderArn=arn, RemovePrivateKey=gone)
    assert show(world, arn)["PrivateKeyList"] == []


def test_private_keys_go_with_their_provider(world: World) -> None:
    arn = make(world, AddPrivateKey=KEY)
    world.call("DeleteSAMLProvider", SAMLProviderArn=arn)
    assert len(world.store.records(SamlKey)) == 0


WEAK = papers.private_pem(papers.rsa_key("weak", 1024))
ENCRYPTED = papers.private_pem(papers.rsa_key(), b"secret")


@pytest.mark.parametrize("key", ["x", ENCRYPTED, papers.private_pem(papers.ec_key()), WEAK], ids=["no key", "encrypted", "EC", "weak"])
def test_a_key_that_cannot_decrypt_is_refused(world: World, key: str) -> None:
    with refused("InvalidInput", "The private key is not taken"):
        make(world, AddPrivateKey=key)


def test_required_encryption_needs_a_key(world: World) -> None:
    with refused("InvalidInput", "needs a private key"):
        make(world, AssertionEncryptionMode="Required")


def test_another_account_has_the_same_name_and_sees_nothing(world: World) -> None:
    arn, stranger = make(world, Tags=TAGS), world.root(OTHER)
    for name in ("GetSAMLProvider", "DeleteSAMLProvider", "UpdateSAMLProvider", "ListSAMLProviderTags"):
        with refused("NoSuchEntity"):
            world.call(name, by=stranger, SAMLProviderArn=arn)
    assert world.call("ListSAMLProviders", by=stranger)["SAMLProviderList"] == []
    world.call("CreateSAMLProvider", by=stranger, Name="corp", SAMLMetadataDocument=METADATA)
    with refused("InvalidInput"):
        show(world, arn.replace("saml-provider", "oidc-provider"))


def test_the_asks_name_the_provider_and_its_tags(world: World) -> None:
    arn = make(world, Tags=TAGS)
    (ask,) = world.asks("DeleteSAMLProvider", SAMLProviderArn=arn)
    assert (ask.action, ask.resource, ask.context["aws:resourcetag/team"]) == ("iam:DeleteSAMLProvider", arn, "blue")
    (ask,) = world.asks("CreateSAMLProvider", Name="new", SAMLMetadataDocument=METADATA, Tags=TAGS)
    assert (ask.resource, ask.context["aws:requesttag/team"]) == (f"arn:aws:iam::{world.account}:saml-provider/new", "blue")


def test_providers_are_bounded(world: World) -> None:
    for number in range(quotas.SAML_PROVIDERS):
        make(world, f"p{number}")
    with refused("LimitExceeded", "SAMLProvidersPerAccount: 100"):
        make(world, "over")
