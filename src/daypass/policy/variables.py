"""Policy variables: `${key}`, `${key, 'default'}` and the literals `${*}`, `${?}`, `${$}`. Does not decide where they may stand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from daypass.policy.match import Token, read_tokens
from daypass.policy.syntax import PolicyError
from daypass.values.decision import Values
from daypass.values.folding import fold

Context = Mapping[str, Values]


class Variable(NamedTuple):
    """A reference to a condition key (lower-case); `default` stands in when the request has no such key."""

    key: str
    default: str | None


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
        parts.append(key if key in ("*", "?", "$") and default is None else Variable(fold(key), default))
        at = found.end()
    add(text[at:])
    return tuple(parts)


def constant(template: Template) -> tuple[Token, ...] | None:
    """The tokens of a template without variables, else None."""
    tokens = [part for part in template if not isinstance(part, Variable)]
    return tuple(tokens) if len(tokens) == len(template) else None


def expand(template: Template, context: Context) -> Sequence[Token] | None:
    """The template with its variables replaced, or None when one cannot be resolved (absent without default, or multi-valued).

    INVARIANT: a substituted value is literal text; a `*` in a tag's value matches nothing but a `*`.
    """
    tokens: list[Token] = []
    for part in template:
        if isinstance(part, Variable):
            value = context.get(part.key)
            if value is None or value == ():
                value = part.default
            if not isinstance(value, str):
                return None
            tokens.append(value)
        else:
            tokens.append(part)
    return tokens
