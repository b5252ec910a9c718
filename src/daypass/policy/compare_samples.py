"""Requests worth a try before any proof: actions, resources and condition keys as two policies and AWS's own services name them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from daypass.policy import actions
from daypass.policy.compiled import Policy
from daypass.policy.document import Statement
from daypass.policy.example import OTHER, example
from daypass.policy.match import Wild, compile_any, read_tokens
from daypass.policy.variables import Variable, read_template
from daypass.values.decision import Values
from daypass.values.folding import fold

MAX_ACTIONS = 24  # of each kind one; so many kinds are told apart
MAX_PLACES = 24
MAX_CONTEXTS = 120
TRUST_NAMES = (
    "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity",
    "sts:SetContext",
)  # fmt: skip
_PLACE = re.compile(r"\$\{(\w+)\}", re.ASCII)
_OF_PLACES = {"Partition": "aws", "Account": "111122223333", "Region": "us-east-1"}
_COMMON = ("s3", "ec2", "dynamodb")  # services whose actions stand for those of which the policies do not speak


def names(new: Policy, old: Policy) -> tuple[str, ...]:
    """Known actions: one for each way in which the statements can tell actions apart, those of the policies' own services first."""
    if new.kind == "trust":
        return TRUST_NAMES
    statements = _statements(new, old)
    patterns = [compile_any([read_tokens(fold(action)) for action in one.actions]) for one in statements]
    written = [action for one in statements for action in one.actions if "*" not in action and "?" not in action]
    prefixes = {fold(action).partition(":")[0] for one in statements for action in one.actions} - {"*"}
    known = (action.full_name for prefix in [*sorted(prefixes), *_COMMON] for action in actions.matching(f"{prefix}:*"))
    found: dict[tuple[bool, ...], str] = {}
    for action in chain(written, known):
        found.setdefault(tuple(covers(fold(action)) for covers in patterns), action)
    return tuple(islice(found.values(), MAX_ACTIONS))


def places(new: Policy, old: Policy) -> tuple[str, ...]:
    """Resources as the policies name them, wildcards filled in, and some that none of them means."""
    texts = [(text, policy.document.variables) for policy in (new, old) for one in policy.document.statements for text in one.resources]
    filled = (_filled(text, variables) for text, variables in texts if text != "*")
    return (*islice(dict.fromkeys([*filled, f"arn:aws:s3:::{OTHER}/example"]), MAX_PLACES), "*")


def fitting(action: str, known: Sequence[str]) -> tuple[str, ...]:
    """`known` resources, those first that an action of its service can have: one as AWS documents its ARN, where it does."""
    found = actions.find(action)
    service = actions.find_service(found.service) if found else None
    kinds = [service.resources[kind].arn for kind, _ in found.resources if kind in service.resources] if found and service else []
    own = [_PLACE.sub(lambda place: _OF_PLACES.get(place[1], "example"), arn) for arn in kinds[:1]]
    prefix = f"arn:aws:{fold(action).partition(':')[0]}:"
    return tuple(dict.fromkeys([*(one for one in known if one.startswith(prefix)), *own, *known]))


def words(name: str, policy: Policy) -> Iterator[str]:
    """The values that a policy compares a key with, wildcards filled in; both booleans where it is one."""
    for one in policy.document.statements:
        for operator, keys in one.condition.items():
            for key, values in keys.items():
                if fold(key) == name:
                    yield from ("true", "false") if "Bool" in operator else ()
                    yield from (_filled(value, policy.document.variables) for value in values)


def contexts(new: Policy, old: Policy) -> Iterator[Mapping[str, Values]]:
    """Condition keys with which a statement's conditions hold, or one of them does not; also two statements together."""
    wanted: list[dict[str, Values | None]] = [{}]
    for policy in (new, old):
        for one in policy.document.statements:
            wanted += _of_statement(one, policy.document.variables)
    unique = list({repr(sorted(keys.items(), key=str)): keys for keys in wanted}.values())
    together = (first | second for first, second in itertools.permutations(unique[1:], 2))
    for keys in islice(chain(unique, together), MAX_CONTEXTS):
        yield {key: value for key, value in keys.items() if value is not None}


def _of_statement(one: Statement, variables: bool) -> Iterator[dict[str, Values | None]]:
    lines = [(operator, key, values) for operator, keys in one.condition.items() for key, values in keys.items()]
    good: dict[str, Values | None] = {}
    for operator, key, values in lines:
        found = example(operator, values, {}, holds=True, variables=variables, known=False)
        if found:
            good.setdefault(fold(key), found[0])
    if good:
        yield good
    for operator, key, values in lines:
        for value in example(operator, values, {}, holds=False, variables=variables, known=False):
            yield {**good, fold(key): value}


def _statements(*policies: Policy) -> Sequence[Statement]:
    return [one for policy in policies for one in policy.document.statements]


def _filled(text: str, variables: bool) -> str:
    parts = read_template(text, variables=variables, wildcards=True)
    return "".join(OTHER if isinstance(part, Variable) else "x" if isinstance(part, Wild) else part for part in parts)
