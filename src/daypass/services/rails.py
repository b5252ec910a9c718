"""Holds policies that are written or used to this server's guard rails. Knows no rail (policy/rails does) and no grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.policy import rails
from daypass.values.errors import Refusal

if TYPE_CHECKING:
    from daypass.policy import Policy
    from daypass.way.context import Context


def check_rails(ctx: Context, written: Policy) -> None:
    """Note in the ledger line what is only warned of. Raises Refusal (MalformedPolicyDocument), with the mend, for what is refused."""
    found = rails.inspect(written.document, written.kind, ctx.account, ctx.node.rules.rails)
    for finding in found:
        if finding.setting == "refuse":
            raise Refusal("MalformedPolicyDocument", finding.refusal)
        ctx.event.warnings += (str(finding),)


def may_be_used(ctx: Context, stored: Policy, account: str) -> bool:
    """Whether a stored policy of `account` may be acted upon; when not, the ledger line says so (attack row C25)."""
    if rails.usable(stored.document, stored.kind, account, ctx.node.rules.rails):
        return True
    ctx.event.warnings += ("the trust policy is not acted upon: a guard rail refuses it",)
    return False
