from __future__ import annotations

from decimal import Decimal

import pytest

from daypass.policy.operands import Network, read_address, read_boolean, read_moment, read_network, read_number


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1_0", "1e3", "0x1", "nan", "inf", "٣", ".5", "5.", "--1", "1,0", "1\n", "9" * 65, "\u00b2"]
)
def test_not_a_number(text: str) -> None:
    assert read_number(text) is None


def test_numbers_are_exact() -> None:
    assert read_number("0.1") == Decimal("0.1")
    assert read_number("12345678901234567890.00000000000000000001") != read_number("12345678901234567890")
    assert read_number("-1") == read_number("-1.0")


@pytest.mark.parametrize(
    "text",
    [
        "2026-1-1",
        "2026-02-30",
        "2026-13-01",
        "2026-01-01T00:00",  # a time without a zone
        "2026-01-01T00:00:00",
        "2026-01-01t00:00:00Z",
        "2026-01-01T00:00:00z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+2400",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60",
        "2026-01-01T00:00:00-24:00",
        "2026-01-01T24:00Z",
        "2026-01-01T00:00:00.Z",
        "20260101T000000Z",
        "２０２６",
        "2026-01-01Z",
        "-1",
        "1e400",
        "0000",
        "2026\n",
    ],
)
def test_not_a_date(text: str) -> None:
    """Attacks row H21."""
    assert read_moment(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026",
        "2026-01",
        "2026-01-01",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000000000Z",
        "2026-01-01T01:30:00+01:30",
        "2025-12-31T22:30:00-01:30",
        "2026-01-01T23:59:00+23:59",
        "2025-12-31T23:00:00.0-01:00",
        "1767225600",
        "1767225600.0",
    ],
)
def test_the_same_moment(text: str) -> None:
    assert read_moment(text) == 1_767_225_600


def test_fractions_of_a_second() -> None:
    assert read_moment("2026-01-01T00:00:00.000000001Z") == Decimal("1767225600.000000001")


@pytest.mark.parametrize("text", ["", "10.0.0", "010.0.0.1", "10.0.0.1:80", "fe80::1%eth0", "::ffff:10.0.0.1%1", "10.0.0.1 ", "1" * 70])
def test_not_an_address(text: str) -> None:
    assert read_address(text) is None


def test_a_mapped_address_is_its_ipv4_address() -> None:
    """Attacks row H15."""
    assert read_address("::ffff:10.0.0.1") == read_address("::ffff:a00:1") == read_address("10.0.0.1") == Network(4, 0x0A000001, 0)
    assert read_address("::a00:1") == Network(6, 0x0A000001, 0)
    assert read_network("::ffff:10.0.0.0/104") == read_network("10.0.0.0/8")


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0/33", "10.0.0.0/255.0.0.0", "10.0.0.0/08", "10.0.0.0/", "10.0.0.0/-1", "::/129", "::ffff:10.0.0.0/95", "/8", "10.0.0.0/٨"],
)
def test_not_a_network(text: str) -> None:
    assert read_network(text) is None


def test_networks() -> None:
    assert read_network("2001:db8::1/128") == Network(6, 0x20010DB8000000000000000000000001, 0)
    assert read_network("::/0") == Network(6, 0, 128)
    assert read_network("::ffff:10.0.0.1/96") == Network(4, 0, 32)
    assert read_network("::ffff:10.0.0.1/128") == read_network("10.0.0.1/32") == Network(4, 0x0A000001, 0)
    assert read_network("10.1.2.3/8") == Network(4, 10, 24)
    assert read_network("0.0.0.0/0") == Network(4, 0, 32)
    assert read_network("10.1.2.3") == Network(4, 0x0A010203, 0)


def test_booleans() -> None:
    assert [read_boolean(text) for text in ("true", "TRUE", "False", "yes", "1", "", "true ", "trUe")] == [
        True, True, False, None, None, None, None, True,
    ]  # fmt: skip
