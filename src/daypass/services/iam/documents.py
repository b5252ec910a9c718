"""Policy documents as they come in: their size, their grammar (policy/ knows it), the guard rails. Stores nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass import policy
from daypass.services.iam import quotas
from daypass.services.rails import check_rails
from daypass.values.errors import Refusal

if TYPE_CHECKING:
    from daypass.way.context import Context

_WHITE_SPACE = {ord(character): None for character in " \t\r\n"}


def weight(text: str) -> int:
    """The size that quotas count: characters that are not white space."""
    return len(text.translate(_WHITE_SPACE))


def check_managed(ctx: Context, text: str) -> None:
    """Raise LimitExceeded or MalformedPolicyDocument unless `text` can be a version of a managed policy."""
    quotas.within("PolicySize", quotas.POLICY_SIZE, weight(text))
    if not read_document(ctx, text, "identity").document.variables:  # unlike an inline one, it is of the newest version
        raise Refusal("MalformedPolicyDocument", policy.OLD_VERSION)


def read_document(ctx: Context, text: str, kind: policy.Kind) -> policy.Policy:
    """The policy that `text` says. Raises MalformedPolicyDocument with AWS's text, or with the mend where a guard rail refuses it."""
    try:
        read = policy.read_policy(text, kind)
    except policy.PolicyError as error:
        raise Refusal("MalformedPolicyDocument", str(error)) from None
    check_rails(ctx, read)
    return read
