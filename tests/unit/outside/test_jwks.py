"""The memory of providers' keys: fresh, stale, paused, single flight, bounded (H43, F-15, F-16), and discovery over real HTTPS."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from daypass.outside import https
from daypass.outside.jwks import FRESH, PAUSE, STALE, FetchSettings, KeyFetcher
from daypass.values.errors import ConfigError, Refusal
from rig.idp import DISCOVERY, JWKS, Idp, json_answer, public_jwk
from unit.proof.keys import private_key
from unit.proof.tokens import ISSUER, NOW

SECOND = timedelta(seconds=1)
DOCUMENT = ISSUER + DISCOVERY
KEYS = "https://keys.example.com/jwks"


class FakeWeb:
    """Stands for https.get: answers from `pages`, counts, and fails when told to."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {
            DOCUMENT: {"issuer": ISSUER, "jwks_uri": KEYS},
            KEYS: {"keys": [public_jwk(private_key("rsa"), kid="k")]},
        }
        self.cache_control = ""
        self.failure: Exception | None = None
        self.asked: list[str] = []

    def get(self, url: str, **_: Any) -> https.Answer:
        self.asked.append(url)
        if self.failure:
            raise self.failure
        page = self.pages[url]
        return https.Answer(page if isinstance(page, bytes) else json.dumps(page).encode(), self.cache_control)

    @property
    def fetches(self) -> int:
        return self.asked.count(DOCUMENT)


@pytest.fixture
def web() -> FakeWeb:
    return FakeWeb()


@pytest.fixture
def fetcher(web: FakeWeb) -> KeyFetcher:
    return KeyFetcher(FetchSettings(), get=web.get)


def refused(fetcher: KeyFetcher, now: Any = NOW) -> Refusal:
    with pytest.raises(Refusal) as caught:
        fetcher.fetch(ISSUER, now)
    return caught.value


def test_nothing_is_known_before_a_fetch(fetcher: KeyFetcher) -> None:
    assert fetcher.cached(ISSUER, "k", NOW) is None


def test_fetched_keys_are_fresh_for_ten_minutes(fetcher: KeyFetcher, web: FakeWeb) -> None:
    keys = fetcher.fetch(ISSUER, NOW)
    assert web.asked == [DOCUMENT, KEYS] and keys.knows("k")
    for later in (timedelta(0), FRESH - SECOND):
        assert fetcher.cached(ISSUER, "k", NOW + later) is keys
        assert fetcher.cached(ISSUER, None, NOW + later) is keys
    assert fetcher.cached(ISSUER, "k", NOW + FRESH) is None


def test_a_fetch_that_a_slightly_later_request_made_is_seen(fetcher: KeyFetcher, web: FakeWeb) -> None:
    keys = fetcher.fetch(ISSUER, NOW + SECOND)
    assert fetcher.cached(ISSUER, "k", NOW) is keys
    assert fetcher.fetch(ISSUER, NOW) is keys and web.fetches == 1


def test_a_clock_set_back_far_makes_keys_old(fetcher: KeyFetcher) -> None:
    fetcher.fetch(ISSUER, NOW)
    assert fetcher.cached(ISSUER, "k", NOW - timedelta(days=1)) is None


@pytest.mark.parametrize(
    ("header", "fresh"),
    [
        ("max-age=60", timedelta(seconds=60)),
        ("public, max-age=120, must-revalidate", timedelta(seconds=120)),
        ("max-age=0", PAUSE),
        ("max-age=1", PAUSE),
        ("max-age=86400", FRESH),
        ("max-age=99999999999", FRESH),
        ("s-max-age=60", FRESH),
        ("max-age=٣٣", FRESH),
        ("max-age=junk", FRESH),
        ("no-cache", FRESH),
    ],
)
def test_max_age_within_bounds(fetcher: KeyFetcher, web: FakeWeb, header: str, fresh: timedelta) -> None:
    web.cache_control = header
    fetcher.fetch(ISSUER, NOW)
    assert fetcher.cached(ISSUER, "k", NOW + fresh - SECOND) is not None
    assert fetcher.cached(ISSUER, "k", NOW + fresh) is None


