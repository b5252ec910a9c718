"""OIDC providers: their URL is the very issuer of the tokens, so its form is strict."""

from __future__ import annotations

import pytest

from unit.services.world import OTHER, World, refused

PRINT = "0123456789abcdefABCDEF0123456789abcdef01"


def make(world: World, url: str = "https://idp.example.org/realm", **members: object) -> str:
    """Make a provider and give its ARN."""
    return str(world.call("CreateOpenIDConnectProvider", Url=url, **members)["OpenIDConnectProviderArn"])


def test_a_provider_is_made_shown_and_deleted(world: World) -> None:
    made = world.call(
        "CreateOpenIDConnectProvider",
        Url="https://idp.example.org/realm",
        ClientIDList=["a", "b", "a"],
        ThumbprintList=[PRINT],
        Tags=[{"Key": "k", "Value": "v"}],
    )
    arn = f"arn:aws:iam::{world.account}:oidc-provider/idp.example.org/realm"
    assert made == {"OpenIDConnectProviderArn": arn, "Tags": [{"Key": "k", "Value": "v"}]}
    shown = world.call("GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
    assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"]) == ("idp.example.org/realm", ["a", "b"], [PRINT])
    assert world.call("ListOpenIDConnectProviders") == {"OpenIDConnectProviderList": [{"Arn": arn}]}
    with refused("EntityAlreadyExists"):
        make(world, "https://IDP.example.org/realm")
    world.call("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
    with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}"):
        world.call("GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)


@pytest.mark.parametrize(
    "url",
    [
        "https://idp", "https://a.b.c/", "https://tenant.example.org/x/y~z_1.0-a/", "https://idp.internal:8443/realms/main",
        "https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF0123456789",
    ],
)  # fmt: skip
def test_a_url_that_names_one_place_is_taken(world: World, url: str) -> None:
    assert make(world, url).endswith(url.removeprefix("https://"))


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example.org", "idp.example.org", "HTTPS://idp.example.org", "https://", "https:///x", "https://u@idp.example.org",
        "https://idp.example.org?x", "https://idp.example.org/x?y=1", "https://idp.example.org/#f", "https://idp.example.org/a/../b",
        "https://idp.example.org/..", "https://idp.example.org/./b", "https://idp.example.org\\@evil", "https://idp.example.org/%2e%2e/",
        "https://idp.example.org/x\n", "https://-idp.example.org", "https://idp..example.org", "https://idp.example.org:0/x",
        "https://idp.example.org:123456", "https://idp.exampleſ.org", "https://[::1]/x", "https://idp.example.org /x",
    ],
)  # fmt: skip
def test_any_other_url_is_refused(world: World, url: str) -> None:
    with refused("ValidationError"):
        make(world, url)


def test_audiences_come_and_go_without_error_and_up_to_a_hundred(world: World) -> None:
    arn = make(world, ClientIDList=[f"c{number}" for number in range(99)])
    for _ in range(2):
        world.call("AddClientIDToOpenIDConnectProvider", OpenIDConnectProviderArn=arn, ClientID="last")
    with refused("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"):
        world.call("AddClientIDToOpenIDConnectProvider", OpenIDConnectProviderArn=arn, ClientID="over")
    for _ in range(2):
        world.call("RemoveClientIDFromOpenIDConnectProvider", OpenIDConnectProviderArn=arn, ClientID="c0")
    shown = world.call("GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)["ClientIDList"]
    assert "c0" not in shown and shown[-1] == "last" and len(shown) == 99


def test_thumbprints_are_forty_hex_digits_and_five_at_most(world: World) -> None:
    arn = make(world)
    world.call("UpdateOpenIDConnectProviderThumbprint", OpenIDConnectProviderArn=arn, ThumbprintList=[PRINT] * 5)
    for wrong in ([PRINT] * 6, [PRINT[:-1] + "g"], [PRINT + "\n"], ["０" * 40]):
        with refused("InvalidInput"):
            world.call("UpdateOpenIDConnectProviderThumbprint", OpenIDConnectProviderArn=arn, ThumbprintList=wrong)
        with refused("InvalidInput"):
            make(world, "https://other.example.org", ThumbprintList=wrong)


def test_another_accounts_provider_does_not_exist(world: World) -> None:
    arn = make(world)
    theirs = world.root(OTHER)
    for name, members in (
        ("GetOpenIDConnectProvider", {}),
        ("DeleteOpenIDConnectProvider", {}),
        ("AddClientIDToOpenIDConnectProvider", {"ClientID": "x"}),
        ("UpdateOpenIDConnectProviderThumbprint", {"ThumbprintList": [PRINT]}),
        ("TagOpenIDConnectProvider", {"Tags": [{"Key": "daypass:single-use", "Value": "false"}]}),
    ):
        with refused("NoSuchEntity"):
            world.call(name, by=theirs, OpenIDConnectProviderArn=arn, **members)
    assert world.call("ListOpenIDConnectProviders", by=theirs) == {"OpenIDConnectProviderList": []}
    assert world.call("CreateOpenIDConnectProvider", by=theirs, Url="https://idp.example.org/realm")


@pytest.mark.parametrize(("key", "value", "once"), [
    ("daypass:single-use", "true", True), ("Daypass:Single-Use", "True", True), ("daypass:single-use", "false", False),
    ("daypass:single-use", "", False), ("single-use", "true", False),
])  # fmt: skip
def test_a_tag_marks_a_provider_as_single_use_however_it_is_spelt(world: World, key: str, value: str, once: bool) -> None:
    arn = make(world)
    world.call("TagOpenIDConnectProvider", OpenIDConnectProviderArn=arn, Tags=[{"Key": key, "Value": value}])
    provider = world.store.oidc_providers.by_arn(arn)
    assert provider is not None and provider.single_use is once
