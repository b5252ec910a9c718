"""Policy variables: `${key}`, `${key, 'default'}` and the literals `${*}`, `${?}`, `${$}`. Does not decide where they may stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from daypass.policy.match import Matcher, Token, read_tokens
from daypass.policy.syntax import PolicyError
from daypass.values.decision import Values
from daypass.values.folding import fold

Context = Mapping[str, Values]

MAX_BOUND = 64  # matchers kept per template, one for each set of values seen


class Variable(NamedTuple):
    """A reference to a condition key (lower-case); `default` stands in when the request has no such key. `spelled`: as it is written."""

    key: str
    default: str | None
    spelled: str


Template = tuple[Token | Variable, ...]

_PLACEHOLDER = re.compile(r"\$\{([^{}',]+)(?:, '([^'{}]*)')?\}")  # IAM User Guide, "IAM policy elements: Variables and tags"


def read_template(text: str, *, variables: bool, wildcards: bool) -> Template:
    """Split `text` into literal runs, wildcards (when `wildcards`) and variables (when `variables`; else `${` is plain text).

    Raises PolicyError for a `${` that does not begin a variable.
    """
    parts: list[Token | Variable] = []

    def add(literal: str) -> None:
        if wildcards:
            parts.extend(read_tokens(literal))
        elif literal:
            parts.append(literal)

    if not variables:
        add(text)
        return tuple(parts)
    at = 0
    while (start := text.find("${", at)) >= 0:
        found = _PLACEHOLDER.match(text, start)
        if found is None:
            raise PolicyError("Syntax errors in policy.", f"policy variable in {text}")
        add(text[at:start])
        key, default = found[1], found[2]
        parts.append(key if key in ("*", "?", "$") and default is None else Variable(fold(key), default, key))
        at = found.end()
    add(text[at:])
    return tuple(parts)


def constant(template: Template) -> tuple[Token, ...] | None:
    """The tokens of a template without variables, else None."""
    tokens = [part for part in template if not isinstance(part, Variable)]
    return tuple(tokens) if len(tokens) == len(template) else None


def bind(template: Template, compile_tokens: Callable[[Sequence[Token]], Matcher]) -> Callable[[Context], Matcher | None]:
    """A function that gives the matcher of `template` for a context, or None when one of its variables cannot be resolved.

    A variable is resolved when its key is there with a single value, or is absent and has a default.
    INVARIANT: a substituted value is literal text; a `*` in a tag's value matches nothing but a `*`.
    """
    variables = tuple(part for part in template if isinstance(part, Variable))

    @lru_cache(MAX_BOUND)
    def matcher(*values: str) -> Matcher:
        rest = iter(values)
        return compile_tokens([next(rest) if isinstance(part, Variable) else part for part in template])

    def bound(context: Context) -> Matcher | None:
        values = []
        for key, default, _ in variables:
            value = context.get(key)
            if value is None or value == ():
                value = default
            if not isinstance(value, str):
                return None
            values.append(value)
        return matcher(*values)

    return bound
