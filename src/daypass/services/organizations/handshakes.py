"""Invitations: an organization asks a standalone account of this server in, and the account says yes or no. Sends no mail.

Source: AWS Organizations API Reference, InviteAccountToOrganization and the operations on handshakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.daypass.first_start import letters
from daypass.services.organizations import refusals
from daypass.services.organizations.accounts import members_of
from daypass.services.organizations.asks import By, managed, own
from daypass.services.organizations.places import find_handshake, get_organization
from daypass.services.organizations.show import PAGE, page, show_handshake, state_of
from daypass.services.organizations.tagging import Given, read_tags
from daypass.store.records import Account, Handshake, Organization
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

KEPT = timedelta(days=30)  # API Reference, ListHandshakesForAccount: how long one that is over is still shown

Filter = Mapping[str, str]


@operation("organizations", asks=managed("organizations:InviteAccountToOrganization", "target"), writes=True)
def invite_account_to_organization(ctx: Context, *, target: Mapping[str, str], notes: str = "", tags: Given = ()) -> Output:
    """Invite a standalone account of this server, by its number or its email address."""
    organization = get_organization(ctx)
    account = _get_invited(ctx, target)
    if account.parent:
        raise refusals.handshake_violation("ALREADY_IN_AN_ORGANIZATION", "The invited account is already a member of an organization.")
    _verify_room(ctx, organization)
    sent = ctx.store.handshakes.of(organization.account)
    if any(one.target == account.id and state_of(ctx, one) == "OPEN" for one in sent):
        raise Refusal("DuplicateHandshakeException", "A handshake with the same action and target already exists.")
    today = [one for one in sent if ctx.now - one.created < timedelta(days=1) and one.state != "ACCEPTED"]
    if len(today) >= refusals.INVITATIONS_PER_DAY:
        message = f"An organization sends at most {refusals.INVITATIONS_PER_DAY} invitations in a day."
        raise refusals.handshake_violation("HANDSHAKE_RATE_LIMIT_EXCEEDED", message)
    for one in sent:  # so that they never grow beyond what a month can hold
        if ctx.now >= one.until + KEPT:
            ctx.changes.delete(one)
    made = Handshake(
        id=f"h-{letters(ctx.random, 16)}",
        account=organization.account,
        created=ctx.now,
        organization=organization.id,
        target=account.id,
        until=ctx.now + timedelta(seconds=refusals.INVITATION_SECONDS),
        by_email=target["Type"] == "EMAIL",
        notes=notes,
        tags=read_tags(tags),
    )
    ctx.changes.put(made)
    return {"Handshake": show_handshake(ctx, made)}


def _get_invited(ctx: Context, target: Mapping[str, str]) -> Account:
    kind, id = target["Type"], target["Id"]
    if kind == "ACCOUNT":
        account = ctx.store.accounts.find(id)
    elif kind == "EMAIL":
        account = next((one for one in ctx.store.accounts if fold(one.email) == fold(id)), None)
    else:
        raise refusals.invalid("INVALID_PARTY_TYPE_TARGET", "An account is invited by its number or its email address.")
    if account is None or account.status != "ACTIVE":
        reason = "INVALID_EMAIL_ADDRESS_TARGET" if kind == "EMAIL" else "TARGET_NOT_SUPPORTED"
        raise refusals.invalid(reason, "There is no such account on this server that could be invited.")
    return account


def _verify_room(ctx: Context, organization: Organization) -> None:
    if len(members_of(ctx, organization)) >= refusals.ACCOUNTS:
        message = f"An organization has at most {refusals.ACCOUNTS} accounts."
        raise refusals.handshake_violation("ACCOUNT_NUMBER_LIMIT_EXCEEDED", message)


def _get_open(ctx: Context, id: str, of: str) -> Handshake:
    """The open handshake whose `of` ("account", who invited, or "target") is the caller's account."""
    handshake = find_handshake(ctx, id)
    if handshake is None or getattr(handshake, of) != ctx.account:
        raise _not_found()
    state = state_of(ctx, handshake)
    if state != "OPEN":
        raise Refusal(
            "InvalidHandshakeTransitionException", f"You can't perform the operation on the handshake in its current state, {state}."
        )
    return handshake


