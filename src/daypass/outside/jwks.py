"""Fetches and remembers the public keys of OpenID Connect providers. Does not verify tokens or decide which providers are known.

Source: OpenID Connect Discovery §4; fact sheet A §3.10, §10.12; attack rows H42, H43; fault F-15.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daypass.outside import https
from daypass.proof.jose import KeySet, NotJson, read_json_object, read_jwks
from daypass.proof.jwt import NO_KEY
from daypass.values.errors import ConfigError, Refusal

FRESH = timedelta(minutes=10)  # fact sheet A §10.12; a key that its provider removed is refused after this
STALE = timedelta(hours=24)  # how long known keys serve while the provider is away (F-15)
PAUSE = timedelta(seconds=30)  # between two fetches from one provider, whatever the reason (H43)
MAX_ISSUERS = 1000

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=([0-9]{1,9})(?:$|[\s,])", re.ASCII)


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """What the operator allows: `networks` (CIDR) may be asked although they are not public, `ca_file` (PEM) is trusted beside the
    system's authorities."""

    networks: tuple[str, ...] = ()
    ca_file: str = ""


@dataclass(slots=True)
class _Known:
    """What is known of one issuer. `tried` is the last attempt, `fetched` the last success, `fresh` how long that one counts as new."""

    flight: threading.Lock = field(default_factory=threading.Lock)
    keys: KeySet | None = None
    fetched: datetime | None = None
    fresh: timedelta = FRESH
    tried: datetime | None = None
    failure: Refusal | None = None

    def usable(self, now: datetime) -> KeySet | None:
        """The keys while they may still serve."""
        return self.keys if _within(self.fetched, now, STALE) else None


class KeyFetcher:
    """The keys of providers by issuer. `cached` never waits; `fetch` blocks for a few seconds at most and is for a thread of its own."""

    def __init__(self, settings: FetchSettings, get: Callable[..., https.Answer] = https.get) -> None:
        try:
            self._networks = tuple(ipaddress.ip_network(text) for text in settings.networks)
        except ValueError as error:
            raise ConfigError(f"identity provider network: {error}. Give networks as CIDR, like 10.0.0.0/8.") from error
        self._context = ssl.create_default_context()
        if settings.ca_file:
            try:
                self._context.load_verify_locations(settings.ca_file)
            except OSError as error:  # ssl.SSLError is one
                raise ConfigError(f"identity provider CA file {settings.ca_file}: {error}. It must hold PEM certificates.") from error
        self._get = get
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def cached(self, issuer: str, key_id: str | None, now: datetime) -> KeySet | None:
        """The keys of `issuer` when there is no reason to fetch, else None. A reason is: no keys, keys no longer fresh, an unknown
        `key_id`; but none is one within PAUSE after an attempt, as long as usable keys are there."""
        known = self._known.get(issuer)
        keys = known.usable(now) if known else None
        if known is None or keys is None:
            return None
        settled = _within(known.fetched, now, known.fresh) and keys.knows(key_id)
        return keys if settled or _within(known.tried, now, PAUSE) else None

    def fetch(self, issuer: str, now: datetime) -> KeySet:
        """Fetch the keys of `issuer`, at most once per PAUSE and never twice at a time; while the provider fails, those known serve on.

        Raises Refusal: IDPCommunicationError when it does not answer, InvalidIdentityToken when its answer is not acceptable.
        """
        known = self._of(issuer)
        with known.flight:
            if not _within(known.tried, now, PAUSE):
                self._try(issuer, known, now)
            keys = known.usable(now)
            if keys is None:
                failure = known.failure
                raise Refusal(failure.code, failure.message, private=failure.private) if failure else _unreachable("no keys")
            return keys

    def _of(self, issuer: str) -> _Known:
        with self._lock:
            if issuer not in self._known and len(self._known) >= MAX_ISSUERS:
                del self._known[next(iter(self._known))]
            return self._known.setdefault(issuer, _Known())

    def _try(self, issuer: str, known: _Known, now: datetime) -> None:
        known.tried = now
        try:
            keys, fresh = self._ask(issuer)
        except https.NoAnswer as error:
            known.failure = _unreachable(str(error))
        except (https.NotAllowed, NotJson) as error:
            known.failure = Refusal("InvalidIdentityToken", NO_KEY, private=str(error))
        else:
            known.keys, known.fetched, known.fresh, known.failure = keys, now, fresh, None

    def _ask(self, issuer: str) -> tuple[KeySet, timedelta]:
        """Discovery, then the key set (OpenID Connect Discovery §4.1-§4.3)."""
        discovery = self._request(issuer.removesuffix("/") + "/.well-known/openid-configuration")
        document = read_json_object(discovery.body)
        # INVARIANT: a provider speaks for its own issuer only, byte for byte
        if document.get("issuer") != issuer:
            raise NotJson(f"the discovery document is that of issuer {str(document.get('issuer'))[:200]!r}")
        address = document.get("jwks_uri")
        if not isinstance(address, str):
            raise NotJson("the discovery document names no jwks_uri")
        answer = self._request(address)
        return read_jwks(answer.body), _freshness(answer.cache_control)

    def _request(self, url: str) -> https.Answer:
        return self._get(url, context=self._context, allowed=self._networks)


def _within(since: datetime | None, now: datetime, span: timedelta) -> bool:
    """Whether `since` is less than `span` ago, or a moment ahead, as a request that began earlier sees a fetch that another one made."""
    return since is not None and -PAUSE < now - since < span


def _freshness(cache_control: str) -> timedelta:
    """What the provider asks for, but never longer than FRESH nor shorter than PAUSE."""
    match = _MAX_AGE.search(cache_control)
    return min(max(timedelta(seconds=int(match[1])), PAUSE), FRESH) if match else FRESH


def _unreachable(why: str) -> Refusal:
    return Refusal("IDPCommunicationError", "The identity provider could not be reached; please retry.", private=why)
