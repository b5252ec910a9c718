"""Organizations: the one organization of an installation and its accounts, so that a third party can be another account.

Only the management account may call, except for DescribeOrganization. Does not offer organizational units or service control policies.
Source: AWS Organizations API Reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from daypass.services import pages
from daypass.services.daypass.first_start import ADMINISTRATOR, letters, new_account_id
from daypass.services.iam.names import is_reserved
from daypass.store.records import Account, Organization, Role
from daypass.values import ids
from daypass.values.arn import root_arn
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.operation import operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daypass.way.context import Context
    from daypass.way.operation import Asks, Output

Members = dict[str, Any]

PAGE = 20  # Organizations model, `MaxResults`
ACCOUNTS = 10_000  # AWS Organizations User Guide, "Quotas": accounts in an organization, the most that AWS grants
ACCESS_ROLE = "OrganizationAccountAccessRole"
_NAME = re.compile(r"[ -;=?-~]{1,50}", re.ASCII)  # Account Management API Reference, AccountName


def _on(action: str, member: str = "") -> Asks:
    """Ask for `action` on "*", or on the account that `member` names."""

    def asks(ctx: Context, params: Mapping[str, Any]) -> Iterable[Ask]:
        organization = ctx.store.organization
        arn = _account_arn(organization, params[member]) if member and organization else "*"
        return [Ask(action, arn, ctx.account)]

    return asks


def _get_organization(ctx: Context) -> Organization:
    """The organization that the caller's account is in."""
    if (organization := ctx.store.organization) is None:
        raise Refusal("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    return organization


def _get_managed(ctx: Context) -> Organization:
    """The organization, for its management account only."""
    organization = _get_organization(ctx)
    if ctx.account != organization.account:
        raise Refusal("AccessDeniedException", "You don't have permissions to access this resource.")
    return organization


def _account_arn(organization: Organization, account_id: str) -> str:
    return f"arn:aws:organizations::{organization.account}:account/{organization.id}/{account_id}"


def _show_organization(ctx: Context, organization: Organization) -> Members:
    manager = ctx.store.accounts.find(organization.account)
    return {
        "Id": organization.id,
        "Arn": f"arn:aws:organizations::{organization.account}:organization/{organization.id}",
        "FeatureSet": "ALL",
        "MasterAccountArn": _account_arn(organization, organization.account),
        "MasterAccountId": organization.account,
        "MasterAccountEmail": manager.email if manager else None,
        "AvailablePolicyTypes": [],
    }


def _show_account(organization: Organization, account: Account) -> Members:
    return {
        "Id": account.id,
        "Arn": _account_arn(organization, account.id),
        "Email": account.email,
        "Name": account.name,
        "Status": account.status,
        "State": account.status,
        "JoinedMethod": account.joined,
        "JoinedTimestamp": account.created,
    }


def _show_request(account: Account) -> Members:
    return {
        "Id": account.request_id,
        "AccountName": account.name,
        "State": "SUCCEEDED",
        "RequestedTimestamp": account.created,
        "CompletedTimestamp": account.created,
        "AccountId": account.id,
    }


def _page(ctx: Context, member: str, items: Iterable[Members], token: str | None, limit: int) -> Output:
    refusal = Refusal("InvalidInputException", "You specified an invalid next token.", members={"Reason": "INVALID_NEXT_TOKEN"})
    scope = f"{ctx.account}/organizations/{member}"
    page, following = pages.cut(items, key=lambda item: str(item["Id"]), scope=scope, marker=token, limit=limit, refusal=refusal)
    return {member: page} | ({"NextToken": following} if following else {})


@operation("organizations", asks=_on("organizations:CreateOrganization"), writes=True)
def create_organization(ctx: Context, *, feature_set: str = "ALL") -> Output:
    """Make the organization, managed by the caller's account."""
    if ctx.store.organization is not None:
        raise Refusal("AlreadyInOrganizationException", "The AWS account is already a member of an organization.")
    if feature_set != "ALL":
        raise Refusal("InvalidInputException", "Only the feature set ALL is offered.", members={"Reason": "INVALID_ENUM"})
    unique_id, root_id = f"o-{letters(ctx.random, 10)}", f"r-{letters(ctx.random, 4)}"
    organization = Organization(id=unique_id, account=ctx.account, created=ctx.now, root_id=root_id)
    ctx.changes.put(organization)
    return {"Organization": _show_organization(ctx, organization)}


@operation("organizations", asks=_on("organizations:DescribeOrganization"))
def describe_organization(ctx: Context) -> Output:
    """Show the organization; every account in it may ask."""
    return {"Organization": _show_organization(ctx, _get_organization(ctx))}


@operation("organizations", asks=_on("organizations:CreateAccount"), writes=True)
def create_account(ctx: Context, *, email: str, account_name: str, role_name: str = ACCESS_ROLE) -> Output:
    """Make an account with a role through which the management account enters it. It is there at once: the status is SUCCEEDED."""
    organization = _get_managed(ctx)
    _check_account(ctx, account_name, email)
    if is_reserved(role_name):
        raise Refusal("InvalidInputException", "The role name is reserved.", members={"Reason": "INVALID_ROLE_NAME"})
    account_id = _new_account_id(ctx)
    account = Account(
        id=account_id,
        account=account_id,
        created=ctx.now,
        name=account_name,
        email=email,
        request_id=f"car-{letters(ctx.random, 32)}",
        role_name=role_name,
    )
    ctx.changes.put(account)
    ctx.changes.put(_access_role(ctx, account, organization))
    return {"CreateAccountStatus": _show_request(account)}


def _check_account(ctx: Context, name: str, email: str) -> None:
    """Names are AWS's own pattern, which is ASCII, and none is taken for the root of an account (attack row C47)."""
    if _NAME.fullmatch(name) is None or name != name.strip() or is_reserved(name):
        raise Refusal("InvalidInputException", "The account name is not valid.", members={"Reason": "INVALID_PATTERN"})
    if not email.isascii():
        raise Refusal("InvalidInputException", "The email address is not valid.", members={"Reason": "INVALID_EMAIL_ADDRESS_TARGET"})
    accounts = _accounts(ctx)
    if any(fold(account.email) == fold(email) for account in accounts):
        raise Refusal("ConstraintViolationException", "Another account has this email address.")
    if len(accounts) >= ACCOUNTS:
        message = f"An organization has at most {ACCOUNTS} accounts."
        raise Refusal("ConstraintViolationException", message, members={"Reason": "ACCOUNT_NUMBER_LIMIT_EXCEEDED"})


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


def _accounts(ctx: Context) -> list[Account]:
    return list(ctx.store.accounts)


@operation("organizations", asks=_on("organizations:DescribeCreateAccountStatus"))
def describe_create_account_status(ctx: Context, *, create_account_request_id: str) -> Output:
    """What became of a CreateAccount request: the account."""
    _get_managed(ctx)
    for account in _accounts(ctx):
        if account.request_id == create_account_request_id:
            return {"CreateAccountStatus": _show_request(account)}
    raise Refusal("CreateAccountStatusNotFoundException", "We can't find a create account request with the Id that you specified.")


@operation("organizations", asks=_on("organizations:ListCreateAccountStatus"))
def list_create_account_status(
    ctx: Context, *, states: Sequence[str] = (), next_token: str | None = None, max_results: int = PAGE
) -> Output:
    """The CreateAccount requests; all of them succeeded."""
    _get_managed(ctx)
    asked = not states or "SUCCEEDED" in states
    requests = [_show_request(account) for account in _accounts(ctx) if account.request_id and asked]
    return _page(ctx, "CreateAccountStatuses", requests, next_token, max_results)


@operation("organizations", asks=_on("organizations:ListAccounts"))
def list_accounts(ctx: Context, *, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """All accounts of the organization."""
    organization = _get_managed(ctx)
    return _page(ctx, "Accounts", _shown_accounts(ctx, organization), next_token, max_results)


def _shown_accounts(ctx: Context, organization: Organization) -> list[Members]:
    return [_show_account(organization, account) for account in _accounts(ctx)]


@operation("organizations", asks=_on("organizations:DescribeAccount", member="account_id"))
def describe_account(ctx: Context, *, account_id: str) -> Output:
    """Show an account."""
    organization = _get_managed(ctx)
    if (account := ctx.store.accounts.find(account_id)) is None:
        raise Refusal("AccountNotFoundException", "You specified an account that doesn't exist.")
    return {"Account": _show_account(organization, account)}


@operation("organizations", asks=_on("organizations:ListRoots"))
def list_roots(ctx: Context, *, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The one root under which all accounts are."""
    organization = _get_managed(ctx)
    arn = f"arn:aws:organizations::{organization.account}:root/{organization.id}/{organization.root_id}"
    root = {"Id": organization.root_id, "Arn": arn, "Name": "Root", "PolicyTypes": []}
    return _page(ctx, "Roots", [root], next_token, max_results)


@operation("organizations", asks=_on("organizations:ListParents"))
def list_parents(ctx: Context, *, child_id: str, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The parent of an account: the root."""
    organization = _get_managed(ctx)
    if ctx.store.accounts.find(child_id) is None:
        raise Refusal("ChildNotFoundException", "We can't find an account with the ChildId that you specified.")
    return _page(ctx, "Parents", [{"Id": organization.root_id, "Type": "ROOT"}], next_token, max_results)


@operation("organizations", asks=_on("organizations:ListAccountsForParent"))
def list_accounts_for_parent(ctx: Context, *, parent_id: str, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The accounts under the root: all of them."""
    organization = _get_managed(ctx)
    if parent_id != organization.root_id:
        raise Refusal("ParentNotFoundException", "We can't find a root with the ParentId that you specified.")
    return _page(ctx, "Accounts", _shown_accounts(ctx, organization), next_token, max_results)
