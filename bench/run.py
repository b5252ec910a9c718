"""A run: start the servers, fill their worlds, measure every scenario, hold the medians against the goals. Prints nothing."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from bench import crypto, policy, scenarios, startup, targets
from bench.measure import Figures, Runner, rounds
from bench.presign import REGION, Keys
from bench.scenarios import Scenario
from bench.targets import Target
from bench.world import World, build
from daypass.cli.demo.provider import Provider

PEER_SHARE = 15  # moto gets so many times fewer requests a round: each takes it so much longer
WEB_SHARE = 3  # to sign tokens takes the issuer long

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and how much of it."""

    chosen: frozenset[str]
    rounds: int
    requests: int
    connections: int
    moto: bool


class Bench:
    """One run in `folder`; servers live until `stack` ends."""

    def __init__(self, folder: Path, plan: Plan, stack: ExitStack) -> None:
        self._folder, self._plan, self._stack = folder, plan, stack
        self._provider = stack.enter_context(Provider(folder))
        self._token = scenarios.tokens(self._provider.token)

    def run(self) -> Result:
        """The figures of every target and the goals with what was reached."""
        results: Result = {"figures": {}, "goals": []}
        if self._is_chosen("policy"):
            self._policy(results)
        if self._plan.chosen > {"policy"} or not self._is_chosen("policy"):
            self._servers(results)
        return results

    def _servers(self, results: Result) -> None:
        target, world = self._daypass("daypass")
        others = {"hello": self._start("hello", targets.module("hello"))}
        moto = self._moto() if any(self._is_chosen(s.name) for s in scenarios.SIGNED) else None
        for scenario in scenarios.SIGNED:
            if self._is_chosen(scenario.name):
                self._signed(results, scenario, target, world, others["hello"], moto)
        if self._is_chosen(scenarios.WEB_IDENTITY.name):
            self._web_identity(results, target, world)
        if self._is_chosen("durable"):
            self._durable(results, target, world)
        if self._is_chosen("startup"):
            self._startup(results, target)

    def _is_chosen(self, name: str) -> bool:
        return name in self._plan.chosen

    # -- scenarios

    def _signed(
        self, results: Result, scenario: Scenario, target: Target, world: World, hello: Target, moto: tuple[Target, World] | None
    ) -> None:
        """Hello-world gets the very requests that daypass gets, so that what differs is the work and not the size."""
        count = self._plan.requests
        runners = [self._runner("hello", hello, scenario, world, count), self._runner("daypass", target, scenario, world, count)]
        if moto is not None and any(goal.against == "moto" for goal in scenario.goals):
            runners.append(self._runner("moto", moto[0], scenario, moto[1], max(count // PEER_SHARE, self._plan.connections)))
        figures = self._measure(results, scenario.name, runners)
        for goal in scenario.goals:
            if goal.against in figures:
                reached = _ratio(figures[goal.against], figures["daypass"])
                self._goal(results, f"{scenario.name}: {_FORMS[goal.against]}", reached, goal.least)

    def _web_identity(self, results: Result, target: Target, world: World) -> None:
        scenario, count = scenarios.WEB_IDENTITY, self._plan.requests // WEB_SHARE
        floor = self._start("floor", targets.module("floor"))
        runners = [self._runner("floor", floor, scenario, world, count), self._runner("daypass", target, scenario, world, count)]
        figures = self._measure(results, scenario.name, runners)
        figures["crypto"] = {"cpu": round(crypto.web_identity(), 2)}
        limit = figures["floor"]["cpu"] + figures["crypto"]["cpu"]
        self._goal(results, f"{scenario.name}: {_FORMS['limit']}", limit / figures["daypass"]["cpu"], scenario.goals[0].least)

    def _durable(self, results: Result, target: Target, world: World) -> None:
        """The same server twice, one of which waits for its disk."""
        loose, other = self._daypass("loose", "--ledger-not-durable")
        count = self._plan.requests
        runners = [
            self._runner("durable", target, scenarios.ASSUME_ROLE, world, count),
            self._runner("not durable", loose, scenarios.ASSUME_ROLE, other, count),
        ]
        figures = self._measure(results, "AssumeRole, ledger", runners)
        ratio = figures["durable"]["rate"] / figures["not durable"]["rate"]
        self._goal(results, "AssumeRole: throughput, ledger durable / not", ratio, scenarios.DURABLE)

    def _startup(self, results: Result, target: Target) -> None:
        self._goal(results, "memory after all of this, MiB", target.memory(), scenarios.MEMORY_MIB, at_most=True)
        self._goal(results, "daypass process, ms", startup.process_ms(self._folder), scenarios.PROCESS_MS, at_most=True)
        world = self._daypass("resting", keep=False)[0]
        del world
        self._goal(results, "server ready, s", startup.ready_seconds(self._folder, "resting"), scenarios.READY_SECONDS, at_most=True)

    def _policy(self, results: Result) -> None:
        """Decisions alone, in this process."""
        micros, goals = policy.measure(self._plan.rounds)
        results["figures"] |= {name: {"in process": {"cpu": value}} for name, value in micros.items()}
        for what, reached, goal, at_most in goals:
            self._goal(results, what, reached, goal, at_most=at_most)

    # -- inner

    def _runner(self, label: str, target: Target, scenario: Scenario, world: World, count: int) -> Runner:
        return Runner(target, partial(scenario.make, target, world, count, self._token), label)

    def _measure(self, results: Result, name: str, runners: list[Runner]) -> dict[str, dict[str, float]]:
        measured: dict[str, Figures] = rounds(runners, self._plan.rounds, self._plan.connections)
        found = results["figures"][name] = {label: figures.median() for label, figures in measured.items()}
        return found

    def _goal(self, results: Result, what: str, reached: float, goal: float, *, at_most: bool = False) -> None:
        is_met = reached <= goal if at_most else reached >= goal
        results["goals"].append({"what": what, "reached": round(reached, 3), "goal": goal, "at_most": at_most, "met": is_met})

    def _start(self, name: str, command: list[str]) -> Target:
        return self._stack.enter_context(targets.started(name, command, self._folder))

    def _daypass(self, name: str, *arguments: str, keep: bool = True) -> tuple[Target, World]:
        """A daypass with the sample world in folder/name; without `keep` it has ended when this returns."""
        trust = ("--idp-allow", "127.0.0.0/8", "--idp-ca", str(self._provider.authority))
        with ExitStack() as brief:
            stack = self._stack if keep else brief
            command = targets.daypass(self._folder, *trust, *arguments, name=name)
            target = stack.enter_context(targets.started(name, command, self._folder))
            said = subprocess.run(
                [targets.beside("daypass"), "process", "--data", str(self._folder / name)], capture_output=True, check=True, timeout=30
            )
            operator = json.loads(said.stdout)
            keys = Keys(operator["AccessKeyId"], operator["SecretAccessKey"], operator["SessionToken"])
            return target, build(partial(_client, target, keys), partial(_as_user, target), self._provider.name)

    def _moto(self) -> tuple[Target, World] | None:
        command = targets.moto() if self._plan.moto else None
        if command is None:
            return None
        target = self._start("moto", command)
        return target, build(partial(_client, target, Keys("anyone", "anything")), partial(_as_user, target))


def _ratio(other: dict[str, float], own: dict[str, float]) -> float:
    """The worse of two: of the medians, and of the calmest rounds. Other work on the machine falls on one server's rounds by chance."""
    return min(other["cpu"] / own["cpu"], other["least_cpu"] / own["least_cpu"])


_FORMS = {"hello": "share of hello-world", "moto": "times moto", "limit": "share of the limit"}


def _client(target: Target, keys: Keys, service: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=f"http://{target.host}",
        aws_access_key_id=keys.id,
        aws_secret_access_key=keys.secret,
        aws_session_token=keys.token or None,
        config=Config(retries={"max_attempts": 0}),
    )


def _as_user(target: Target, keys: Keys, service: str) -> Any:
    return _client(target, keys, service)


