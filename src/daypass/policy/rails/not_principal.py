"""Guard rail: an allow of all but some. It lets in every account of the world, and the anonymous, and everybody who is made later."""

from __future__ import annotations

from daypass.policy.document import Statement
from daypass.policy.rails.rail import Rail


def _find(statement: Statement, account: str) -> str | None:
    if not statement.not_principal or statement.effect == "Deny":
        return None
    return (
        "It allows everybody but those it lists: every other account, and requests without a signature. Name in Principal whom you mean, "
        'and keep the others out by a Deny of "*" with a condition on aws:PrincipalArn.'
    )


# IAM User Guide, "NotPrincipal": not to be used with Allow; IAM Access Analyzer's check "Allow with NotPrincipal" warns of it
NOT_PRINCIPAL = Rail(
    name="not-principal",
    about="`NotPrincipal` with `Allow`",
    kinds=frozenset({"resource"}),
    default="warn",
    aws="off",
    find=_find,
)
