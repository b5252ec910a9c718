"""Guard rail: permission to pass any role. Whoever may hand a service every role may do what the mightiest of them may."""

from __future__ import annotations

from daypass.policy.document import Statement
from daypass.policy.rails.bound import covers
from daypass.policy.rails.rail import Rail
from daypass.values.folding import fold

_ALL_OF_IAM = ("*", "iam:*")  # who has these needs no role passed


def _find(statement: Statement, account: str) -> str | None:
    if statement.effect == "Deny" or not covers(statement, "iam:passrole"):
        return None
    if not statement.not_action and any(fold(action) in _ALL_OF_IAM for action in statement.actions):
        return None
    if statement.not_resource or any(_is_every_role(resource) for resource in statement.resources):
        return (
            "It allows iam:PassRole on every role. Name the roles, "
            f'"Resource": "arn:aws:iam::{account}:role/NAME", and their service, "StringEquals": {{"iam:PassedToService": "…"}}.'
        )
    return None


def _is_every_role(resource: str) -> bool:
    return resource == "*" or resource.endswith((":*", ":role/*", ":role*"))  # in whatever account


PASS_ROLE = Rail(
    name="pass-role",
    about="`iam:PassRole` on every role",
    kinds=frozenset({"identity"}),
    default="warn",
    aws="off",
    find=_find,
)
