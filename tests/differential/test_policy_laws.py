"""Laws that every decision keeps, on random policies and requests: guards only narrow, denies only deny, order does not count."""

from __future__ import annotations

import json
import os
import random  # noqa: TID251 — the seed of a run
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from daypass.policy import Kind, Layers, Policy, decide, read_policy
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision, Values
from differential.policy_worlds import ACTIONS, CALLERS, HERE, LIKELY, LINKED, RESOURCES, Generator

CASES = int(os.environ.get("DAYPASS_POLICY_CASES", "50000")) // 40
SEED = int(os.environ.get("DAYPASS_SEED", "0")) or random.SystemRandom().getrandbits(32)


KINDS: dict[str, Kind] = {"scps": "scp", "rcps": "rcp", "boundary": "boundary", "session": "session"}  # by the field of Layers


class Case(NamedTuple):
    make: Generator
    ask: Ask
    caller: Caller
    context: dict[str, Values]
    layers: Layers

    def decide(self, layers: Layers | None = None, policy: Policy | None = None) -> Decision:
        """The answer, with other layers or another policy of the resource's."""
        ask = self.ask if policy is None else replace(self.ask, policy=policy)
        return decide(ask, self.caller, self.context, self.layers if layers is None else layers)


def _read(document: Any, kind: Kind) -> Policy:
    return read_policy(json.dumps(document), kind, name=kind)


def _cases() -> Iterator[Case]:
    print(f"DAYPASS_SEED={SEED} DAYPASS_POLICY_CASES={CASES * 40}")
    make = Generator(SEED)
    for _ in range(CASES):
        pick = make.random
        own = _read(make.policy("resource"), "resource") if pick.random() < 0.8 else None
        caller = pick.choice(CALLERS + LIKELY)
        ask = Ask(
            pick.choice(ACTIONS), pick.choice(RESOURCES), pick.choice([HERE, caller.account]),
            combine=pick.choice(["none", "either", "must"]), policy=own,
        )  # fmt: skip
        identity = tuple(_read(make.policy("identity"), "identity") for _ in range(pick.choice([0, 1, 2])))
        boundary = _read(make.policy("boundary"), "boundary") if pick.random() < 0.2 else None
        session = (_read(make.policy("session"), "session"),) if pick.random() < 0.2 else None
        yield Case(make, ask, caller, make.context(), Layers(identity, boundary, session))


def test_a_guard_only_narrows() -> None:
    narrowed: Counter[str] = Counter()
    for case in _cases():
        before = case.decide()
        for name in KINDS:
            if getattr(case.layers, name):
                continue
            if name == "session" and case.caller.kind == "federated-user":
                continue  # to whom session policies give what the user's own allow
            kind = KINDS[name]
            guard = _read(case.make.policy(kind), kind)
            value: Any = {"scps": ((guard,),), "rcps": ((guard,),), "boundary": guard, "session": (guard,)}[name]
            after = case.decide(replace(case.layers, **{name: value}))
            assert before.allowed or not after.allowed, (name, case)
            assert after.explicit or not before.explicit, (name, case)
            narrowed[name] += before.allowed and not after.allowed
    assert all(narrowed[name] >= 10 for name in KINDS), narrowed


def test_a_deny_of_everything_denies_wherever_it_stands() -> None:
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    deny = {"Version": "2012-10-17", "Statement": statement}
    kinds: tuple[Kind, ...] = ("identity", "boundary", "session", "scp")
    denies = {kind: _read(deny, kind) for kind in kinds}
    everyone = _read(deny | {"Statement": statement | {"Principal": "*"}}, "resource")
    for case in _cases():
        layers = case.layers
        assert case.decide(replace(layers, identity=(*layers.identity, denies["identity"]))).explicit
        assert case.decide(replace(layers, boundary=denies["boundary"])).explicit
        assert case.decide(replace(layers, session=(denies["session"], *(layers.session or ())))).explicit
        assert case.decide(policy=everyone).explicit
        assert case.decide(replace(layers, scps=((denies["scp"],),))).explicit or case.caller is LINKED


def test_neither_order_nor_division_into_policies_counts() -> None:
    for case in _cases():
        statements = [case.make.statement("identity") for _ in range(5)]
        whole = {"Version": "2012-10-17", "Statement": statements}
        turned = {"Version": "2012-10-17", "Statement": statements[::-1]}
        parts = tuple(_read(whole | {"Statement": one}, "identity") for one in statements)
        answers = {
            (told.allowed, told.explicit)
            for identity in ((_read(whole, "identity"),), (_read(turned, "identity"),), parts, parts[::-1], (*parts, *parts))
            if (told := case.decide(replace(case.layers, identity=identity)))
        }
        assert len(answers) == 1, case


@pytest.mark.parametrize("kind", ["identity", "scp"])
def test_nothing_is_allowed_that_no_statement_allows(kind: str) -> None:
    """Denies alone, and guards alone, allow nothing to anyone but the root user."""
    for case in _cases():
        if case.caller.principal_id == case.caller.account:
            continue
        statements = [case.make.statement("identity") | {"Effect": "Deny"} for _ in range(3)]
        denies = (_read({"Version": "2012-10-17", "Statement": statements}, "identity"),)
        guards = ((_read({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "scp"),),)
        layers = Layers(denies) if kind == "identity" else Layers(scps=guards)
        assert not decide(replace(case.ask, policy=None), case.caller, case.context, layers).allowed