def test_an_unknown_key_id_is_a_reason_to_fetch_once_in_thirty_seconds(fetcher: KeyFetcher, web: FakeWeb) -> None:
    fetcher.fetch(ISSUER, NOW)
    for number in range(100):
        assert fetcher.cached(ISSUER, f"random-{number}", NOW + PAUSE - SECOND) is not None
    assert fetcher.cached(ISSUER, "k", NOW + PAUSE) is not None
    assert fetcher.cached(ISSUER, "new", NOW + PAUSE) is None
    web.pages[KEYS] = {"keys": [public_jwk(private_key("rsa-2"), kid="new")]}
    fetcher.fetch(ISSUER, NOW + PAUSE)
    keys = fetcher.cached(ISSUER, "new", NOW + PAUSE)
    assert keys is not None and keys.knows("new") and not keys.knows("k")
    assert web.fetches == 2


def test_fetches_of_one_issuer_are_thirty_seconds_apart(fetcher: KeyFetcher, web: FakeWeb) -> None:
    keys = fetcher.fetch(ISSUER, NOW)
    assert fetcher.fetch(ISSUER, NOW + PAUSE - SECOND) is keys and web.fetches == 1
    assert fetcher.fetch(ISSUER, NOW + PAUSE) is not keys and web.fetches == 2


# The provider is away (F-15)


def test_known_keys_serve_on_for_a_day(fetcher: KeyFetcher, web: FakeWeb) -> None:
    keys = fetcher.fetch(ISSUER, NOW)
    web.failure = https.NoAnswer("down")
    for later in (FRESH, timedelta(hours=1), STALE - SECOND):
        now = NOW + later
        assert fetcher.cached(ISSUER, "k", now) is None
        assert fetcher.fetch(ISSUER, now) is keys
        assert fetcher.cached(ISSUER, "k", now) is keys
        assert fetcher.cached(ISSUER, "k", now + min(PAUSE, NOW + STALE - now) - SECOND) is keys
    assert fetcher.cached(ISSUER, "k", NOW + STALE) is None
    assert refused(fetcher, NOW + STALE + PAUSE).code == "IDPCommunicationError"


def test_an_absent_provider_is_not_stormed(fetcher: KeyFetcher, web: FakeWeb) -> None:
    web.failure = https.NoAnswer("down")
    for _ in range(50):
        assert refused(fetcher).private == "down"
    assert web.fetches == 1
    assert refused(fetcher, NOW + PAUSE).code == "IDPCommunicationError" and web.fetches == 2
    web.failure = None
    assert fetcher.fetch(ISSUER, NOW + 2 * PAUSE).knows("k")


@pytest.mark.parametrize(
    ("page", "answer"),
    [
        (DOCUMENT, b"not json"),
        (DOCUMENT, []),
        (DOCUMENT, {}),
        (DOCUMENT, {"issuer": ISSUER}),
        (DOCUMENT, {"issuer": ISSUER, "jwks_uri": 1}),
        (DOCUMENT, {"issuer": ISSUER + "/", "jwks_uri": KEYS}),
        (DOCUMENT, {"issuer": ISSUER.upper(), "jwks_uri": KEYS}),
        (DOCUMENT, {"issuer": [ISSUER], "jwks_uri": KEYS}),
        (DOCUMENT, {"jwks_uri": KEYS}),
        (DOCUMENT, b'{"issuer":"x","issuer":"' + ISSUER.encode() + b'","jwks_uri":"' + KEYS.encode() + b'"}'),
        (KEYS, b"not json"),
        (KEYS, {"keys": {}}),
        (KEYS, []),
    ],
)
def test_an_answer_that_is_not_acceptable(fetcher: KeyFetcher, web: FakeWeb, page: str, answer: Any) -> None:
    web.pages[page] = answer
    refusal = refused(fetcher)
    assert refusal.code == "InvalidIdentityToken"
    assert refusal.message.startswith("Couldn't retrieve verification key from your identity provider")


def test_an_address_that_may_not_be_asked(fetcher: KeyFetcher, web: FakeWeb) -> None:
    web.failure = https.NotAllowed("leads to 10.0.0.1")
    refusal = refused(fetcher)
    assert (refusal.code, refusal.private) == ("InvalidIdentityToken", "leads to 10.0.0.1")
    assert "10.0.0.1" not in refusal.message


