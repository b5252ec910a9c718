"""The identity provider as it fails (F-15, F-16, F-17): away, slow, with new keys, with a wrong clock. In process, before a real issuer;
unit/outside/test_jwks.py has the fetching by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daypass.outside.jwks import FRESH, PAUSE, STALE, FetchSettings, KeyFetcher
from rig.idp import DISCOVERY, JWKS, Idp
from rig.node import Keys, Refused
from unit.way.town import Town, trust

SECOND = timedelta(seconds=1)


@pytest.fixture
def issuer(idp: Idp) -> Iterator[Idp]:
    idp.reset()
    yield idp
    idp.reset()


class Shop(Town):
    """A town that knows the issuer and reads its keys by itself."""

    def __init__(self, folder: Path, idp: Idp) -> None:
        super().__init__(folder)
        self.idp = idp
        self.it.node.fetcher = KeyFetcher(FetchSettings(networks=("127.0.0.0/8",), ca_file=str(idp.ca_file)))
        made = self.iam("CreateOpenIDConnectProvider", Url=idp.url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[])
        named = {"Federated": made["OpenIDConnectProviderArn"]}
        condition = {"StringEquals": {f"{idp.name}:sub": "repo:acme/app", f"{idp.name}:aud": "sts.amazonaws.com"}}
        self.arn = self.role("job", trust(named, "sts:AssumeRoleWithWebIdentity", Condition=condition))

    def log_in(self, **token: Any) -> Keys:
        """A session from a token that is made now."""
        claims = self.idp.claims(now=self.it.now + token.pop("skew", timedelta()))
        return Keys.of(self.web(self.arn, self.idp.token(claims, **token))["Credentials"])

    def refused(self, **token: Any) -> Refused:
        with pytest.raises(Refused) as error:
            self.log_in(**token)
        return error.value


@pytest.fixture
def shop(tmp_path: Path, issuer: Idp) -> Iterator[Shop]:
    made = Shop(tmp_path / "town", issuer)
    yield made
    made.it.close()


@pytest.mark.parametrize("page", [DISCOVERY, JWKS])
def test_F15_an_issuer_that_fails(shop: Shop, page: str) -> None:
    """Known keys serve for a day, sessions do not notice; then logging in says what is wrong; nobody storms it; it comes back alone."""
    held = shop.log_in()
    shop.idp.misbehave(page, (500, {}, b"down"))
    shop.it.now += FRESH
    later = shop.log_in()
    asked = sum(shop.idp.hits.values())
    for _ in range(10):
        shop.log_in()
    assert sum(shop.idp.hits.values()) == asked  # within the pause nobody asks again
    assert shop.sts("GetCallerIdentity", held)["Arn"] != shop.sts("GetCallerIdentity", shop.operator)["Arn"]
    assert shop.sts("GetCallerIdentity", later)
    shop.it.pass_time(seconds=STALE.total_seconds())
    before, users = shop.it.node.ledger.head.seq, len(shop.it.store.snapshot.users)
    error = shop.refused()
    assert (error.code, error.status) == ("IDPCommunicationError", 400)
    assert b"SecretAccessKey" not in error.answer.response.body
    assert (shop.it.node.ledger.head.seq, len(shop.it.store.snapshot.users)) == (before + 1, users)
    shop.idp.behaviours.clear()
    shop.it.now += PAUSE
    assert shop.log_in()


def test_F02_each_fetch_that_fails_makes_nothing(shop: Shop) -> None:
    """The k-th call outside, k = 1, 2: an error of the API's own, no pass; the same token is good when the issuer answers."""
    for page in (DISCOVERY, JWKS):
        shop.idp.misbehave(page, (503, {}, b""))
        assert shop.refused().code == "IDPCommunicationError"
        shop.idp.behaviours.clear()
        shop.it.now += PAUSE
    assert shop.log_in()


def test_F16_a_planned_rotation_is_followed_at_once(shop: Shop) -> None:
    """A new key beside the old one: unknown for one fetch, which half a minute may not repeat."""
    shop.log_in()
    old = dict(shop.idp.keys)
    shop.idp.rotate("rsa-2")
    shop.idp.keys |= old
    shop.it.now += PAUSE
    fetched = shop.idp.hits[JWKS]
    assert shop.log_in(key_id="rsa-2")
    assert shop.log_in()  # the old key still signs
    assert shop.idp.hits[JWKS] == fetched + 1
    for number in range(10):  # ids that nobody has
        assert shop.refused(header={"kid": f"none-{number}"}).code == "InvalidIdentityToken"
    assert shop.idp.hits[JWKS] == fetched + 1


def test_F16_a_key_that_was_withdrawn_stops_within_ten_minutes(shop: Shop) -> None:
    """An emergency: also when the new key bears the name of the stolen one."""
    shop.log_in()
    stolen = shop.idp.keys["rsa-1"]
    shop.idp.rotate("rsa-1")
    shop.it.now += FRESH
    assert shop.refused(key=stolen).code == "InvalidIdentityToken"
    assert shop.log_in()


@pytest.mark.parametrize(
    ("skew", "code", "words"),
    [
        (timedelta(minutes=10), "InvalidIdentityToken", "issued in the future"),
        (timedelta(minutes=5) + SECOND, "InvalidIdentityToken", "issued in the future"),
        (timedelta(minutes=-10), "ExpiredTokenException", "expired"),
    ],
)
def test_F17_a_clock_of_the_issuer_that_is_wrong(shop: Shop, skew: timedelta, code: str, words: str) -> None:
    """The answer names what is wrong with the time; a clock that is five minutes ahead is taken."""
    error = shop.refused(skew=skew)
    assert error.code == code
    assert words in error.message.lower()
    assert shop.log_in(skew=timedelta(minutes=5))
