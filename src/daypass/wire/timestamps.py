"""Timestamps in the three formats of AWS's protocols, read strictly and written in whole seconds. Does not look at the clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from daypass.wire.faults import WrongType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253402300799  # 9999-12-31T23:59:59Z, the last second that a datetime holds
_FIRST = -62135596800  # 0001-01-01T00:00:00Z
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RFC_822 = re.compile(rf"({'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)


def read_iso_8601(text: object) -> datetime:
    """`2026-01-02T03:04:05Z`, a fraction and an offset allowed (Smithy 1.0, `date-time`). Raises WrongType."""
    found = _ISO.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise WrongType("a valid timestamp (YYYY-MM-DDThh:mm:ssZ)")
    year, month, day, hour, minute, second, fraction, sign, ahead_hours, ahead_minutes = found.groups()
    try:
        micro = int((fraction or "0").ljust(6, "0")[:6])
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro, tzinfo=UTC)
        if sign:
            if int(ahead_hours) > 23 or int(ahead_minutes) > 59:
                raise WrongType("a valid timestamp (YYYY-MM-DDThh:mm:ssZ)")
            ahead = timedelta(hours=int(ahead_hours), minutes=int(ahead_minutes))
            moment = moment - ahead if sign == "+" else moment + ahead
    except (ValueError, OverflowError):
        raise WrongType("a valid timestamp (YYYY-MM-DDThh:mm:ssZ)") from None
    return moment


def read_rfc_822(text: object) -> datetime:
    """`Fri, 02 Jan 2026 03:04:05 GMT` (RFC 9110 §5.6.7, IMF-fixdate). Raises WrongType."""
    found = _RFC_822.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise WrongType("a valid HTTP date")
    weekday, day, month, year, hour, minute, second = found.groups()
    try:
        moment = datetime(int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        raise WrongType("a valid HTTP date") from None
    if _DAYS[moment.weekday()] != weekday:
        raise WrongType("a valid HTTP date")
    return moment


def read_epoch(number: object) -> datetime:
    """Seconds since 1970, int or float. Raises WrongType."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not _FIRST <= number <= _LAST:
        raise WrongType("a valid timestamp (seconds since 1970)")
    return _EPOCH + timedelta(seconds=number)


def write_iso_8601(moment: datetime) -> str:
    """Whole seconds, UTC. Raises TypeError for a datetime without a zone: it would be someone's local time."""
    return _utc(moment).isoformat()[:19] + "Z"


def write_rfc_822(moment: datetime) -> str:
    """IMF-fixdate, whatever the locale."""
    moment = _utc(moment)
    day = f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment.year:04}"
    return f"{day} {moment.hour:02}:{moment.minute:02}:{moment.second:02} GMT"


def write_epoch(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return (_utc(moment) - _EPOCH) // timedelta(seconds=1)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise TypeError("a timestamp needs its zone")
    return moment.astimezone(UTC)


READERS: dict[str, Callable[[object], datetime]] = {"iso8601": read_iso_8601, "rfc822": read_rfc_822, "unixTimestamp": read_epoch}
WRITERS: dict[str, Callable[[datetime], str | int]] = {"iso8601": write_iso_8601, "rfc822": write_rfc_822, "unixTimestamp": write_epoch}
