"""Policies bent in one or two places: reading refuses with PolicyError alone, and what it takes can be asked, explained and warned of."""

from __future__ import annotations

import copy
import json
import os
import random  # noqa: TID251 — the seed of a run
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from daypass.policy import Kind, Layers, PolicyError, context_keys, decide, explain, read_policy, warnings
from daypass.values.decision import Ask
from differential.policy_worlds import ACTIONS, CALLERS, HERE, RESOURCES, Generator

CASES = 100_000 if os.environ.get("DAYPASS_FUZZ") else 4000
SEED = int(os.environ.get("DAYPASS_SEED", "0")) or random.SystemRandom().getrandbits(32)
ODD: list[Any] = [
    None, True, 0, -1.5, 1e400, "", "*", "**", "?", "a", "${", "${}", "${a}", "${a, 'b'}", "${*}", "arn", "arn:aws:s3:::",
    "arn:aws:s3:::${a",
    "sts:*", "s3:Get*:x", ":", "Allow", "allow", "\u0000", "\u017f", "\U0001f511", "x" * 300, "1" * 80, "2026-02-30", "10.0.0.1/33", "YQ=",
    [], [[]], [None], ["*", 1], {}, {"AWS": []}, {"AWS": "*"}, {"*": "*"}, {"a:b": "x"}, {"StringEquals": {"a:b": "${a:c}"}},
    {"ForAnyValue:Null": {"a:b": "true"}}, {"Bool": {"a:b": "${a:c}"}}, {"NumericEquals": {"a:b": "1e3"}}, {"IpAddress": {"a:b": "::/0"}},
]  # fmt: skip
NAMES = [
    "Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
    "Condition", "Extra", "StringLike", "a:b",
]  # fmt: skip


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in `node` as its holder and key."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()):
        yield node, key
        yield from _places(value)


def _bend(pick: random.Random, document: Any) -> Any:
    bent = copy.deepcopy(document)
    for _ in range(pick.choice([1, 1, 2])):
        holder, key = pick.choice(list(_places(bent)))
        match pick.choice(["odd", "odd", "drop", "rename", "nest"]):
            case "odd":
                holder[key] = copy.deepcopy(pick.choice(ODD))
            case "drop":
                del holder[key]
            case "rename" if isinstance(holder, dict):
                holder[pick.choice(NAMES)] = holder.pop(key)
            case _:
                holder[key] = [holder[key]]
        if not isinstance(bent, dict | list) or not bent:
            break
    return bent


@pytest.mark.fuzz
def test_bent_policies_are_refused_or_can_be_asked() -> None:
    print(f"DAYPASS_SEED={SEED}")
    make = Generator(SEED)
    pick = make.random
    seen: Counter[str] = Counter()
    for _ in range(CASES):
        written: Kind = pick.choice(["identity", "trust", "resource", "rcp"])
        text = json.dumps(_bend(pick, make.policy(written)))
        kind: Kind = pick.choice([written, written, *get_args(Kind)])
        try:
            read = read_policy(text, kind)
        except PolicyError as error:
            assert error.message
            seen["refused"] += 1
            continue
        seen["taken"] += 1
        assert all(found.says and found.where.startswith("Statement[") for found in warnings(read.document, kind))
        assert all(isinstance(key, str) for key in context_keys(read.document))
        own = read if kind in ("trust", "resource") else None
        layers = Layers((read,), read, (read,), ((read,),), ((read,),) if kind == "rcp" else ())
        ask = Ask(pick.choice(ACTIONS), pick.choice(RESOURCES), HERE, combine=pick.choice(["none", "either", "must"]), policy=own)
        caller, context = pick.choice(CALLERS), make.context()
        assert explain(ask, caller, context, layers).decision == decide(ask, caller, context, layers)
    assert min(seen["refused"], seen["taken"]) >= CASES / 50, seen
