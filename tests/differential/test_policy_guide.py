"""Situations of the IAM User Guide (tests/vectors/policy), answered by the engine and by the oracle."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from spec import policy_spec

from daypass.policy import Layers, decide, read_policy
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Values
from unit.policy import people

FOLDER = Path(__file__).parents[1] / "vectors" / "policy"
FILES = ("guide", "operators", "examples", "organizations", "evaluation")
VECTORS: list[dict[str, Any]] = [vector for name in FILES for vector in json.loads((FOLDER / f"{name}.json").read_text("utf-8"))]
CASES = [(vector, one) for vector in VECTORS for one in vector["asks"]]


def _layers(vector: dict[str, Any]) -> Layers:
    return Layers(
        tuple(read_policy(json.dumps(one), "identity") for one in vector.get("identity", [])),
        read_policy(json.dumps(vector["boundary"]), "boundary") if "boundary" in vector else None,
        tuple(read_policy(json.dumps(one), "session") for one in vector["session"]) if "session" in vector else None,
        tuple(tuple(read_policy(json.dumps(one), "scp") for one in level) for level in vector.get("scps", [])),
        tuple(tuple(read_policy(json.dumps(one), "rcp") for one in level) for level in vector.get("rcps", [])),
    )


@pytest.mark.parametrize(("vector", "one"), CASES, ids=[f"{vector['name']}-{at}" for at, (vector, _) in enumerate(CASES)])
def test_what_the_user_guide_says(vector: dict[str, Any], one: dict[str, Any]) -> None:
    caller: Caller = getattr(people, one["caller"])
    owner = one.get("owner", caller.account)
    context: dict[str, Values] = {key: tuple(value) if isinstance(value, list) else value for key, value in one["context"].items()}
    own = read_policy(json.dumps(vector["resource"]), vector["kind"]) if "resource" in vector else None
    decision = decide(Ask(one["action"], one["resource"], owner, combine=vector["combine"], policy=own), caller, context, _layers(vector))
    assert ("allowed" if decision.allowed else "explicitDeny" if decision.explicit else "implicitDeny") == one["answer"]
    told = policy_spec.decide(
        (one["action"], one["resource"], owner, vector["combine"], vector.get("resource")), asdict(caller), context,
        vector.get("identity", []), vector.get("boundary"), vector.get("session"), vector.get("scps", ()),
        vector.get("rcps", ()),
    )  # fmt: skip
    assert told == one["answer"]
