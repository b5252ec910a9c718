"""A secret is not shown by accident, and compares in constant time with its like only."""

from __future__ import annotations

import copy
import pickle  # noqa: TID251  # to show that it is refused

import pytest

from daypass.values.secret import Secret

TEXT = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize("show", [repr, str, "{}".format, "%s".__mod__, ascii], ids=["repr", "str", "format", "percent", "ascii"])
def test_no_way_of_printing_shows_it(show: object) -> None:
    assert callable(show)
    assert TEXT not in show(Secret(TEXT))
    assert TEXT not in show([Secret(TEXT)] if show in (repr, ascii) else Secret(TEXT))


def test_reveal_is_the_way_to_it() -> None:
    assert Secret(TEXT).reveal() == TEXT.encode()
    assert Secret("ü").reveal() == b"\xc3\xbc"
    assert Secret(b"\xff\x00").reveal() == b"\xff\x00"


def test_it_equals_its_like_and_nothing_else() -> None:
    assert Secret(TEXT) == Secret(TEXT.encode())
    assert Secret(TEXT) != Secret(TEXT[:-1])
    assert Secret(TEXT) != TEXT
    assert Secret(TEXT) != TEXT.encode()


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_not_pickled_or_copied(copied: object) -> None:
    assert callable(copied)
    with pytest.raises(TypeError, match="not pickled"):
        copied(Secret(TEXT))


def test_it_is_no_key_of_a_dict() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Secret(TEXT))
