"""Nesting: the exact depth, whatever stands in strings, in linear time."""

from __future__ import annotations

import time

import pytest

from daypass.values.nesting import MAX_NESTING, is_too_deep


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}"), ('[{"]":', "}]")])
def test_depth_is_counted_to_the_limit(opened: str, closed: str) -> None:
    times = MAX_NESTING // opened.count("[") if opened.count("{") == 0 else MAX_NESTING // (opened.count("[") + 1)
    assert not is_too_deep(opened * times + "1" + closed * times)
    assert is_too_deep(opened * (times + 1) + "1" + closed * (times + 1))
    assert is_too_deep(opened * 100_000)


def test_what_stands_in_strings_or_side_by_side_is_not_deep() -> None:
    assert not is_too_deep('["' + "[" * 1000 + '"]')
    assert not is_too_deep('["\\"' + "{" * 1000 + '"]')
    assert not is_too_deep("[" + "[]," * 1000 + "1]")
    assert is_too_deep('["a\\\\",' + "[" * MAX_NESTING)


def test_a_text_that_is_nothing_takes_linear_time() -> None:
    started = time.process_time()
    is_too_deep('"' * 500_000 + "\\" * 500_000 + "[" * 100 + '"\\' * 100_000)
    assert time.process_time() - started < 2  # a limit on blow-up, not a benchmark
