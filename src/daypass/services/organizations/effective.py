"""Effective policies: those of types that are merged along the tree (tags, backups …). None of them is offered, so there is none.

Does not pretend: AWS answers the same where no such policy is in force. Service and resource control policies have no merged form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.services.organizations.asks import By, managed, own
from daypass.services.organizations.places import get_account, get_organization
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


def _none(policy_type: str) -> Refusal:
    message = f"There is no effective policy of the type {policy_type}: it isn't enabled in this organization."
    return Refusal("EffectivePolicyNotFoundException", message)


@operation("organizations", asks=own("organizations:DescribeEffectivePolicy"))
def describe_effective_policy(ctx: Context, *, policy_type: str, target_id: str | None = None) -> Output:
    """The merged policy of a type: there is none."""
    organization = get_organization(ctx)
    if target_id is not None and target_id != ctx.account and ctx.account != organization.account:
        raise Refusal("AccessDeniedException", "You don't have permissions to access this resource.")
    if target_id is not None and ctx.store.tree.organization_of(target_id) != organization:
        raise Refusal("TargetNotFoundException", "You specified a target that doesn't exist.")
    raise _none(policy_type)


@operation("organizations", asks=managed("organizations:ListAccountsWithInvalidEffectivePolicy", by=By.READER))
def list_accounts_with_invalid_effective_policy(
    ctx: Context, *, policy_type: str, next_token: str | None = None, max_results: int = 20
) -> Output:
    """The accounts whose merged policy is invalid: there is none."""
    get_organization(ctx)
    raise _none(policy_type)


@operation("organizations", asks=managed("organizations:ListEffectivePolicyValidationErrors", "account_id", by=By.READER))
def list_effective_policy_validation_errors(
    ctx: Context, *, account_id: str, policy_type: str, next_token: str | None = None, max_results: int = 20
) -> Output:
    """What is wrong with the merged policy of an account: there is none."""
    get_account(ctx, get_organization(ctx), account_id)
    raise _none(policy_type)
