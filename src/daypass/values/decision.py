"""Ask and Decision: the question that a policy answers, and its answer with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Values = str | tuple[str, ...]  # a str is a single-valued condition key, a tuple a multi-valued one

Layer = Literal["identity", "resource", "trust", "boundary", "session", "scp", "rcp", "none"]

# As AWS's sentences call them, and ours; what decided without a policy has no name.
LAYER_NAMES: Mapping[str, str] = {
    "identity": "identity-based policy",
    "resource": "resource-based policy",
    "trust": "role trust policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "scp": "service control policy",
    "rcp": "resource control policy",
}

# How a resource's own policy combines with the caller's (DESIGN §2.2, fact sheet A §5.6):
# "none": it has none · "either": same account, one of the two suffices · "must": it must allow, whatever the caller's policy says
Combine = Literal["none", "either", "must"]


@dataclass(slots=True)
class Ask:
    """May this caller do `action` on `resource`?

    `account` owns the resource. `context` holds the condition keys of this ask (lower-case name → value or values); the
    caller's and the request's own are added by way/facts.py. `policy` is the resource's own policy, compiled.
    """

    action: str
    resource: str
    account: str
    context: Mapping[str, Values] = field(default_factory=dict)
    combine: Combine = "none"
    policy: object | None = None  # a policy.Policy; `values` stands below the floor that defines it


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer: allowed or not, and why.

    `explicit` tells an explicit deny from a missing allow. `layer` is the layer that decided, `policy` and `statement` name the
    deciding policy (ARN or inline name) and its Sid or position, "" when nothing matched.
    """

    allowed: bool
    explicit: bool
    layer: Layer
    policy: str = ""
    statement: str = ""
