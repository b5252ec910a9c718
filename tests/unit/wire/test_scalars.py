from __future__ import annotations

from typing import Any

import pytest

from daypass.wire.faults import WrongType
from daypass.wire.scalars import read_base64, read_boolean, read_integer, read_number


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("900", 900), ("-1", -1), ("9223372036854775807", 2**63 - 1)])
def test_integers(text: str, value: int) -> None:
    assert read_integer(text) == value


@pytest.mark.parametrize(
    "text", ["", " 900", "900 ", "9_00", "1e3", "9.0", "+9", "0x10", "٩٠٠", "９００", "²", "900\n", "--1", "-", "1" * 20, "9" * 5000]
)
def test_what_int_would_take_or_choke_on_is_refused(text: str) -> None:
    with pytest.raises(WrongType):
        read_integer(text)


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("-2", -2.0), ("1e3", 1000.0), ("1E-2", 0.01)])
def test_numbers(text: str, value: float) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize("text", ["NaN", "nan", "inf", "Infinity", "-inf", "1e999", "1_0", " 1", "", ".", "1.", ".5", "٥"])
def test_no_number(text: str) -> None:
    with pytest.raises(WrongType):
        read_number(text)


def test_booleans() -> None:
    assert (read_boolean("true"), read_boolean("false")) == (True, False)


@pytest.mark.parametrize("text", ["True", "TRUE", "1", "0", "yes", "", "true ", "tru\u0435"])
def test_no_boolean(text: str) -> None:
    with pytest.raises(WrongType):
        read_boolean(text)


def test_base64() -> None:
    assert [read_base64(text) for text in ("", "AA==", "+/8=", "YWJj")] == [b"", b"\0", b"\xfb\xff", b"abc"]


@pytest.mark.parametrize("text", ["A", "AA", "AA=", "A A==", "AA==\n", "AB==", "_-8=", "AA==AA==", "=AA=", "é", "AA===", 5, None, b"AA=="])
def test_no_base64(text: Any) -> None:
    with pytest.raises(WrongType):
        read_base64(text)
