"""Policy documents as they come in: their size, then their grammar (policy/ knows it). Stores nothing."""

from __future__ import annotations

from daypass import policy
from daypass.services.iam import quotas
from daypass.values.errors import Refusal

_WHITE_SPACE = {ord(character): None for character in " \t\r\n"}


def weight(text: str) -> int:
    """The size that quotas count: characters that are not white space."""
    return len(text.translate(_WHITE_SPACE))


def check_managed(text: str) -> None:
    """Raise LimitExceeded or MalformedPolicyDocument unless `text` can be a version of a managed policy."""
    quotas.within("PolicySize", quotas.POLICY_SIZE, weight(text))
    read_document(text, "identity")


def read_document(text: str, kind: policy.Kind) -> policy.Policy:
    """The policy that `text` says. Raises MalformedPolicyDocument with AWS's text."""
    try:
        return policy.read_policy(text, kind)
    except policy.PolicyError as error:
        raise Refusal("MalformedPolicyDocument", str(error)) from None
