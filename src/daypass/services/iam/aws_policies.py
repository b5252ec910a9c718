"""AWS's own managed policies as records like any other, owned by the account "aws". Their texts are policy/managed's."""

from __future__ import annotations

from daypass.policy.managed import MANAGED
from daypass.store.records import ManagedPolicy, PolicyVersion

AWS = "aws"  # the account in the ARNs of AWS's policies

AWS_POLICIES: dict[str, ManagedPolicy] = {
    arn: ManagedPolicy(
        id=text.id,
        account=AWS,
        created=text.created,
        updated=text.updated,
        name=text.name,
        path=text.path,
        description=text.description,
        versions=(PolicyVersion(id=text.version, document=text.document, created=text.updated),),
        default=text.version,
        next_version=int(text.version.removeprefix("v")) + 1,
    )
    for arn, text in MANAGED.items()
}