def test_a_poisoned_answer_does_not_replace_known_keys(fetcher: KeyFetcher, web: FakeWeb) -> None:
    keys = fetcher.fetch(ISSUER, NOW)
    web.pages[KEYS] = b"{}"
    assert fetcher.fetch(ISSUER, NOW + FRESH) is keys


def test_an_empty_key_set_is_an_answer(fetcher: KeyFetcher, web: FakeWeb) -> None:
    fetcher.fetch(ISSUER, NOW)
    web.pages[KEYS] = {"keys": []}
    assert len(fetcher.fetch(ISSUER, NOW + PAUSE)) == 0


def test_a_trailing_slash_of_the_issuer_is_not_doubled(fetcher: KeyFetcher, web: FakeWeb) -> None:
    web.pages[DOCUMENT] = {"issuer": ISSUER + "/", "jwks_uri": KEYS}
    assert fetcher.fetch(ISSUER + "/", NOW).knows("k")


def test_one_flight_at_a_time() -> None:
    web, entered, go_on = FakeWeb(), threading.Event(), threading.Event()

    def slow(url: str, **how: Any) -> https.Answer:
        entered.set()
        assert go_on.wait(10)
        return web.get(url, **how)

    fetcher = KeyFetcher(FetchSettings(), get=slow)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(fetcher.fetch(ISSUER, NOW))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    assert fetcher.cached(ISSUER, "k", NOW) is None  # does not wait for the flight
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8 and len(set(map(id, found))) == 1 and web.fetches == 1


def test_issuers_are_bounded(monkeypatch: pytest.MonkeyPatch, web: FakeWeb, fetcher: KeyFetcher) -> None:
    monkeypatch.setattr("daypass.outside.jwks.MAX_ISSUERS", 3)
    for number in range(5):
        issuer = f"https://i{number}.example"
        web.pages[issuer + DISCOVERY] = {"issuer": issuer, "jwks_uri": KEYS}
        fetcher.fetch(issuer, NOW)
    kept = [fetcher.cached(f"https://i{number}.example", "k", NOW) is not None for number in range(5)]
    assert kept == [False, False, True, True, True]


# Settings


def test_settings_that_cannot_be_used(tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match="CIDR"):
        KeyFetcher(FetchSettings(networks=("10.0.0.1/8",)))
    with pytest.raises(ConfigError, match="CA file"):
        KeyFetcher(FetchSettings(ca_file=str(tmp_path / "absent.pem")))
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    with pytest.raises(ConfigError, match="CA file"):
        KeyFetcher(FetchSettings(ca_file=str(junk)))


# Over real HTTPS


def allowed(idp: Idp) -> KeyFetcher:
    return KeyFetcher(FetchSettings(networks=("127.0.0.0/8",), ca_file=str(idp.ca_file)))


def test_a_real_issuer(idp: Idp) -> None:
    idp.reset()
    keys = allowed(idp).fetch(idp.issuer("/team"), NOW)
    assert keys.knows("rsa-1") and keys.knows("ec-1")
    assert dict(idp.hits) == {"/team" + DISCOVERY: 1, "/team" + JWKS: 1}


def test_loopback_is_not_asked_unless_the_operator_allows_it(idp: Idp) -> None:
    idp.reset()
    fetcher = KeyFetcher(FetchSettings(ca_file=str(idp.ca_file)))
    with pytest.raises(Refusal, match="InvalidIdentityToken"):
        fetcher.fetch(idp.url, NOW)
    assert not idp.hits


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1/jwks", "https://169.254.169.254/latest", "file:///etc/passwd", "https://127.0.0.1@10.0.0.1/"]
)
def test_a_discovery_document_cannot_send_us_elsewhere(idp: Idp, target: str) -> None:
    idp.reset()
    idp.misbehave(DISCOVERY, json_answer({"issuer": idp.url, "jwks_uri": target}))
    with pytest.raises(Refusal, match="InvalidIdentityToken"):
        allowed(idp).fetch(idp.url, NOW)
    assert set(idp.hits) == {DISCOVERY}
    idp.reset()


def test_a_redirect_is_not_followed(idp: Idp) -> None:
    idp.reset()
    idp.redirect(JWKS, idp.url + "/elsewhere")
    with pytest.raises(Refusal, match="IDPCommunicationError"):
        allowed(idp).fetch(idp.url, NOW)
    assert "/elsewhere" not in idp.hits
    idp.reset()