def _not_found() -> Refusal:
    return Refusal("HandshakeNotFoundException", "We can't find a handshake with the HandshakeId that you specified.")


def _over(ctx: Context, handshake: Handshake) -> Output:
    ctx.changes.put(handshake)
    return {"Handshake": show_handshake(ctx, handshake)}


@operation("organizations", asks=own("organizations:AcceptHandshake", "handshake_id"), writes=True)
def accept_handshake(ctx: Context, *, handshake_id: str) -> Output:
    """Join, as the invited account: below the root, and from now on within what its policies allow."""
    handshake = _get_open(ctx, handshake_id, "target")
    organization = ctx.store.organizations.find(handshake.organization)
    account = ctx.store.accounts.find(handshake.target)
    if organization is None or account is None:
        raise _not_found()
    if account.parent:
        raise refusals.handshake_violation("ALREADY_IN_AN_ORGANIZATION", "The account is already a member of an organization.")
    _verify_room(ctx, organization)
    ctx.changes.put(
        replace(
            account,
            parent=organization.root_id,
            joined="INVITED",
            joined_at=ctx.now,
            tags=handshake.tags,
            policies=(),
            full_access=True,
        )
    )
    return _over(ctx, replace(handshake, state="ACCEPTED"))


@operation("organizations", asks=own("organizations:DeclineHandshake", "handshake_id"), writes=True)
def decline_handshake(ctx: Context, *, handshake_id: str) -> Output:
    """Say no, as the invited account."""
    return _over(ctx, replace(_get_open(ctx, handshake_id, "target"), state="DECLINED"))


@operation("organizations", asks=managed("organizations:CancelHandshake", "handshake_id"), writes=True)
def cancel_handshake(ctx: Context, *, handshake_id: str) -> Output:
    """Take an invitation back, as who sent it."""
    get_organization(ctx)
    return _over(ctx, replace(_get_open(ctx, handshake_id, "account"), state="CANCELED"))


@operation("organizations", asks=own("organizations:DescribeHandshake", "handshake_id"))
def describe_handshake(ctx: Context, *, handshake_id: str) -> Output:
    """Show a handshake to one of its two parties."""
    if (handshake := find_handshake(ctx, handshake_id)) is None:
        raise _not_found()
    return {"Handshake": show_handshake(ctx, handshake)}


@operation("organizations", asks=own("organizations:ListHandshakesForAccount"))
def list_handshakes_for_account(
    ctx: Context, *, filter: Filter | None = None, next_token: str | None = None, max_results: int = PAGE
) -> Output:
    """The invitations that the caller's account got, until a month after they are over."""
    got = [one for one in ctx.store.handshakes if one.target == ctx.account]
    return _listed(ctx, got, filter, next_token, max_results)


@operation("organizations", asks=managed("organizations:ListHandshakesForOrganization", by=By.READER))
def list_handshakes_for_organization(
    ctx: Context, *, filter: Filter | None = None, next_token: str | None = None, max_results: int = PAGE
) -> Output:
    """The invitations that the organization sent, until a month after they are over."""
    sent = list(ctx.store.handshakes.of(get_organization(ctx).account))
    return _listed(ctx, sent, filter, next_token, max_results)


def _listed(ctx: Context, handshakes: list[Handshake], wanted: Filter | None, token: str | None, limit: int) -> Output:
    asked = (wanted or {}).get("ActionType", "INVITE") == "INVITE" and "ParentHandshakeId" not in (wanted or {})
    shown = [one for one in handshakes if asked and ctx.now < one.until + KEPT]
    return page(ctx, "Handshakes", shown, partial(show_handshake, ctx), token, limit)
