"""Read what conditions compare: numbers, dates, addresses, booleans. Strict: what is not canonical is None, never a guess."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

MAX_OPERAND = 64  # longer than any number, date or address; bounds what the cache below can hold
_CACHED = 1024

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?")
_EPOCH = re.compile(r"[0-9]{5,12}(?:\.[0-9]{1,9})?")  # four digits are a year
_DATE = re.compile(  # W3C note "Date and Time Formats"
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?:Z|(?P<sign>[+-])(?P<off_hour>[0-9]{2}):(?P<off_minute>[0-9]{2})))?)?)?"
)
_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(_CACHED)
def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def read_number(text: str) -> Decimal | None:
    """A decimal number, exactly: ASCII digits, an optional sign and fraction, no exponent, no underscore, no blank."""
    return _number(text) if len(text) <= MAX_OPERAND else None


@lru_cache(_CACHED)
def _moment(text: str) -> Decimal | None:
    if _EPOCH.fullmatch(text):
        return Decimal(text)
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    part = found.groupdict()
    if int(part["off_hour"] or 0) > 23 or int(part["off_minute"] or 0) > 59:
        return None
    try:
        moment = datetime(
            int(part["year"]), int(part["month"] or 1), int(part["day"] or 1),
            int(part["hour"] or 0), int(part["minute"] or 0), int(part["second"] or 0), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        return None
    offset = timedelta(hours=int(part["off_hour"] or 0), minutes=int(part["off_minute"] or 0))
    since = (moment - _EPOCH_START) - (-offset if part["sign"] == "-" else offset)
    return Decimal(since.days * 86_400 + since.seconds) + Decimal("0." + (part["fraction"] or "0"))


def read_moment(text: str) -> Decimal | None:
    """Seconds since 1970 (UTC) of an ISO 8601 date in the W3C profile, or of a number of seconds; upper-case T and Z only."""
    return _moment(text) if len(text) <= MAX_OPERAND else None


class Network(NamedTuple):
    """A range of addresses of one IP version: those whose number, without its `shift` last bits, is `prefix`."""

    version: int
    prefix: int
    shift: int


@lru_cache(_CACHED)
def _address(text: str) -> Network | None:
    if "%" in text:
        return None  # a zone id has no meaning beyond its own host
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return Network(address.version, int(address), 0)


def read_address(text: str) -> Network | None:
    """One IP address. INVARIANT: an IPv4-mapped IPv6 address is its IPv4 address (attacks row H15)."""
    return _address(text) if len(text) <= MAX_OPERAND else None


def read_network(text: str) -> Network | None:
    """A CIDR range, or a bare address as a range of one. Bits beyond the prefix are ignored; netmasks are not taken."""
    bare, slash, digits = text.partition("/")
    address = read_address(bare)
    if address is None or not slash:
        return address
    if not _PREFIX_LENGTH.fullmatch(digits):
        return None
    length, width = int(digits), 32 if address.version == 4 else 128
    if address.version == 4 and ":" in bare:
        length -= 96  # a range of mapped addresses
    if not 0 <= length <= width:
        return None
    shift = width - length
    return Network(address.version, address.prefix >> shift, shift)


def read_boolean(text: str) -> bool | None:
    """`true` or `false` in any ASCII case."""
    return {"true": True, "false": False}.get(text.lower()) if text.isascii() else None
