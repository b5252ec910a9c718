"""The condition operators: each turns its policy values into a test of one value of the request. Absent keys and sets are not its matter.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import base64
import binascii
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from daypass.policy.match import Matcher, Token, Wild, compile_any, compile_glob
from daypass.policy.operands import Network, read_address, read_boolean, read_moment, read_network, read_number
from daypass.policy.syntax import PolicyError
from daypass.policy.variables import Context, Template, bind, constant, read_template
from daypass.values.folding import fold

ValueTest = Callable[[str, Context], bool]  # does this value of the request match any value of the policy?
Read = TypeVar("Read")

ARN_PARTS = 6


@dataclass(frozen=True, slots=True)
class Operator:
    """`compile(values, variables)` gives the test of the positive form; `negated` operators hold when it does not match."""

    compile: Callable[[Sequence[str], bool], ValueTest]
    negated: bool = False


def _templates(values: Sequence[str], variables: bool, wildcards: bool) -> list[Template]:
    return [read_template(value, variables=variables, wildcards=wildcards) for value in values]


def _text_test(templates: Sequence[Template], compile_all: Callable[[Sequence[Sequence[Token]]], Matcher]) -> ValueTest:
    """Constants are compiled once, templates with variables when they are asked; one that cannot be resolved matches nothing."""
    fixed = compile_all([tokens for template in templates if (tokens := constant(template)) is not None])
    open_ = tuple(bind(template, lambda tokens: compile_all([tokens])) for template in templates if constant(template) is None)
    if not open_:
        return lambda value, context: fixed(value)

    def test(value: str, context: Context) -> bool:
        return fixed(value) or any((matches := bound(context)) is not None and matches(value) for bound in open_)

    return test


def _any(tests: Sequence[Callable[[Read], bool]]) -> Callable[[Read], bool]:
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _string(values: Sequence[str], variables: bool) -> ValueTest:
    return _text_test(_templates(values, variables, wildcards=False), compile_any)


def _string_like(values: Sequence[str], variables: bool) -> ValueTest:
    return _text_test(_templates(values, variables, wildcards=True), compile_any)


def _string_ignoring_case(values: Sequence[str], variables: bool) -> ValueTest:
    return _text_test(_templates(values, variables, wildcards=False), _any_ignoring_case)


def _any_ignoring_case(patterns: Sequence[Sequence[Token]]) -> Matcher:
    matches = compile_any([[fold(token) if isinstance(token, str) else token for token in tokens] for tokens in patterns])
    return lambda value: matches(fold(value))


def _arn(values: Sequence[str], variables: bool) -> ValueTest:
    return _text_test(_templates(values, variables, wildcards=True), _any_arn)


def _any_arn(patterns: Sequence[Sequence[Token]]) -> Matcher:
    """Each of the six parts is matched by itself, so that a `*` cannot reach over a colon; the last part keeps its colons."""
    wanted = [[compile_glob(part) for part in parts] for tokens in patterns if len(parts := _arn_parts(tokens)) == ARN_PARTS]

    def match(value: str) -> bool:
        given = value.split(":", ARN_PARTS - 1)
        if len(given) != ARN_PARTS:
            return False
        return any(all(matches(part) for matches, part in zip(matchers, given, strict=True)) for matchers in wanted)

    return match


def _arn_parts(tokens: Sequence[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        pieces = [token] if isinstance(token, Wild) else token.split(":", ARN_PARTS - len(parts))
        parts[-1].append(pieces[0])
        parts.extend([piece] for piece in pieces[1:])
    return parts


def _boolean(values: Sequence[str], variables: bool) -> ValueTest:
    for value in values:
        if read_boolean(value) is None and not (variables and "${" in value):
            raise PolicyError("Syntax errors in policy.", f"not a boolean: {value}")
    return _string_ignoring_case(values, variables)


def _binary(values: Sequence[str], variables: bool) -> ValueTest:
    known = set()
    for value in values:
        try:
            known.add(base64.b64encode(base64.b64decode(value.encode("ascii"), validate=True)).decode("ascii"))
        except (binascii.Error, UnicodeEncodeError):
            raise PolicyError("Syntax errors in policy.", f"not base64: {value}") from None
    return lambda value, context: value in known


def _constants(values: Sequence[str], read: Callable[[str], Read | None]) -> tuple[Read, ...]:
    """The policy's values as `read` understands them; AWS refuses the others when the policy is saved."""
    constants = []
    for value in values:
        parsed = read(value)
        if parsed is None:
            raise PolicyError("Syntax errors in policy.", f"invalid value in condition: {value}")
        constants.append(parsed)
    return tuple(constants)


def _ordered(read: Callable[[str], Read | None], compare: Callable[[Read, Read], bool]) -> Callable[[Sequence[str], bool], ValueTest]:
    def compile_(values: Sequence[str], variables: bool) -> ValueTest:
        return _read_and(read, _any([_against(compare, limit) for limit in _constants(values, read)]))

    return compile_


def _against(compare: Callable[[Read, Read], bool], limit: Read) -> Callable[[Read], bool]:
    return lambda given: compare(given, limit)


def _read_and(read: Callable[[str], Read | None], matches: Callable[[Read], bool]) -> ValueTest:
    """What cannot be read matches nothing."""

    def test(value: str, context: Context) -> bool:
        given = read(value)
        return given is not None and matches(given)

    return test


def _address(values: Sequence[str], variables: bool) -> ValueTest:
    return _read_and(read_address, _any([_within(network) for network in _constants(values, read_network)]))


def _within(network: Network) -> Callable[[Network], bool]:
    version, prefix, shift = network
    return lambda address: address.version == version and address.prefix >> shift == prefix


_COMPARISONS = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}

OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator(_string),
    "StringNotEquals": Operator(_string, negated=True),
    "StringEqualsIgnoreCase": Operator(_string_ignoring_case),
    "StringNotEqualsIgnoreCase": Operator(_string_ignoring_case, negated=True),
    "StringLike": Operator(_string_like),
    "StringNotLike": Operator(_string_like, negated=True),
    "NumericNotEquals": Operator(_ordered(read_number, operator.eq), negated=True),
    "DateNotEquals": Operator(_ordered(read_moment, operator.eq), negated=True),
    **{f"Numeric{name}": Operator(_ordered(read_number, compare)) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": Operator(_ordered(read_moment, compare)) for name, compare in _COMPARISONS.items()},
    "Bool": Operator(_boolean),
    "BinaryEquals": Operator(_binary),
    "IpAddress": Operator(_address),
    "NotIpAddress": Operator(_address, negated=True),
    "ArnEquals": Operator(_arn),
    "ArnLike": Operator(_arn),
    "ArnNotEquals": Operator(_arn, negated=True),
    "ArnNotLike": Operator(_arn, negated=True),
}
