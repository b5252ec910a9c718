"""What `Suppose` says of a request against `decide` on many requests that differ in what may be chosen; the seed is printed."""

from __future__ import annotations

import os
import random  # noqa: TID251  # the seed of a run
from collections import Counter
from dataclasses import replace

import pytest

from daypass.policy import Suppose, decide
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Combine, Values
from differential.policy_worlds import ACTIONS, FAMILIES, HERE, LIKELY, RESOURCES, Generator
from differential.test_policy import _compile

SEED = int(os.environ.get("DAYPASS_SEED", "0")) or random.SystemRandom().getrandbits(32)
WORLDS = 20_000 if os.environ.get("DAYPASS_FUZZ") else 800
CHOICES = 40  # other values of the free keys that are tried against a "denied"
KEYS = sorted({key.lower() for keys, _ in FAMILIES.values() for key in keys})


@pytest.mark.fuzz
def test_a_no_is_a_no_whatever_is_chosen_and_an_if_comes_true() -> None:
    print(f"DAYPASS_SEED={SEED}")
    make = Generator(SEED)
    seen: Counter[str] = Counter()
    for _ in range(WORLDS):
        layers, own = _compile(make.world())
        free = {key for key in KEYS if make.random.random() < 0.6}
        suppose = Suppose(free.__contains__)
        caller: Caller = make.random.choice(LIKELY)
        combine: Combine = make.random.choice(["none", "either", "must"])
        action = make.random.choice(ACTIONS[:2] if combine == "must" else ACTIONS)
        ask = Ask(action, make.random.choice(RESOURCES), make.random.choice([HERE, caller.account]), combine=combine, policy=own)
        context = make.context()
        told = suppose.ask(ask, caller, context, layers)
        seen[told.verdict] += 1
        assert (told.verdict == "allowed") is decide(ask, caller, context, layers).allowed
        assert told == suppose.ask(replace(ask), caller, context, layers)
        if told.verdict == "conditional":
            assert told.assumed
            assert told.assumed.keys() <= free
            chosen = {key: value for key, value in {**context, **told.assumed}.items() if value is not None}
            assert decide(ask, caller, chosen, layers).allowed
            for key in told.assumed:  # and each of it is needed
                less: dict[str, Values] = {name: value for name, value in chosen.items() if name != key}
                less |= {key: context[key]} if key in context else {}
                assert not decide(ask, caller, less, layers).allowed
        elif told.verdict == "denied":
            fixed = {key: value for key, value in context.items() if key not in free}
            for _ in range(CHOICES):
                chosen = fixed | {key: value for key, value in make.context().items() if key in free}
                assert not decide(ask, caller, chosen, layers).allowed, (ask, caller, chosen, free)
    assert seen["conditional"] >= WORLDS / 50, seen
    assert seen["denied"] >= WORLDS / 10, seen
    assert seen["unknown"] <= seen["conditional"], seen
