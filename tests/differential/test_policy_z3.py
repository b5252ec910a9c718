"""z3 against `decide`: the formula of a policy says of a request what the engine says, and what compare() says of two policies holds for
every request that we can think of. The seed is printed.
"""

from __future__ import annotations

import itertools
import json
import os
import random  # noqa: TID251  # cases are random, and their seed is printed
from collections import Counter
from typing import Any

import pytest
import z3

from daypass.policy import Kind, Policy, read_policy
from daypass.policy.compare import THE_ROLE, Request, allowed, compare, tells_apart
from daypass.policy.compare_callers import BY_CALLER, Who, callers
from daypass.policy.compare_samples import contexts, names, places
from daypass.policy.compare_terms import Key, Terms, literal
from daypass.policy.document import Document
from daypass.policy.operands import read_address, read_moment, read_number
from daypass.policy.principal import ACCOUNT
from daypass.values.decision import Values
from daypass.values.folding import fold
from differential.policy_worlds import ACTIONS, FAMILIES, MULTIVALUED, RESOURCES, Generator

SEED = int(os.environ.get("DAYPASS_SEED", "0")) or random.SystemRandom().getrandbits(32)
FUZZ = bool(os.environ.get("DAYPASS_FUZZ"))
FORMULAS = 1200 if FUZZ else 120
PAIRS = 150 if FUZZ else 30
TRIES = 25
SECONDS = 2.0


def made(make: Generator, kind: Kind) -> Policy:
    """A random policy, without what makes z3 slow and this test long: it is small anyway."""
    return read_policy(json.dumps(make.policy(kind)), kind, name="p")


def pinned(key: Key, value: Values | None) -> list[Any] | None:
    """That a key is this value; None when the formula cannot hold it (more values than it has places, digits finer than it counts)."""
    if value is None or value == ():
        return [z3.Not(key.present)]
    single = isinstance(value, str)
    values = [value] if isinstance(value, str) else list(value)
    if len(values) > len(key.slots) or (not single and key.name.startswith("aws:") and key.name != fold(MULTIVALUED)):
        return None
    held = [key.present, key.single == single]
    for at, slot in enumerate(key.slots):
        held.append(key.used[at] == (not single and at < len(values)))
        if at < len(values):
            one = held_by(key, at, slot, values[at])
            if one is None:
                return None
            held.append(one)
    return held


def held_by(key: Key, at: int, slot: Any, text: str) -> Any:
    """That one place holds this text, as the key reads it."""
    if key.sort == "text":
        return slot == literal(z3, text)
    unread = z3.And(z3.Not(key.readable[at]), key.null == (text == "")) if at == 0 else z3.Not(key.readable[at])
    if key.sort == "address":
        found = read_address(text)
        return unread if found is None else z3.And(key.readable[at], key.is_v4[at] == (found.version == 4), slot == found.prefix)
    number = read_number(text) if key.sort == "number" else read_moment(text)
    if number is None:
        return unread
    scaled = number * key.scale
    return z3.And(key.readable[at], slot == int(scaled)) if scaled == int(scaled) else None


def formula_of(terms: Terms, policy: Policy, who: Who) -> Any:
    """That the policy allows it: to this caller, where it names callers."""
    caller, bounded = who.caller, who.bounded
    if policy.kind not in BY_CALLER:
        return terms.allows(policy, lambda rule: True, lambda rule: True)
    return terms.allows(policy, lambda rule: rule.closeness(caller) >= ACCOUNT, lambda rule: rule.means(caller, bounded))


