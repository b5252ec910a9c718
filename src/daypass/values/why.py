"""Why: the reasons of a refusal, small enough for a ledger line and a sealed message. Does not find them (policy/reasons.py does)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from daypass.values.decision import Layer

Element = Literal["Principal", "Resource", "Condition"]

# Whose policies a layer holds: the caller's account's, or those of the account that owns the resource (DESIGN §2.2)
OF_CALLER: frozenset[Layer] = frozenset({"identity", "boundary", "session", "scp"})
OF_RESOURCE: frozenset[Layer] = frozenset({"resource", "trust", "rcp"})


def is_of_owner(key: str) -> bool:
    """Whether a condition key tells of the resource what is its account's to know: its tags."""
    return key.partition(":")[2].startswith("resourcetag/")


@dataclass(frozen=True, slots=True)
class Failed:
    """What did not hold in a statement. For a condition `operator` and `key` are as the policy spells them.

    `expected` are the policy's values, `actual` the request's; None: the request has no such key.
    """

    element: Element
    operator: str = ""
    key: str = ""
    expected: tuple[str, ...] = ()
    actual: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Considered:
    """A statement that speaks of the action, by layer, policy (ARN or name) and Sid or position; it applied when none `failed`."""

    layer: Layer
    policy: str
    statement: str
    effect: Literal["Allow", "Deny"]
    failed: tuple[Failed, ...] = ()
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """The reasons of one refused ask of the request `request_id`. `layer` decided; `account` is the caller's, `owner` the resource's.

    `statements` are those that decided or came near, the deciding ones first; `omitted` counts those left out to keep it small. `context`
    holds what the operation stated of its ask, and what the variables of policies stand for (condition keys in lower case; none: absent).
    """

    request_id: str
    explicit: bool
    layer: Layer
    action: str
    resource: str
    account: str
    owner: str
    principal_id: str
    principal_arn: str
    statements: tuple[Considered, ...] = ()
    context: tuple[tuple[str, tuple[str, ...]], ...] = ()
    omitted: int = 0

    def seen_by(self, account: str) -> Why | None:
        """What `account` may read of it: each of the two accounts the part that its own policies played, any other nothing.

        INVARIANT: no account reads another's policies here, as AWS's sentence gives no reason across accounts (fact sheet A, §5.11).
        """
        if not account or account not in (self.account, self.owner):
            return None
        layers = (OF_CALLER if account == self.account else frozenset()) | (OF_RESOURCE if account == self.owner else frozenset())
        statements = tuple(one for one in self.statements if one.layer in layers)
        context = tuple(pair for pair in self.context if account == self.owner or not is_of_owner(pair[0]))
        layer: Layer = self.layer if self.layer in layers else "none"
        return Why(
            self.request_id, self.explicit if layer != "none" else False, layer, self.action, self.resource, self.account, self.owner,
            self.principal_id, self.principal_arn, statements, context, self.omitted,
        )  # fmt: skip
