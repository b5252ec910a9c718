"""decide against spec/policy_spec.py on random policies, callers, resources and contexts; the seed is printed."""

from __future__ import annotations

import json
import os
import random  # noqa: TID251 — the seed of a run
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest
from spec import policy_spec

from daypass.policy import Explanation, Kind, Layers, Policy, decide, explain, read_policy
from daypass.policy.operators import OPERATORS
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Combine, Decision
from differential.policy_worlds import ACTIONS, CALLERS, HERE, LIKELY, RESOURCES, Generator, World

CASES = int(os.environ.get("DAYPASS_POLICY_CASES", "50000"))
RUNS = 20 if os.environ.get("DAYPASS_FUZZ") else 1  # a million by `make fuzz`
SEED = int(os.environ.get("DAYPASS_SEED", "0")) or random.SystemRandom().getrandbits(32)
ASKS_PER_WORLD = 8
EXPLAINED = 10  # every so many cases are explained too


def _compile(world: World) -> tuple[Layers, Policy | None]:
    def read(document: Any, kind: Kind) -> Policy:
        return read_policy(json.dumps(document), kind, name=kind, principals=world.bound)

    made = world.documents
    scps, rcps = (
        tuple(tuple(read(one, kind) for one in level) for level in made.get(f"{kind}s", [])) for kind in ("scp", "rcp")
    )
    layers = Layers(
        tuple(read(one, "identity") for one in made["identity"]),
        read(made["boundary"], "boundary") if made.get("boundary") else None,
        None if made.get("session") is None else tuple(read(one, "session") for one in made["session"]),
        scps,
        rcps,
    )
    return layers, read(made["resource"], world.kind) if made.get("resource") else None


def _as_dict(caller: Caller) -> dict[str, Any]:
    return {one.name: getattr(caller, one.name) for one in fields(caller)}


SPOKEN = {id(caller): _as_dict(caller) for caller in CALLERS}


def _told(decision: Decision) -> str:
    return "allowed" if decision.allowed else "explicitDeny" if decision.explicit else "implicitDeny"


def _check_explanation(told: Explanation, decision: Decision) -> None:
    """What is explained adds up to what was decided."""
    assert told.decision == decision
    denying = {one.layer for one in told.layers if one.said == "deny"}
    if decision.explicit:
        assert decision.layer in denying
    else:
        assert not denying
        short = [one.layer for one in told.layers if one.needed and one.said == "nothing"]
        assert (short == []) is decision.allowed
        assert decision.allowed or decision.layer in short
    for layer in told.layers:
        assert all(one.failed == () for one in layer.matched)
        assert all(one.failed != () for one in layer.missed)


@pytest.mark.fuzz
@pytest.mark.parametrize("run", range(RUNS))
def test_decide_agrees_with_the_user_guide(run: int) -> None:
    print(f"DAYPASS_SEED={SEED} DAYPASS_POLICY_CASES={CASES}")
    make = Generator(SEED + run)
    outcomes: Counter[str] = Counter()
    layers_seen: Counter[tuple[str, str]] = Counter()
    operators_seen: defaultdict[str, set[str]] = defaultdict(set)
    kinds_allowed: set[str] = set()
    cases = 0
    while cases < CASES:
        world = make.world()
        layers, own = _compile(world)
        documents = world.documents
        for _ in range(ASKS_PER_WORLD):
            cases += 1
            caller = CALLERS[0] if world.focus else make.random.choice(CALLERS + LIKELY)
            combine: Combine = "none" if world.focus else make.random.choice(["none", "either", "must"])
            owner = HERE if world.focus else make.random.choice([HERE, caller.account])
            action = make.random.choice(ACTIONS[:2] if combine == "must" else ACTIONS)
            resource, context = make.random.choice(RESOURCES), make.context()
            ask = Ask(action, resource, owner, combine=combine, policy=own)
            decision = decide(ask, caller, context, layers)
            expected = policy_spec.decide(
                (action, resource, owner, combine, documents.get("resource")), SPOKEN[id(caller)], context, documents["identity"],
                documents.get("boundary"), documents.get("session"), documents.get("scps", ()), documents.get("rcps", ()), world.bound,
            )  # fmt: skip
            told = _told(decision)
            assert told == expected, json.dumps([documents, world.bound, caller.kind, caller.arn, str(ask), context])
            if cases % EXPLAINED == 0:
                _check_explanation(explain(ask, caller, context, layers), decision)
            outcomes[told] += 1
            layers_seen[decision.layer, told] += 1
            operators_seen[world.focus].add(told)
            if decision.allowed:
                kinds_allowed.add(caller.kind)
    print(json.dumps({"cases": cases, **outcomes, "layers": {" ".join(key): count for key, count in sorted(layers_seen.items())}}))
    assert outcomes["allowed"] >= 0.3 * cases, outcomes
    if cases >= 20_000:
        _check_coverage(layers_seen, operators_seen)
        assert kinds_allowed == {caller.kind for caller in CALLERS}


def _check_coverage(layers_seen: Counter[tuple[str, str]], operators_seen: Mapping[str, set[str]]) -> None:
    """Every layer denied in both ways, those that can allow did, and every operator alone decided both ways."""
    for layer in ("identity", "trust", "resource", "boundary", "session", "scp", "rcp"):
        assert layers_seen[layer, "explicitDeny"] >= 20, (layer, layers_seen)
        assert layers_seen[layer, "implicitDeny"] >= 20, (layer, layers_seen)
    for layer in ("identity", "trust", "resource"):
        assert layers_seen[layer, "allowed"] >= 20, (layer, layers_seen)
    one_sided = {name: told for name in [*OPERATORS, "Null"] if len(told := operators_seen[name]) < 2}
    assert one_sided == {}
