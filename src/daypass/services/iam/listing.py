"""IAM's listings: filter by path, cut a page, render it with IsTruncated and Marker. Does not find the items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from daypass.services import pages
from daypass.services.iam.entities import by_name
from daypass.values.errors import Refusal

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

T = TypeVar("T")

PAGE = 100  # IAM model, `MaxItems`: the default
INVALID_MARKER = "Invalid Marker."


class _Placed(Protocol):
    @property
    def path(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def account(self) -> str: ...


P = TypeVar("P", bound=_Placed)


def under(path_prefix: str, items: Sequence[P]) -> Sequence[P]:
    """The items whose path starts with `path_prefix`, compared character by character. Every path starts with "/"."""
    return items if path_prefix == "/" else [item for item in items if item.path.startswith(path_prefix)]


def of_account(
    ctx: Context, member: str, found: Sequence[P], show: Callable[[P], Any], path_prefix: str, marker: str | None, max_items: int
) -> Output:
    """One page of the named records of one kind under a path, which `found` holds by name, as the store does. Costs a page."""
    refusal = Refusal("ValidationError", INVALID_MARKER)
    items, scope = under(path_prefix, found), _scope(ctx, member)
    page, following = pages.cut_ordered(items, key=by_name, scope=scope, marker=marker, limit=max_items, refusal=refusal)
    return {member: [show(item) for item in page]} | _following(following)


def listing(
    ctx: Context,
    member: str,
    items: Iterable[T],
    show: Callable[[T], Any],
    *,
    key: Callable[[T], str],
    marker: str | None,
    max_items: int,
    of: str = "",
) -> Output:
    """One page of `items` under `member`. `of` is the id of what is listed, if a listing is not of the whole account.

    Raises ValidationError for a marker of another listing.
    """
    page, following = cut(ctx, member, items, key=key, marker=marker, max_items=max_items, of=of)
    return {member: [show(item) for item in page]} | following


def cut(
    ctx: Context, member: str, items: Iterable[T], *, key: Callable[[T], str], marker: str | None, max_items: int, of: str = ""
) -> tuple[list[T], dict[str, Any]]:
    """The items of one page, and the members IsTruncated and Marker that go with it."""
    refusal = Refusal("ValidationError", INVALID_MARKER)
    page, following = pages.cut(items, key=key, scope=_scope(ctx, member, of), marker=marker, limit=max_items, refusal=refusal)
    return page, _following(following)


def _scope(ctx: Context, member: str, of: str = "") -> str:
    return f"{ctx.account}/iam/{member}/{of}"


def _following(marker: str | None) -> dict[str, Any]:
    return {"IsTruncated": marker is not None} | ({"Marker": marker} if marker else {})