@pytest.mark.fuzz
def test_the_formula_of_a_policy_says_what_decide_says() -> None:
    print(f"DAYPASS_SEED={SEED}")
    make = Generator(SEED)
    seen: Counter[bool] = Counter()
    for _ in range(FORMULAS):
        kind: Kind = make.random.choice(["identity", "scp", "resource", "trust"])
        policy = made(make, kind)
        who = make.random.choice(list(callers(policy, policy)))
        terms = Terms(z3, [policy])
        formula = formula_of(terms, policy, who)
        solver = z3.Solver()
        solver.set("timeout", int(SECONDS * 1000))
        solver.add(*(rule for key in terms.keys.values() for rule in key.rules))  # whatever letters the request has
        action = make.random.choice(ACTIONS[:2] if kind == "trust" else ACTIONS)
        resource = THE_ROLE if kind == "trust" else make.random.choice(RESOURCES)
        context = make.context()
        pins = [pinned(key, context.get(name)) for name, key in terms.keys.items()]
        if any(pin is None for pin in pins):
            continue
        here = [terms.action == literal(z3, fold(action)), terms.resource == literal(z3, resource)]
        here += [one for pin in pins if pin is not None for one in pin]
        request = Request(who.caller, action, resource, context, bounded=who.bounded)
        expected = allowed(policy, request)
        can = str(solver.check(formula, *here))
        cannot = str(solver.check(z3.Not(formula), *here))
        told = json.dumps([kind, str(policy.document), action, resource, context, terms.opaque and list(terms.opaque)], default=str)
        # what is opaque may go either way; everything else is exactly what the engine says
        assert (can if expected else cannot) in ("sat", "unknown"), told
        if not terms.opaque:
            assert (cannot if expected else can) in ("unsat", "unknown"), told
            seen[expected] += 1
    assert min(seen[True], seen[False]) >= FORMULAS / 20, seen


@pytest.mark.fuzz
def test_what_is_said_of_two_policies_holds_for_every_request_we_can_think_of() -> None:
    print(f"DAYPASS_SEED={SEED}")
    make = Generator(SEED)
    seen: Counter[bool | None] = Counter()
    for _ in range(PAIRS):
        kind: Kind = make.random.choice(["identity", "identity", "trust", "resource", "scp"])
        new, old = made(make, kind), made(make, kind)
        if make.random.random() < 0.4:
            old = widened(new, make)
        found = compare(new, old, seconds=SECONDS)
        seen[found.broader] += 1
        if found.broader:
            assert found.request is not None
            assert tells_apart(new, old, found.request)
        elif found.broader is False:
            for request in requests(make, new, old):
                assert not tells_apart(new, old, request), (str(new.document), str(old.document), request)
    assert seen[True] >= PAIRS / 10, seen
    assert seen[False] >= PAIRS / 10, seen
    assert seen[None] <= PAIRS / 3, seen


def widened(policy: Policy, make: Generator) -> Policy:
    """The policy with one statement more, so that an allow makes it broader than it was, or nothing."""
    text = make.policy(policy.kind)
    more = read_policy(json.dumps(text), policy.kind).document.statements
    allows = [one for one in more if one.effect == "Allow"]
    return Policy(Document(policy.document.variables, (*policy.document.statements, *allows)), policy.kind, "p", policy.bound)


def requests(make: Generator, new: Policy, old: Policy) -> Any:
    """Requests of the generator, and those that the policies themselves suggest."""
    for who in callers(new, old):
        for _ in range(TRIES):
            context = make.context()
            if new.kind in BY_CALLER:
                context = {key: value for key, value in context.items() if key not in ("aws:principalarn", "aws:principalaccount")}
                context |= who.facts()
            actions = ACTIONS[:2] if new.kind == "trust" else ACTIONS
            resource = THE_ROLE if new.kind == "trust" else make.random.choice(RESOURCES)
            yield Request(who.caller, make.random.choice(actions), resource, context, bounded=who.bounded)
        if new.kind not in BY_CALLER:
            for keys, action, place in itertools.islice(itertools.product(contexts(new, old), names(new, old), places(new, old)), 500):
                yield Request(who.caller, action, place, keys)


def test_every_family_of_operators_has_a_formula() -> None:
    for family, (keys, values) in FAMILIES.items():
        operator = {"String": "StringEquals", "Arn": "ArnEquals", "Numeric": "NumericEquals", "Date": "DateEquals", "Bool": "Bool",
                    "Binary": "BinaryEquals", "Ip": "IpAddress"}[family]  # fmt: skip
        plain = [value for value in values if "${" not in str(value)]
        condition = {operator: {next(iter(keys)): plain}}
        text = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}}
        policy = read_policy(json.dumps(text), "identity")
        terms = Terms(z3, [policy])
        terms.allows(policy, lambda rule: True, lambda rule: True)
        assert terms.opaque == {}, family
