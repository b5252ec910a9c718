"""Derives and remembers signing keys (SigV4). Does not decide whose secret is used, nor verify.

Source: IAM User Guide, "Create a signed AWS API request", step 3. Hash: RFC 2104.
"""

from __future__ import annotations

import hmac

from daypass.values.caller import SigV4Claim
from daypass.values.mac import Mac
from daypass.values.secret import Secret

MAX_KEYS = 20_000  # ours: about 10 MB; a key is used by its owner for a day, a region and a service


def derive(secret: Secret, date: str, region: str, service: str) -> Mac:
    """The signing key of `secret` for one day, region and service."""
    key = hmac.digest(b"AWS4" + secret.reveal(), date.encode("ascii"), "sha256")
    for part in (region, service, "aws4_request"):
        key = hmac.digest(key, part.encode("ascii"), "sha256")
    return Mac(key)


class SigningKeys:
    """A bounded memory of derived keys, oldest out first. An entry is good only for the very secret that it was derived from.

    `forget` is tidiness: a key that is deleted or inactive is refused before its signature is looked at.

    INVARIANT: only keys that have verified a signature get in, so that strangers cannot push others' keys out.
    """

    def __init__(self, limit: int = MAX_KEYS) -> None:
        self._limit = limit
        self._keys: dict[tuple[str, str, str, str], tuple[Secret, Mac]] = {}
        self._scopes: dict[str, set[tuple[str, str, str, str]]] = {}

    def find(self, claim: SigV4Claim, secret: Secret) -> Mac | None:
        """The key remembered for the claim's scope, or None; never one that another secret made."""
        entry = self._keys.get((claim.key_id, claim.date, claim.region, claim.service))
        return entry[1] if entry is not None and (entry[0] is secret or entry[0] == secret) else None

    def remember(self, claim: SigV4Claim, secret: Secret, key: Mac) -> None:
        """Keep `key`, which has just verified a signature, for the claim's scope."""
        while len(self._keys) >= self._limit:
            self._drop(next(iter(self._keys)))
        scope = (claim.key_id, claim.date, claim.region, claim.service)
        self._keys[scope] = (secret, key)
        self._scopes.setdefault(claim.key_id, set()).add(scope)

    def forget(self, key_id: str) -> None:
        """Drop every key derived for `key_id`."""
        for scope in tuple(self._scopes.get(key_id, ())):
            self._drop(scope)

    def __len__(self) -> int:
        return len(self._keys)

    def _drop(self, scope: tuple[str, str, str, str]) -> None:
        self._keys.pop(scope, None)
        scopes = self._scopes.get(scope[0], set())
        scopes.discard(scope)
        if not scopes:
            self._scopes.pop(scope[0], None)
