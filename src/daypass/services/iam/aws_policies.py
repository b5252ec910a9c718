"""AWS's own managed policies as records like any other, owned by the account "aws". Their texts are policy/managed's."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from daypass.policy.managed import ManagedText, managed_policies, managed_policy
from daypass.store.records import ManagedPolicy, PolicyVersion

AWS: Final = "aws"  # the account in the ARNs of AWS's policies
_MAX_RECORDS = 64  # kept with their documents


class AwsPolicies:
    """AWS's policies; all look-ups go through here, so that a document is only read when its policy is asked for by name."""

    def get(self, arn: str) -> ManagedPolicy | None:
        """The policy of this ARN with its document, or None."""
        return _record(arn)

    def values(self) -> tuple[ManagedPolicy, ...]:
        """All of them for lists, sorted by name: without versions, so that no document is read."""
        return _listed()


AWS_POLICIES: Final = AwsPolicies()


@lru_cache(_MAX_RECORDS)
def _record(arn: str) -> ManagedPolicy | None:
    text = managed_policy(arn)
    return None if text is None else _of(text, (PolicyVersion(id=text.version, document=text.document, created=text.updated),))


@lru_cache(maxsize=1)
def _listed() -> tuple[ManagedPolicy, ...]:
    return tuple(_of(text, ()) for text in managed_policies().values())


def _of(text: ManagedText, versions: tuple[PolicyVersion, ...]) -> ManagedPolicy:
    return ManagedPolicy(
        id=text.id,
        account=AWS,
        created=text.created,
        updated=text.updated,
        name=text.name,
        path=text.path,
        description="",
        versions=versions,
        default=text.version,
        next_version=int(text.version.removeprefix("v")) + 1,
    )
