"""Organizational units, and the tree as lists: what is below a parent, what a child is below. Does not move accounts (membership.py)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.daypass.first_start import letters
from daypass.services.organizations import refusals
from daypass.services.organizations.asks import By, managed
from daypass.services.organizations.places import find_place, get_organization, get_parent, get_unit, id_of
from daypass.services.organizations.show import PAGE, page, show_account, show_unit
from daypass.services.organizations.tagging import Given, read_tags
from daypass.store.records import Account, OrganizationalUnit
from daypass.store.tree import MAX_DEPTH
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


@operation("organizations", asks=managed("organizations:CreateOrganizationalUnit", "parent_id"), writes=True)
def create_organizational_unit(ctx: Context, *, parent_id: str, name: str, tags: Given = ()) -> Output:
    """Make a unit below the root or another unit, at most five deep."""
    organization = get_organization(ctx)
    parent = id_of(get_parent(ctx, organization, parent_id))
    _check_name(ctx, parent, name)
    if len(ctx.store.tree.path(parent) or ()) > MAX_DEPTH:
        raise refusals.violation("OU_DEPTH_LIMIT_EXCEEDED", f"Organizational units are at most {MAX_DEPTH} levels deep.")
    if len(ctx.store.organizational_units.of(organization.account)) >= refusals.UNITS:
        raise refusals.violation("OU_NUMBER_LIMIT_EXCEEDED", f"An organization has at most {refusals.UNITS} organizational units.")
    while ctx.store.tree.find(id := f"ou-{organization.root_id[2:]}-{letters(ctx.random, 8)}") is not None:
        pass
    unit = OrganizationalUnit(
        id=id,
        account=organization.account,
        created=ctx.now,
        organization=organization.id,
        title=name,
        parent=parent,
        tags=read_tags(tags),
    )
    ctx.changes.put(unit)
    shown = show_unit(ctx.store, unit)
    return {"OrganizationalUnit": shown | {"Path": _path_below(ctx, parent, unit.id)}}


def _path_below(ctx: Context, parent: str, id: str) -> str:
    """The path of a unit that is not in the state yet."""
    above = ctx.store.tree.path(parent) or ()
    return "/".join([above[0].id, *(id_of(step) for step in above), id, ""])


def _check_name(ctx: Context, parent: str, name: str, besides: str = "") -> None:
    if name != name.strip() or not name.isprintable():
        raise refusals.invalid("INVALID_PATTERN", "The name has blanks at its ends or characters that don't print.")
    siblings = (place for place in ctx.store.tree.below(parent) if isinstance(place, OrganizationalUnit) and place.id != besides)
    if any(place.title == name for place in siblings):
        raise Refusal("DuplicateOrganizationalUnitException", "An organizational unit with the same name already exists.")


@operation("organizations", asks=managed("organizations:UpdateOrganizationalUnit", "organizational_unit_id"), writes=True)
def update_organizational_unit(ctx: Context, *, organizational_unit_id: str, name: str | None = None) -> Output:
    """Rename a unit."""
    unit = get_unit(ctx, get_organization(ctx), organizational_unit_id)
    if name is not None:
        _check_name(ctx, unit.parent, name, besides=unit.id)
        unit = replace(unit, title=name)
        ctx.changes.put(unit)
    return {"OrganizationalUnit": show_unit(ctx.store, unit)}


@operation("organizations", asks=managed("organizations:DescribeOrganizationalUnit", "organizational_unit_id", by=By.READER))
def describe_organizational_unit(ctx: Context, *, organizational_unit_id: str) -> Output:
    """Show a unit."""
    return {"OrganizationalUnit": show_unit(ctx.store, get_unit(ctx, get_organization(ctx), organizational_unit_id))}


@operation("organizations", asks=managed("organizations:DeleteOrganizationalUnit", "organizational_unit_id"), writes=True)
def delete_organizational_unit(ctx: Context, *, organizational_unit_id: str) -> None:
    """Delete a unit with nothing in it; what was attached to it is attached there no more."""
    unit = get_unit(ctx, get_organization(ctx), organizational_unit_id)
    if ctx.store.tree.below(unit.id):
        raise Refusal("OrganizationalUnitNotEmptyException", "The organizational unit isn't empty.")
    ctx.changes.delete(unit)


@operation("organizations", asks=managed("organizations:ListOrganizationalUnitsForParent", "parent_id", by=By.READER))
def list_organizational_units_for_parent(ctx: Context, *, parent_id: str, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The units directly below a parent."""
    parent = id_of(get_parent(ctx, get_organization(ctx), parent_id))
    below = [place for place in ctx.store.tree.below(parent) if isinstance(place, OrganizationalUnit)]
    return page(ctx, "OrganizationalUnits", below, partial(show_unit, ctx.store), next_token, max_results, of=parent)


@operation("organizations", asks=managed("organizations:ListAccountsForParent", "parent_id", by=By.READER))
def list_accounts_for_parent(ctx: Context, *, parent_id: str, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The accounts directly below a parent."""
    organization = get_organization(ctx)
    parent = id_of(get_parent(ctx, organization, parent_id))
    below = [place for place in ctx.store.tree.below(parent) if isinstance(place, Account)]
    return page(ctx, "Accounts", below, partial(show_account, ctx.store, organization), next_token, max_results, of=parent)


@operation("organizations", asks=managed("organizations:ListChildren", "parent_id", by=By.READER))
def list_children(ctx: Context, *, parent_id: str, child_type: str, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The ids of the units or of the accounts directly below a parent."""
    parent = id_of(get_parent(ctx, get_organization(ctx), parent_id))
    wanted = Account if child_type == "ACCOUNT" else OrganizationalUnit
    below = [place.id for place in ctx.store.tree.below(parent) if isinstance(place, wanted)]
    show = lambda id: {"Id": id, "Type": child_type}  # noqa: E731  # said once, where it is used
    return page(ctx, "Children", below, show, next_token, max_results, of=f"{parent}/{child_type}", key=str)


@operation("organizations", asks=managed("organizations:ListParents", "child_id", by=By.READER))
def list_parents(ctx: Context, *, child_id: str, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The one parent of an account or a unit."""
    organization = get_organization(ctx)
    place = find_place(ctx.store, organization, child_id)
    if not isinstance(place, Account | OrganizationalUnit):
        raise Refusal("ChildNotFoundException", "We can't find an organizational unit or AWS account with the ChildId that you specified.")
    kind = "ROOT" if place.parent == organization.root_id else "ORGANIZATIONAL_UNIT"
    return page(ctx, "Parents", [place.parent], lambda id: {"Id": id, "Type": kind}, next_token, max_results, of=child_id, key=str)
