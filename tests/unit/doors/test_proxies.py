"""Which hop is the client, and when nobody knows."""

from __future__ import annotations

import pytest

from daypass.doors.proxies import MAX_HOPS, UNKNOWN, Proxies, read_address

NEAR = Proxies(["10.0.0.0/8", "2001:db8:aa::/48"])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        (" 192.0.2.7\t", "192.0.2.7"),
        ("192.0.2.7:443", "192.0.2.7"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[::ffff:192.0.2.7%eth0]:1", "192.0.2.7"),
        *(
            (text, UNKNOWN)
            for text in ("", "unknown", "_hidden", "192.0.2", "192.0.2.07", "192.0.2.7:", "192.0.2.7:123456", "[192.0.2.7", "192.0.2.7]")
        ),
        *(
            (text, UNKNOWN)
            for text in ("0x7f000001", "2130706433", "192.0.2.7 10.0.0.1", "for=192.0.2.7", "\u0661.2.3.4", "2001:db8::1:443:1:2:3:4:5")
        ),
    ],
)
def test_addresses_are_as_policies_write_them(text: str, plain: str) -> None:
    assert read_address(text) == plain


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        ((b"192.0.2.7",), "192.0.2.7"),
        ((b"198.51.100.9, 192.0.2.7",), "192.0.2.7"),  # what stands left was written by the client
        ((b"198.51.100.9, 192.0.2.7, 10.1.2.3",), "192.0.2.7"),
        ((b"192.0.2.7", b"10.1.2.3"), "192.0.2.7"),  # HAProxy writes a line of its own
        ((b"198.51.100.9", b"192.0.2.7"), "192.0.2.7"),
        ((b"2001:db8:bb::1, [2001:db8:aa::1]:99",), "2001:db8:bb::1"),
        ((b"::ffff:192.0.2.7, ::ffff:10.0.0.1",), "192.0.2.7"),
        ((b"10.9.9.9, 10.1.2.3",), "10.9.9.9"),
        ((b"unknown, 192.0.2.7",), "192.0.2.7"),
        ((b"192.0.2.7, unknown",), UNKNOWN),
        ((b"192.0.2.7, unknown, 10.1.2.3",), UNKNOWN),
        ((b"192.0.2.7,",), UNKNOWN),
        ((b"",), UNKNOWN),
        ((b"\xff",), UNKNOWN),
        ((), UNKNOWN),
        ((b"192.0.2.7" + b", 10.0.0.1" * (MAX_HOPS - 1),), "192.0.2.7"),
        ((b"192.0.2.7" + b", 10.0.0.1" * MAX_HOPS,), UNKNOWN),
    ],
)
def test_the_client_is_the_rightmost_that_is_no_proxy(hops: tuple[bytes, ...], client: str) -> None:
    headers = tuple((b"x-forwarded-for", hop) for hop in hops)
    assert NEAR.origin((*headers, (b"x-real-ip", b"203.0.113.1"), (b"forwarded", b"for=203.0.113.1"))) == (client, False)


@pytest.mark.parametrize(
    ("said", "secure"),
    [
        ((b"https",), True),
        ((b" HTTPS ",), True),
        ((b"http",), False),
        ((), False),
        ((b"https", b"https"), False),
        ((b"https, http",), False),
    ],
)
def test_tls_is_what_the_proxy_says_once(said: tuple[bytes, ...], secure: bool) -> None:
    assert NEAR.origin(tuple((b"x-forwarded-proto", one) for one in said))[1] is secure


@pytest.mark.parametrize(
    ("address", "trusted"), [("10.1.2.3", True), ("11.0.0.1", False), ("2001:db8:aa::9", True), ("2001:db8::9", False), (UNKNOWN, False)]
)
def test_who_is_trusted(address: str, trusted: bool) -> None:
    assert NEAR.trusts(address) is trusted
    assert not Proxies().trusts(address)


@pytest.mark.parametrize("network", ["10.0.0.1/8", "proxy.example", "", "10.0.0.0/33"])
def test_a_network_that_is_none(network: str) -> None:
    with pytest.raises(ValueError):
        Proxies([network])
