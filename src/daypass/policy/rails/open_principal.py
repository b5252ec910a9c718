"""Guard rail: `Principal: *` that no condition narrows. Anyone with credentials of any account could come."""

from __future__ import annotations

import re

from daypass.policy.document import Statement
from daypass.policy.principal import EVERYONE
from daypass.policy.rails.bound import WHOLE, is_bound
from daypass.policy.rails.rail import Rail
from daypass.values.folding import fold

# Keys that say who or whence, and how far a value must be fixed to say it (IAM User Guide, "AWS global condition context keys").
_ARN = re.compile(r"arn:[^:\0]+:[^:\0]+:[^:\0]*:[0-9]{12}:|arn:aws:s3:::[^\0]+\0")  # of one account; buckets have no account in theirs
_PATH = re.compile(r"o-[a-z0-9]+/")
_WHO = {
    **dict.fromkeys(
        (
            "aws:principalaccount", "aws:principalorgid", "aws:username", "aws:principalservicename", "aws:sourceaccount",
            "aws:sourceorgid", "aws:sourcevpc", "aws:sourcevpce", "sts:externalid",
        ),
        WHOLE,
    ),
    **dict.fromkeys(("aws:principalarn", "aws:sourcearn"), _ARN),
    **dict.fromkeys(("aws:principalorgpaths", "aws:sourceorgpaths"), _PATH),
    **dict.fromkeys(("aws:sourceip", "aws:vpcsourceip"), re.compile(r"[^\0]")),
    "aws:userid": re.compile(r"[^:\0]+[:\0]"),
}  # fmt: skip
_PRINCIPAL_TAG = "aws:principaltag/"


def _find(statement: Statement, account: str) -> str | None:
    if statement.effect == "Deny" or ("AWS", EVERYONE) not in (statement.principals or ()) or statement.not_principal:
        return None
    tags = {fold(key) for keys in statement.condition.values() for key in keys if fold(key).startswith(_PRINCIPAL_TAG)}
    if is_bound(statement, _WHO | dict.fromkeys(tags, WHOLE)):
        return None
    return (
        'Principal "*" is everyone, and no condition says whom you mean. Name the principals, or add a condition such as '
        '"StringEquals": {"aws:PrincipalOrgID": "o-…"}.'
    )


OPEN_PRINCIPAL = Rail(
    name="open-principal",
    about='`Principal: "*"` without a condition on who or whence the caller is',
    kinds=frozenset({"trust", "resource"}),
    default="refuse",
    aws="off",
    find=_find,
)
