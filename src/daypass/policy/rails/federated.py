"""Which web identity issuers a statement trusts. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator

from daypass.policy.document import Statement

_PROVIDER = ":oidc-provider/"


def hosts(statement: Statement) -> Iterator[str]:
    """The issuers, host and path without scheme, of the statement's OIDC providers and built-in issuers; sorted."""
    for kind, value in sorted(statement.principals or ()):
        if kind == "Federated":
            arn, provider, host = value.partition(_PROVIDER)
            yield host if provider else arn
