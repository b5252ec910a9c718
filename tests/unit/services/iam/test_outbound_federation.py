"""Outbound web identity federation: one issuer for each account, the same for good."""

from __future__ import annotations

import re

from daypass.services.iam.outbound_federation import find_enabled_issuer
from unit.services.world import OTHER, World, refused

NAME = re.compile(r".*/issuers/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_it_is_off_until_it_is_turned_on(world: World) -> None:
    for name in ("GetOutboundWebIdentityFederationInfo", "DisableOutboundWebIdentityFederation"):
        with refused("FeatureDisabled"):
            world.call(name)
    issuer = world.call("EnableOutboundWebIdentityFederation")["IssuerIdentifier"]
    assert NAME.fullmatch(issuer)
    assert world.call("GetOutboundWebIdentityFederationInfo") == {"IssuerIdentifier": issuer, "JwtVendingEnabled": True}
    with refused("FeatureEnabled"):
        world.call("EnableOutboundWebIdentityFederation")


def test_the_issuer_stays_the_same_when_it_is_turned_off_and_on(world: World) -> None:
    first = world.call("EnableOutboundWebIdentityFederation")
    world.call("DisableOutboundWebIdentityFederation")
    assert find_enabled_issuer(world._context(None)) is None
    with refused("FeatureDisabled"):
        world.call("GetOutboundWebIdentityFederationInfo")
    assert world.call("EnableOutboundWebIdentityFederation") == first


def test_each_account_has_its_own(world: World) -> None:
    mine = world.call("EnableOutboundWebIdentityFederation")
    with refused("FeatureDisabled"):
        world.call("GetOutboundWebIdentityFederationInfo", by=world.root(OTHER))
    assert world.call("EnableOutboundWebIdentityFederation", by=world.root(OTHER)) != mine
