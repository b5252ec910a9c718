"""GET /issuers/…: what those need who trust our identity tokens: each issuer's discovery document and public keys. Signs nothing."""

from __future__ import annotations

import re

from daypass.passes import identity_token
from daypass.values.request import Response
from daypass.way.context import Node

PREFIX = identity_token.ISSUERS.encode()
_PATH = re.compile(rb"/issuers/([0-9a-f-]{36})/\.well-known/(openid-configuration|jwks\.json)")
_JSON = ((b"content-type", b"application/json"),)


def issuer_document(node: Node, raw_path: bytes) -> Response:
    """The document at `raw_path`; 404 for an issuer that is not there or turned off."""
    found = _PATH.fullmatch(raw_path)
    if found is not None:
        name = found[1].decode("ascii")
        with node.store.reading():
            issuer = node.snapshot.issuer_named(name)
        if issuer is not None and issuer.enabled:
            url = f"{node.rules.url}{identity_token.ISSUERS}{name}"
            if found[2] == b"jwks.json":
                return Response(200, _JSON, issuer.keys.encode("ascii"))
            return Response(200, _JSON, identity_token.discovery(url, f"{url}/.well-known/jwks.json"))
    return Response(404, _JSON, b"{}")
