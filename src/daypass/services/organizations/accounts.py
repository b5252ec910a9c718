"""The accounts of an organization: made, shown, closed. Which organization they are in, and where, is in membership.py and units.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daypass.services.daypass.first_start import ADMINISTRATOR, letters, new_account_id
from daypass.services.iam.names import is_reserved
from daypass.services.organizations import refusals
from daypass.services.organizations.asks import By, managed
from daypass.services.organizations.places import get_account, get_organization
from daypass.services.organizations.show import PAGE, page, show_account
from daypass.services.organizations.tagging import Given, read_tags
from daypass.store.records import Account, Organization, Role
from daypass.values import ids
from daypass.values.arn import root_arn
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

ACCESS_ROLE = "OrganizationAccountAccessRole"
_NAME = re.compile(r"[ -;=?-~]{1,50}", re.ASCII)  # Account Management API Reference, AccountName


def members_of(ctx: Context, organization: Organization) -> list[Account]:
    """All accounts of the organization, those that are closed as well."""
    found: list[Account] = []
    parents = [organization.root_id]
    while parents:
        for place in ctx.store.tree.below(parents.pop()):
            if isinstance(place, Account):
                found.append(place)
            else:
                parents.append(place.id)
    return found


@operation("organizations", asks=managed("organizations:CreateAccount"), writes=True)
def create_account(ctx: Context, *, email: str, account_name: str, role_name: str = ACCESS_ROLE, tags: Given = ()) -> Output:
    """Make an account with a role through which the management account enters it. It is there at once: the status is SUCCEEDED."""
    organization = get_organization(ctx)
    _check_account(ctx, organization, account_name, email)
    if is_reserved(role_name):
        raise refusals.invalid("INVALID_ROLE_NAME", "The role name is reserved.")
    account_id = _new_account_id(ctx)
    account = Account(
        id=account_id,
        account=account_id,
        created=ctx.now,
        name=account_name,
        email=email,
        request_id=f"car-{letters(ctx.random, 32)}",
        role_name=role_name,
        parent=organization.root_id,
        tags=read_tags(tags),
    )
    ctx.changes.put(account)
    ctx.changes.put(_access_role(ctx, account, organization))
    return {"CreateAccountStatus": _show_request(account)}


def _check_account(ctx: Context, organization: Organization, name: str, email: str) -> None:
    """Names are AWS's own pattern, which is ASCII, and none is taken for the root of an account (attack row C47)."""
    if _NAME.fullmatch(name) is None or name != name.strip() or is_reserved(name):
        raise refusals.invalid("INVALID_PATTERN", "The account name is not valid.")
    if not email.isascii():
        raise refusals.invalid("INVALID_EMAIL_ADDRESS_TARGET", "The email address is not valid.")
    if any(fold(account.email) == fold(email) for account in ctx.store.accounts):
        raise Refusal("ConstraintViolationException", "Another account has this email address.")
    if len(members_of(ctx, organization)) >= refusals.ACCOUNTS:
        raise refusals.violation("ACCOUNT_NUMBER_LIMIT_EXCEEDED", f"An organization has at most {refusals.ACCOUNTS} accounts.")


def _new_account_id(ctx: Context) -> str:
    while ctx.store.accounts.find(number := new_account_id(ctx.random)) is not None:
        pass
    return number


def _access_role(ctx: Context, account: Account, organization: Organization) -> Role:
    """The role by which the management account's administrators enter the new account."""
    allow = {"Effect": "Allow", "Principal": {"AWS": root_arn(organization.account)}, "Action": "sts:AssumeRole"}
    return Role(
        id=ids.unique_id(ids.ROLE, ctx.random(11)),
        account=account.id,
        created=ctx.now,
        name=account.role_name,
        trust=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        policies=(ADMINISTRATOR,),
    )


def _show_request(account: Account) -> dict[str, Any]:
    return {
        "Id": account.request_id,
        "AccountName": account.name,
        "State": "SUCCEEDED",
        "RequestedTimestamp": account.created,
        "CompletedTimestamp": account.created,
        "AccountId": account.id,
    }


def _requested(ctx: Context) -> Iterable[Account]:
    return (account for account in members_of(ctx, get_organization(ctx)) if account.request_id and account.joined == "CREATED")


@operation("organizations", asks=managed("organizations:DescribeCreateAccountStatus", by=By.READER))
def describe_create_account_status(ctx: Context, *, create_account_request_id: str) -> Output:
    """What became of a CreateAccount request: the account."""
    for account in _requested(ctx):
        if account.request_id == create_account_request_id:
            return {"CreateAccountStatus": _show_request(account)}
    raise Refusal("CreateAccountStatusNotFoundException", "We can't find a create account request with the Id that you specified.")


@operation("organizations", asks=managed("organizations:ListCreateAccountStatus", by=By.READER))
def list_create_account_status(
    ctx: Context, *, states: Sequence[str] = (), next_token: str | None = None, max_results: int = PAGE
) -> Output:
    """The CreateAccount requests; all of them succeeded."""
    asked = not states or "SUCCEEDED" in states
    requests = [account for account in _requested(ctx) if asked]
    return page(ctx, "CreateAccountStatuses", requests, _show_request, next_token, max_results, key=lambda account: account.request_id)


@operation("organizations", asks=managed("organizations:ListAccounts", by=By.READER))
def list_accounts(ctx: Context, *, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """All accounts of the organization."""
    organization = get_organization(ctx)
    show = partial(show_account, ctx.store, organization)
    return page(ctx, "Accounts", members_of(ctx, organization), show, next_token, max_results)


@operation("organizations", asks=managed("organizations:DescribeAccount", "account_id", by=By.READER))
def describe_account(ctx: Context, *, account_id: str) -> Output:
    """Show an account."""
    organization = get_organization(ctx)
    return {"Account": show_account(ctx.store, organization, get_account(ctx, organization, account_id))}


@operation("organizations", asks=managed("organizations:CloseAccount", "account_id"), writes=True)
def close_account(ctx: Context, *, account_id: str) -> None:
    """Close a member account: at once and for good its sessions and keys are over, with all that came of them elsewhere."""
    organization = get_organization(ctx)
    account = get_account(ctx, organization, account_id)
    if account.id == organization.account:
        raise refusals.violation("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account.")
    if account.closed is not None:
        raise Refusal("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")
    if any(delegate.account == account.id for delegate in organization.delegates):
        message = "Deregister the account as a delegated administrator first."
        raise refusals.violation("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", message)
    members = members_of(ctx, organization)
    recent = sum(1 for one in members if one.closed is not None and ctx.now - one.closed < timedelta(days=30))
    if recent >= min(max(refusals.CLOSED_PER_30_DAYS, len(members) // 5), refusals.CLOSED_AT_MOST):
        raise refusals.violation("CLOSE_ACCOUNT_QUOTA_EXCEEDED", "You have exceeded close account quota for the past 30 days.")
    ctx.changes.put(replace(account, status="SUSPENDED", closed=ctx.now))
