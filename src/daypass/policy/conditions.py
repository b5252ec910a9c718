"""Compile a statement's `Condition` block into one test over the request's context. Does not gather the context (way/facts.py does)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from daypass.policy.operators import OPERATORS, ValueTest
from daypass.policy.syntax import PolicyError
from daypass.policy.variables import Context
from daypass.values.folding import fold

Holds = Callable[[Context], bool]
Block = Mapping[str, Mapping[str, Sequence[str]]]  # operator -> key -> values

_ALL, _ANY, _IF_EXISTS = "ForAllValues:", "ForAnyValue:", "IfExists"


class Condition(NamedTuple):
    """One line of a Condition block: `key` (lower-case) against `values` under `operator`, and whether that holds in a context.

    `spelled` is the key as it is written.
    """

    operator: str
    key: str
    spelled: str
    values: tuple[str, ...]
    holds: Holds


def compile_condition(block: Block, *, variables: bool) -> tuple[Condition, ...]:
    """The conditions of a Condition block, all of which must hold.

    `variables` tells whether the policy's version knows policy variables. Raises PolicyError for an unknown operator and for a
    constant that the operator cannot read.
    """
    return tuple(
        Condition(operator, fold(key), key, tuple(values), _compile_key(operator, fold(key), values, variables))
        for operator, keys in block.items()
        for key, values in keys.items()
    )


def all_hold(tests: Sequence[Condition]) -> Holds | None:
    """One test that holds when all of `tests` do; None when there is nothing to test."""
    holds = tuple(test.holds for test in tests)
    if not holds:
        return None
    if len(holds) == 1:
        return holds[0]
    if len(holds) == 2:
        first, second = holds
        return lambda context: first(context) and second(context)
    return lambda context: all(one(context) for one in holds)


def quantified(operator: str) -> tuple[str, str, bool]:
    """The parts of an operator: its quantifier ("ForAllValues:", "ForAnyValue:" or ""), its plain name, whether it ends in IfExists."""
    quantifier = next((prefix for prefix in (_ALL, _ANY) if operator.startswith(prefix)), "")
    name = operator.removeprefix(quantifier)
    return quantifier, name.removesuffix(_IF_EXISTS), name.endswith(_IF_EXISTS)


def _compile_key(operator: str, key: str, values: Sequence[str], variables: bool) -> Holds:
    quantifier, name, if_exists = quantified(operator)
    if operator == "Null":
        return _null(key, values)
    known = OPERATORS.get(name)
    if known is None:
        raise PolicyError("Syntax errors in policy.", f"condition operator {operator}")
    test = known.compile(values, variables)
    if quantifier == _ALL:
        return _all_values(key, test, known.negated)
    if quantifier == _ANY:
        return _any_value(key, test, known.negated, if_exists)
    return _single(key, test, known.negated, if_exists)


def _null(key: str, values: Sequence[str]) -> Holds:
    wanted = set()
    for value in values:
        if fold(value) not in ("true", "false"):
            raise PolicyError("Syntax errors in policy.", f"Null takes true or false, not {value}")
        wanted.add(fold(value) == "true")
    return lambda context: (context.get(key, ()) == ()) in wanted


def _single(key: str, test: ValueTest, negated: bool, if_exists: bool) -> Holds:
    """Without a set operator: an absent key matches only if negated or `IfExists`; a multi-valued key matches no value."""
    absent = negated or if_exists

    def holds(context: Context) -> bool:
        value = context.get(key)
        if value is None or value == ():
            return absent
        return (isinstance(value, str) and test(value, context)) is not negated

    return holds


def _all_values(key: str, test: ValueTest, negated: bool) -> Holds:
    """Every value of the request passes; true when there is none, or "a null data set, such as an empty string".

    Source: IAM User Guide, "Set operators for multivalued context keys".
    """

    def holds(context: Context) -> bool:
        value = context.get(key, ())
        if not value:
            return True
        values = (value,) if isinstance(value, str) else value
        return all(test(one, context) is not negated for one in values)

    return holds


def _any_value(key: str, test: ValueTest, negated: bool, if_exists: bool) -> Holds:
    """Some value of the request passes; false when there is none, unless `IfExists`."""

    def holds(context: Context) -> bool:
        value = context.get(key, ())
        values = (value,) if isinstance(value, str) else value
        return any(test(one, context) is not negated for one in values) if values else if_exists

    return holds
