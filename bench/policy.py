"""What a decision costs, in this process: 12 and 200 statements, beside the naive reader of spec/ and cedarpy; hostile wildcards.

Every figure is CPU time, the least of several rounds taken in turn, so that other work on the machine falls on all alike.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from daypass.policy import Kind, Layers, Policy, decide, read_policy
from daypass.values.caller import Caller
from daypass.values.decision import Ask

try:
    import cedarpy
except ImportError:
    cedarpy = None

sys.path.append(str(Path(__file__).parents[1]))
from spec import policy_spec

FLAT, NAIVE, CEDAR, WILD, COMPILE_SECONDS = 1.5, 40.0, 20.0, 100.0, 10.0  # issue 4, "Performance"
CONDITIONS_MS = 50.0  # attacks row H66
FEW, MANY = 12, 200
POLICY_SIZE = 6144  # IAM quota of a managed policy
RESOURCE_SIZE = 1000
COMPILED = 10_000

ACCOUNT = "111111111111"
_ARN = f"arn:aws:iam::{ACCOUNT}:user/ann"
ANN = Caller("user", ACCOUNT, _ARN, "AIDAANN", _ARN, "AIDAANN")
KEY = "arn:aws:s3:::bucket-7/k"
Timed = Mapping[str, Callable[[], object]]


def measure(rounds: int) -> tuple[dict[str, float], list[tuple[str, float, float, bool]]]:
    """Microseconds by name, and the goals as (what, reached, goal, whether at most that)."""
    micros = _least(_warm() | _naive() | _cedar() | _layers(), rounds)
    cold = _least(_cold(), rounds)
    wild = _least(_wild(), rounds)
    conditions = _least(_hostile_conditions(), rounds)
    seconds = _compile_seconds()
    ours = {count: micros[f"decide, {count} statements"] for count in (FEW, MANY)}
    goals = [
        ("decide: 200 statements / 12", ours[MANY] / ours[FEW], FLAT, True),
        ("decide, new resource: 200 statements / 12", cold[f"new resource, {MANY}"] / cold[f"new resource, {FEW}"], FLAT, True),
        ("decide: times the naive reader, 12", micros[f"naive, {FEW}"] / ours[FEW], NAIVE, False),
        ("decide: times the naive reader, 200", micros[f"naive, {MANY}"] / ours[MANY], NAIVE, False),
        ("decide: hostile wildcards / ordinary", max(wild[name] for name in wild if name != "ordinary") / wild["ordinary"], WILD, True),
        ("decide: hostile conditions, ms", max(conditions.values()) / 1000, CONDITIONS_MS, True),
        ("compile 10,000 policies, s", seconds, COMPILE_SECONDS, True),
    ]
    if cedarpy is not None:
        goals += [(f"decide: times cedarpy, {count}", micros[f"cedarpy, {count}"] / ours[count], CEDAR, False) for count in (FEW, MANY)]
    hostile = {"wildcards": wild, "conditions": conditions}.items()
    return micros | cold | {f"{kind}: {name}": value for kind, found in hostile for name, value in found.items()}, goals


def _least(timed: Timed, rounds: int) -> dict[str, float]:
    """The least time of one call, in microseconds; each is called often enough for about 20 ms."""
    counts = {}
    for name, call in timed.items():
        started = time.thread_time()
        call()
        once = time.thread_time() - started
        counts[name] = max(1, min(20_000, int(0.02 / max(once, 1e-7))))
    least = dict.fromkeys(timed, float("inf"))
    for _ in range(rounds):
        for name, call in timed.items():
            numbers = range(counts[name])
            started = time.thread_time()
            for _ in numbers:
                call()
            least[name] = min(least[name], (time.thread_time() - started) / counts[name] * 1e6)
    return least


def _document(count: int) -> dict[str, Any]:
    """One action on many buckets, a statement each: all of them speak of the action."""
    statements = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::bucket-{number}/*"} for number in range(count)]
    return {"Version": "2012-10-17", "Statement": statements}


def _read(document: Mapping[str, Any], kind: Kind = "identity") -> Policy:
    return read_policy(json.dumps(document), kind)


def _ask(layers: Layers, resource: str = KEY) -> Callable[[], object]:
    ask = Ask("s3:GetObject", resource, ACCOUNT)
    return lambda: decide(ask, ANN, {}, layers)


def _warm() -> Timed:
    return {f"decide, {count} statements": _ask(Layers((_read(_document(count)),))) for count in (FEW, MANY)}


def _layers() -> Timed:
    """What a layer costs that is there; one that is not is what the others have been measured with."""
    own = (_read(_document(FEW)),)
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    open_, guard = _read(everything, "boundary"), ((_read(everything, "scp"),),)
    return {
        "decide, with a boundary": _ask(Layers(own, open_)),
        "decide, with SCPs": _ask(Layers(own, scps=guard)),
        "decide, with all of them": _ask(Layers(own, open_, (_read(everything, "session"),), guard, guard)),
    }


def _cold() -> Timed:
    def each(count: int) -> Callable[[], object]:
        layers = Layers((_read(_document(count)),))
        numbers = itertools.count()
        return lambda: decide(Ask("s3:GetObject", f"arn:aws:s3:::bucket-7/{next(numbers)}", ACCOUNT), ANN, {}, layers)

    return {f"new resource, {count}": each(count) for count in (FEW, MANY)}


def _naive() -> Timed:
    caller = asdict(ANN)

    def each(count: int) -> Callable[[], object]:
        document = _document(count)
        return lambda: policy_spec.decide(("s3:GetObject", KEY, ACCOUNT, "none", None), caller, {}, [document])

    return {f"naive, {count}": each(count) for count in (FEW, MANY)}


def _cedar() -> Timed:
    """The same rules and question, policies and entities parsed before."""
    if cedarpy is None:
        return {}
    request = {"principal": 'User::"ann"', "action": 'Action::"s3:GetObject"', "resource": 'Resource::"r"', "context": {"arn": KEY}}
    entities = cedarpy.Entities.from_json_str("[]")

    def each(count: int) -> Callable[[], object]:
        rule = 'permit(principal, action == Action::"s3:GetObject", resource) when { context.arn like "arn:aws:s3:::bucket-%d/*" };'
        policies = cedarpy.PolicySet.from_str("\n".join(rule % number for number in range(count)))
        if not cedarpy.is_authorized(request, policies, entities).allowed:
            raise ValueError("cedarpy's answer is not ours")
        return lambda: cedarpy.is_authorized(request, policies, entities)

    return {f"cedarpy, {count}": each(count) for count in (FEW, MANY)}


def _wild() -> Timed:
    """Policies as large as may be, on new long resources: an ordinary one, and those that would make a backtracking matcher stand still."""
    shapes: dict[str, Iterator[str]] = {
        "ordinary": (f"team-{number}/*" for number in itertools.count()),
        "stars": (f"*a*{number}" for number in itertools.count()),
        "stars and marks": itertools.repeat("*?"),
        "one long pattern": iter(["*a?" * 2000]),
        "many patterns": (f"*a?b*{number % 10}" for number in itertools.count()),
        "letters and marks": iter(["*" + "a?" * 3000]),
        "runs of one letter": itertools.repeat(f"*{'a' * 25}b{'a' * 25}*"),
        "runs of two letters": itertools.repeat(f"*{'ab' * 12}c{'ab' * 12}*"),
    }

    def each(tails: Iterator[str], letters: str) -> Callable[[], object]:
        patterns: list[str] = []
        room = POLICY_SIZE - len('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":[]}}')
        for tail in tails:
            pattern = f"arn:aws:s3:::{tail}"[:room]
            room -= len(pattern) + 3
            patterns.append(pattern)
            if room < 20:
                break
        layers = Layers((_read({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": patterns}}),))
        numbers = itertools.count()

        def ask() -> object:
            tail = f"a-{next(numbers)}"
            resource = "arn:aws:s3:::" + (letters * RESOURCE_SIZE)[: RESOURCE_SIZE - 13 - len(tail)] + tail
            return decide(Ask("s3:GetObject", resource, ACCOUNT), ANN, {}, layers)

        return ask

    texts = {"runs of two letters": "ab", "ordinary": "team-7/reports/2026/"}
    return {name: each(tails, texts.get(name, "a")) for name, tails in shapes.items()}


def _hostile_conditions() -> Timed:
    """Conditions as many as may be, on values as long as may be, new each time (attacks row H66)."""
    long = "a" * 2040
    shapes: dict[str, tuple[str, str, dict[str, str | tuple[str, ...]]]] = {
        "stars and marks": ("StringLike", "*a?{n}b", {"a:b": long}),
        "ARNs": ("ArnLike", "*:*:*:*:*:*a?{n}b", {"a:b": f"arn:aws:s3:::{long}"}),
        "case": ("StringEqualsIgnoreCase", "x{n}", {"a:b": "\u0130" * 2000}),
        "case and variables": ("StringEqualsIgnoreCase", "${{a:c}}{n}", {"a:b": "\u0130" * 2000, "a:c": "\u0130" * 100}),
        "variables": ("StringLike", "*${{a:c}}?{n}", {"a:b": long, "a:c": "a" * 200}),
        "many values": ("ForAnyValue:StringLike", "*a?{n}b", {"a:b": tuple(f"{number}{'a' * 250}" for number in range(50))}),
    }

    def each(operator: str, pattern: str, context: dict[str, str | tuple[str, ...]]) -> Callable[[], object]:
        values: list[str] = []
        while len(json.dumps(values)) < POLICY_SIZE - 150:
            values.append(pattern.format(n=len(values)))
        statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"a:b": values}}}
        layers = Layers((_read({"Version": "2012-10-17", "Statement": statement}),))
        numbers = itertools.count()

        def ask() -> object:
            number = str(next(numbers))
            fresh = {key: value + number if isinstance(value, str) else value for key, value in context.items()}
            return decide(Ask("s3:GetObject", KEY, ACCOUNT), ANN, fresh, layers)

        return ask

    return {name: each(*shape) for name, shape in shapes.items()}


def _compile_seconds() -> float:
    """As many policies as a large installation has, of three statements each, all different."""
    texts = []
    for number in range(COMPILED):
        arn = f"arn:aws:s3:::bucket-{number}"
        statements = [
            {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucket*"], "Resource": arn},
            {"Effect": "Allow", "Action": "s3:*Object", "Resource": f"{arn}/${{aws:username}}/*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        ]
        texts.append(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    started = time.thread_time()
    for text in texts:
        read_policy(text, "identity")
    return time.thread_time() - started
