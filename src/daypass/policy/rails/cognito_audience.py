"""Guard rail: trust in Cognito identities that is not held to one identity pool. Anyone may make a pool (CVE-2024-28056)."""

from __future__ import annotations

from daypass.policy.document import Statement
from daypass.policy.rails.bound import WHOLE, covers, is_bound
from daypass.policy.rails.federated import hosts
from daypass.policy.rails.rail import Rail

_COGNITO = "cognito-identity.amazonaws.com"
_AUDIENCE = {f"{_COGNITO}:aud": WHOLE}


def _find(statement: Statement, account: str) -> str | None:
    if statement.effect == "Deny" or _COGNITO not in hosts(statement) or not covers(statement, "sts:assumerolewithwebidentity"):
        return None
    if is_bound(statement, _AUDIENCE):
        return None
    return (
        "It trusts every Cognito identity pool there is. Name yours with the condition "
        f'"StringEquals": {{"{_COGNITO}:aud": "REGION:POOL-ID"}}.'
    )


COGNITO_AUDIENCE = Rail(
    name="cognito-audience",
    about=f"trust in `{_COGNITO}` without a condition that names the identity pool (`aud`)",
    kinds=frozenset({"trust"}),
    default="refuse",
    aws="refuse",
    find=_find,
    at_use=True,
)
