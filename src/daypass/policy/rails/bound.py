"""What a statement's conditions hold a request to: the values of which one must be there. Does not judge them (the rails do)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from daypass.policy.document import Statement
from daypass.policy.match import compile_glob, read_tokens
from daypass.values.folding import fold

# Operators that hold only when the key is there with one of the values. Left out on purpose: `…IfExists` and `ForAllValues:` hold
# without the key, negations hold for all other values, Null for any (IAM User Guide, "Condition operators").
_EXACT = ("StringEquals", "StringEqualsIgnoreCase", "NumericEquals", "IpAddress", "Bool", "BinaryEquals")
_WITH_WILDCARDS = ("StringLike", "ArnLike", "ArnEquals")
_END = "\0"  # stands after a value that has no open end
WHOLE = re.compile(r"[^\0]+\0")  # a value without wildcards


def bound_values(statement: Statement, keys: Collection[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each condition that holds one of `keys` (folded) to a list of values: the key, folded, and the values' fixed beginnings.

    A beginning ends where a wildcard or policy variable stands, or with a NUL where the whole value is fixed.
    """
    for operator, conditions in statement.condition.items():
        name = operator.removeprefix("ForAnyValue:")
        if name not in _EXACT and name not in _WITH_WILDCARDS:
            continue
        for key, values in conditions.items():
            if fold(key) in keys:
                yield fold(key), tuple(_beginning(value, name) for value in values)


def is_bound(statement: Statement, wanted: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether a condition holds one of the keys (folded) of `wanted` to values all of which begin as its pattern says."""
    held = bound_values(statement, wanted.keys())
    return any(all(wanted[key].match(value) for value in values) for key, values in held)


def covers(statement: Statement, action: str) -> bool:
    """Whether the statement speaks of `action` (folded)."""
    named = any(compile_glob(read_tokens(fold(pattern)))(action) for pattern in statement.actions)
    return named is not statement.not_action


def _beginning(value: str, operator: str) -> str:
    if operator == "IpAddress" and value.endswith("/0"):
        return ""  # every address
    marks = ("*", "?", "${") if operator in _WITH_WILDCARDS else ("${",)
    ends = [at for mark in marks if (at := value.find(mark)) >= 0]
    return value[: min(ends)] if ends else value + _END
