"""Read the JSON of a policy strictly: what is ambiguous is refused. Does not know the policy language (document.py does)."""

from __future__ import annotations

import json
from typing import NoReturn

from daypass.values.nesting import MAX_NESTING, is_too_deep

# Characters; ours. The longest of AWS's own policies has 152,242; what customers send is held to 131,072 (IAM model, `policyDocumentType`)
# by wire, as are the shorter limits of other operations.
MAX_TEXT = 163_840


class PolicyError(Exception):
    """A policy is not well formed. `message` is the text for the caller (MalformedPolicyDocument), `position` where, "" if not known."""

    def __init__(self, message: str, position: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class Number(str):
    """A JSON number, kept as it was written, since conditions compare it as text or as an exact decimal."""

    __slots__ = ()


class _Invalid(Exception):
    """Why the text is not JSON that we take."""


def read_json(text: str, refusal: str) -> object:
    """The value of a JSON text; numbers stay text (`Number`).

    Raises PolicyError(`refusal`) for bad JSON, duplicate keys, NaN and infinities, lone surrogates, nesting beyond
    MAX_NESTING and more than MAX_TEXT characters (attacks sheet §2.1: json.loads keeps the last duplicate and takes NaN).
    """
    if len(text) > MAX_TEXT:
        raise PolicyError(refusal, f"longer than {MAX_TEXT} characters")
    if is_too_deep(text):
        raise PolicyError(refusal, f"nested deeper than {MAX_NESTING}")
    try:
        value: object = json.loads(
            text, object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_constant
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise PolicyError(refusal, f"line {error.lineno} column {error.colno}") from None
    except (_Invalid, RecursionError, UnicodeEncodeError) as error:
        raise PolicyError(refusal, str(error)) from None
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Invalid(f"duplicate key {next(name for name in names if names.count(name) > 1)}")
    return result


def _constant(name: str) -> NoReturn:
    raise _Invalid(f"{name} is not JSON")
