"""A value of a condition key with which a condition holds, or does not, made up from the policy's own text. Evaluates nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from daypass.policy.conditions import quantified
from daypass.policy.match import Wild
from daypass.policy.operands import read_address, read_boolean, read_moment, read_network, read_number
from daypass.policy.operators import OPERATORS
from daypass.policy.variables import Variable, read_template
from daypass.values.decision import Values
from daypass.values.folding import fold

OTHER = "something-else"  # a text that no policy will name
_ADDRESSES = ("192.0.2.1", "198.51.100.1", "10.0.0.1", "2001:db8::1", "::1")  # documentation's own, then others
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAMILIES = ("Numeric", "Date", "Bool", "IpAddress", "NotIpAddress", "Arn")
_LAST_MOMENT = Decimal(253_402_300_799)  # the year 9999

Context = Mapping[str, Values]


def example(
    operator: str, values: Sequence[str], context: Context, *, holds: bool, variables: bool, known: bool
) -> list[Values | None]:
    """Values (None: absent) for a key with which `operator` over `values` `holds` or does not, likeliest first; [] when we know none.

    `known` tells that the context has the key anyway, so that its absence is no choice of the request's.
    """
    quantifier, name, if_exists = quantified(operator)
    if name == "Null":
        wanted = {fold(value) == "true" for value in values}
        if len(wanted) == 2:
            return [None] if holds else []
        return [None] if wanted == {holds} else [OTHER]
    matching = holds is not OPERATORS[name].negated
    certain = _matching(name, values, context, variables) if matching else _other(name, values)
    absent_holds = if_exists or (quantifier == "ForAllValues:" if quantifier else OPERATORS[name].negated)
    absent: list[Values | None] = [None] if absent_holds is holds and not known else []
    firm: list[Values | None] = [(value,) if quantifier else value for value in certain]
    return firm + absent if matching else absent + firm


def _family(name: str) -> str:
    return next((family for family in _FAMILIES if name.startswith(family)), "String")


def _matching(name: str, values: Sequence[str], context: Context, variables: bool) -> list[str]:
    """Texts that match one of the values."""
    match _family(name):
        case "Numeric":
            return [str(_beside(name, number)) for value in values if (number := read_number(value)) is not None]
        case "Date":
            return [_date(_beside(name, moment)) for value in values if (moment := read_moment(value)) is not None]
        case "IpAddress" | "NotIpAddress":
            return [str(_first_address(value)) for value in values if read_network(value) is not None]
        case family:
            wildcards = family == "Arn" or "Like" in name
            return [text for value in values if (text := _filled(value, context, variables, wildcards)) is not None]


def _other(name: str, values: Sequence[str]) -> list[str]:
    """Texts that match none of the values."""
    match _family(name):
        case "Numeric":
            return _outside(name, [number for value in values if (number := read_number(value)) is not None], str)
        case "Date":
            return _outside(name, [moment for value in values if (moment := read_moment(value)) is not None], _date)
        case "Bool":
            said = {read_boolean(value) for value in values}
            return [text for text, value in (("true", True), ("false", False)) if value not in said]
        case "IpAddress" | "NotIpAddress":
            networks = [network for value in values if (network := read_network(value)) is not None]
            return [
                text
                for text in _ADDRESSES
                if (own := read_address(text)) is not None
                and not any(own.version == one.version and own.prefix >> one.shift == one.prefix for one in networks)
            ][:1]
        case "Arn":
            return [f"arn:aws:{OTHER}:::{OTHER}"]
        case _:
            return [OTHER]


def _beside(name: str, limit: Decimal) -> Decimal:
    """A number that stands to `limit` as the operator wants it."""
    if "LessThan" in name and "Equals" not in name:
        return limit - 1
    if "GreaterThan" in name and "Equals" not in name:
        return limit + 1
    return limit


def _outside(name: str, limits: Sequence[Decimal], show: Callable[[Decimal], str]) -> list[str]:
    if not limits:
        return []
    return [show(min(limits) - 1 if "GreaterThan" in name else max(limits) + 1)]


def _date(moment: Decimal) -> str:
    """The moment as policies write it; what lies beyond the calendar as its last day."""
    whole = min(max(moment, Decimal(-62_135_596_800)), _LAST_MOMENT)
    return (_EPOCH + timedelta(seconds=int(whole))).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _first_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    network = read_network(text)
    if network is None:
        raise ValueError(text)
    number = network.prefix << network.shift
    return ipaddress.IPv4Address(number) if network.version == 4 else ipaddress.IPv6Address(number)


def _filled(text: str, context: Context, variables: bool, wildcards: bool) -> str | None:
    """The text with its wildcards and variables filled in; None when a variable has no value."""
    parts = []
    for part in read_template(text, variables=variables, wildcards=wildcards):
        match part:
            case Variable(key, default):
                value = context.get(key, default)
                if not isinstance(value, str):
                    return None
                parts.append(value)
            case Wild():
                parts.append("x")
            case literal:
                parts.append(literal)
    return "".join(parts)
