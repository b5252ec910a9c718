"""Guard rails: trust in a CI service that is not held to one's own jobs, for want of a condition or by a pattern that is too wide.

Attack row C26. The first is what AWS refuses at write since June 2025, for shared issuers (IAM User Guide, "Identity-provider controls for
shared OIDC providers", whose list has a few that issuers.py has not). An issuer that is one customer's own is a lesser danger, so that a
missing condition counts as a pattern that is too wide.
"""

from __future__ import annotations

from collections.abc import Iterator

from daypass.policy.document import Statement
from daypass.policy.rails.bound import bound_values, covers
from daypass.policy.rails.federated import hosts
from daypass.policy.rails.issuers import Issuer, find_issuer
from daypass.policy.rails.rail import Rail
from daypass.values.folding import fold


def _trusted(statement: Statement) -> Iterator[tuple[Issuer, str, list[tuple[str, tuple[str, ...]]]]]:
    """Each CI service that is trusted, its host, and what the conditions hold its claims to."""
    if statement.effect == "Allow" and covers(statement, "sts:assumerolewithwebidentity"):
        for host in hosts(statement):
            if (issuer := find_issuer(host)) is not None:
                keys = {fold(f"{host}:{claim}"): claim for claim in issuer.claims}
                yield issuer, host, [(keys[key], values) for key, values in bound_values(statement, keys)]


def _find_missing(statement: Statement, account: str) -> str | None:
    for issuer, host, held in _trusted(statement):
        if not held and host == issuer.shared:
            return (
                f"It trusts every job that {issuer.name} runs, whoever's it is. "
                f'Add the condition "StringLike": {{"{host}:sub": "{issuer.example}"}}.'
            )
    return None


def _find_wide(statement: Statement, account: str) -> str | None:
    for issuer, host, held in _trusted(statement):
        if any(all(issuer.claims[claim].match(value) for value in values) for claim, values in held):
            continue
        if held:
            return (
                f"The pattern for {host}:sub is open before it names {issuer.whose} of {issuer.name}, so that others' jobs fit as well "
                f'(a name is only whole with the separator behind it). Write it like "{issuer.example}".'
            )
        if host != issuer.shared:
            return (
                f"It trusts every job under this issuer of {issuer.name}. "
                f'Add the condition "StringLike": {{"{host}:sub": "{issuer.example}"}}.'
            )
    return None


CI_SUBJECT = Rail(
    name="ci-subject",
    about="trust in an issuer that all customers of a CI service share, without a condition on whose job it is (`sub`)",
    kinds=frozenset({"trust"}),
    default="refuse",
    aws="refuse",
    find=_find_missing,
)
CI_PATTERN = Rail(
    name="ci-pattern",
    about="trust in a CI service by a pattern that others fit as well (`repo:acme*`: also `repo:acme-evil/x`), or in all of an own issuer",
    kinds=frozenset({"trust"}),
    default="refuse",
    aws="off",
    find=_find_wide,
)
