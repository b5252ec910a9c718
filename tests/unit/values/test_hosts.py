"""Which hosts are this one alone."""

from __future__ import annotations

import pytest

from daypass.values.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_addresses_of_this_host_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.0.2.1", "localhost.example", "127.0.0.1.example", "0x7f000001", "2130706433"])  # noqa: S104  # a name to judge, nothing is bound
def test_everything_else_is_beyond(host: str) -> None:
    assert not is_loopback(host)
