"""GetOperatorCredentials: a pass of the role DaypassOperator for whoever the kernel says is the operator (DESIGN §4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from daypass.services.daypass.first_start import OPERATOR_SECONDS
from daypass.services.sts.credentials import shown, verify_duration
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.values.session import Origin
from daypass.way.context import Context
from daypass.way.operation import Output, operation


def _the_operator_role(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    role = ctx.store.roles.find(ctx.caller.principal_id)
    trust = ctx.store.trust_of(role) if role else None
    yield Ask("sts:AssumeRole", ctx.caller.principal_arn, ctx.account, combine="must", policy=trust)


@operation("daypass", asks=_the_operator_role)
def get_operator_credentials(ctx: Context, *, duration_seconds: int = OPERATOR_SECONDS) -> Output:
    """A pass for the operator. Raises Refusal for callers that did not come over the operator's socket."""
    caller = ctx.caller
    role = ctx.store.roles.find(caller.principal_id)
    if caller.kind != "operator" or role is None:
        raise Refusal("AccessDenied", "Operator credentials are given over the operator's socket only")
    verify_duration(role, duration_seconds)
    made = ctx.mint(
        kind="role",
        account=role.account,
        principal_id=role.id,
        name=caller.user_id.split(":", 1)[1],
        duration=duration_seconds,
        origin=Origin("operator", ctx.request.peer),
    )
    return {"Credentials": shown(made)["Credentials"]}
