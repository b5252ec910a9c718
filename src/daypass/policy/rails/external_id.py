"""Guard rail: trust in another account without an external id. A third party could be led to use it for others (confused deputy)."""

from __future__ import annotations

import re

from daypass.policy.document import Statement
from daypass.policy.principal import EVERYONE
from daypass.policy.rails.bound import WHOLE, covers, is_bound
from daypass.policy.rails.rail import Rail
from daypass.values.arn import read_arn
from daypass.values.ids import is_account_id

# One's own organization is no third party (IAM User Guide, "Access to AWS accounts owned by third parties").
_ENOUGH = {"sts:externalid": WHOLE, "aws:principalorgid": WHOLE, "aws:principalorgpaths": re.compile(r"o-[a-z0-9]+/")}


def _find(statement: Statement, account: str) -> str | None:
    if statement.effect == "Deny" or not covers(statement, "sts:assumerole") or is_bound(statement, _ENOUGH):
        return None
    for kind, value in sorted(statement.principals or ()):
        if kind == "AWS" and value != EVERYONE and _account_of(value) not in ("", account):
            return (
                f"It trusts {value} of another account without an external id. When that is a third party, agree on one with it and add "
                '"StringEquals": {"sts:ExternalId": "…"}; when it is yours, "StringEquals": {"aws:PrincipalOrgID": "o-…"}.'
            )
    return None


def _account_of(principal: str) -> str:
    """The account that a principal names; "" for a bare unique id."""
    if is_account_id(principal):
        return principal
    arn = read_arn(principal)
    return arn.account if arn else ""


EXTERNAL_ID = Rail(
    name="external-id",
    about="trust in another account without a condition on `sts:ExternalId` or `aws:PrincipalOrgID`",
    kinds=frozenset({"trust"}),
    default="warn",
    aws="off",
    find=_find,
)
