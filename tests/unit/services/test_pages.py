"""Pages: every item once, in order, whatever comes and goes between; and no marker but one's own."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.services.pages import MAX_MARKER, cut
from daypass.values.errors import Refusal
from unit.services.world import OTHER, World, refused

WRONG = Refusal("ValidationError", "Invalid Marker.")


def page(items: list[str], marker: str | None, limit: int, scope: str = "s") -> tuple[list[str], str | None]:
    """A page of texts that are their own key."""
    return cut(items, key=str, scope=scope, marker=marker, limit=limit, refusal=WRONG)


@settings(max_examples=50)
@given(st.sets(st.text(max_size=20)), st.integers(1, 7))
def test_all_pages_together_are_all_items_in_order(items: set[str], limit: int) -> None:
    found, marker = page(list(items), None, limit)
    while marker is not None:
        more, marker = page(list(items), marker, limit)
        assert 0 < len(more) <= limit
        found += more
    assert found == sorted(items)


def test_what_comes_and_goes_between_pages_repeats_and_hides_nothing_else() -> None:
    first, marker = page(["a", "b", "c", "d"], None, 2)
    assert first == ["a", "b"]
    assert page(["0", "a", "c", "cc", "d"], marker, 9) == (["c", "cc", "d"], None)


def test_a_full_last_page_has_no_marker() -> None:
    assert page(["a", "b"], None, 2) == (["a", "b"], None)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda m: m + "=", lambda m: m + "A", lambda m: m[:-1], lambda m: " " + m, lambda m: m + "\n", lambda m: m.swapcase(),
        lambda m: "", lambda m: "x", lambda m: "é" * 20, lambda m: m.replace(m[3], "*"), lambda m: "A" * (MAX_MARKER + 1),
        lambda m: base64.urlsafe_b64encode(base64.urlsafe_b64decode(m)[:8] + b"\xff").decode(),
    ],
)  # fmt: skip
def test_a_marker_that_was_never_given_is_refused(spoil: object) -> None:
    _, marker = page(["a", "b"], None, 1)
    assert marker is not None and callable(spoil)
    page(["a", "b"], marker, 1)
    with refused("ValidationError"):
        page(["a", "b"], spoil(marker), 1)


def test_a_marker_longer_than_any_that_is_given_is_refused() -> None:
    _, marker = page(["a", "b"], None, 1)
    assert marker is not None
    digest = base64.urlsafe_b64decode(marker)[:8]
    for length, is_given in ((232, True), (233, False)):  # with the digest 240 bytes are 320 characters
        forged = base64.urlsafe_b64encode(digest + b"0" * length).decode()
        if is_given:
            assert page(["a"], forged, 1) == (["a"], None)
        else:
            with refused("ValidationError"):
                page(["a"], forged, 1)


def test_a_marker_of_another_listing_or_account_is_refused(world: World) -> None:
    for name in ("a", "b"):
        world.call("CreateUser", UserName=name)
        world.call("CreateUser", UserName=name, by=world.root(OTHER))
        world.call("CreateGroup", GroupName=name)
    marker = world.call("ListUsers", MaxItems=1)["Marker"]
    assert [user["UserName"] for user in world.call("ListUsers", Marker=marker)["Users"]] == ["b"]
    with refused("ValidationError", "Invalid Marker."):
        world.call("ListUsers", by=world.root(OTHER), Marker=marker)
    with refused("ValidationError"):
        world.call("ListGroups", Marker=marker)
    with refused("ValidationError"):
        world.call("ListMFADevices", UserName="a", Marker=marker)


def test_the_longest_names_fit_into_a_marker(world: World) -> None:
    for letter in "ab":
        world.call("CreateGroup", GroupName=letter * 128)
    marker = world.call("ListGroups", MaxItems=1)["Marker"]
    assert len(marker) <= MAX_MARKER
    assert len(world.call("ListGroups", Marker=marker)["Groups"]) == 1
