"""`python -m bench.growth`: does a request cost the same with 10 and with 100,000 roles, with 1 and 10,000 sessions?

Every world is a server of its own; they take turns, so that other work on the machine falls on all alike. Exit 0 whatever the figures are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bench import targets
from bench.crowd import Crowd, fill
from bench.measure import Figures, Runner, one_round
from bench.presign import Keys, body_of, signed
from bench.targets import Target

SPREAD_SECONDS = 240  # signing times of one round
FIRST_CALLS = 200  # so many at least, to have something to count
HOT = 50  # roles that are assumed again and again
FLAT, MEMORY_KIB, START_SECONDS = 1.5, 4.0, 20.0  # issue "core under fire", "Growth"
CONNECTIONS = 32
TARGET = "Daypass_20261124"


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is."""

    roles: int
    sessions: int

    def __str__(self) -> str:
        return f"{self.roles:,} roles, {self.sessions:,} sessions"


SIZES = (Size(10, 1), Size(1000, 100), Size(100_000, 10_000))


@dataclass(slots=True)
class World:
    """A running server, who is there, and the operator. `used` counts what may be used once."""

    size: Size
    target: Target
    crowd: Crowd
    operator: Keys
    used: int = 0


Make = Callable[[World, int], tuple[str, bytes, Keys, str]]  # of a number: service, body, caller, JSON operation or ""


def _identity(world: World, number: int) -> tuple[str, bytes, Keys, str]:
    return "sts", body_of("sts", "GetCallerIdentity", {}), _caller(world, number)[0], ""


def _assume(world: World, number: int, among: int | None) -> tuple[str, bytes, Keys, str]:
    """The hub's session becomes a role: of all, each some other; or of a few."""
    roles = world.crowd.roles
    role = roles[number % min(among, len(roles))] if among else roles[number * 7919 % len(roles)]
    return "sts", body_of("sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": f"n-{number:09d}"}), world.crowd.hub, ""


def _get_role(world: World, number: int) -> tuple[str, bytes, Keys, str]:
    keys, name = _caller(world, number)
    return "iam", body_of("iam", "GetRole", {"RoleName": name}), keys, ""


def _list_roles(world: World, number: int) -> tuple[str, bytes, Keys, str]:
    """One role of the first page: what the page holds shall not count, only what there is beside."""
    return "iam", body_of("iam", "ListRoles", {"MaxItems": "1"}), _caller(world, number)[0], ""


def _get_policy(world: World, number: int) -> tuple[str, bytes, Keys, str]:
    """The policy that every role of the account has attached."""
    arn = f"arn:aws:iam::{200_000_000_000}:policy/everyday"
    return "iam", body_of("iam", "GetPolicy", {"PolicyArn": arn}), world.crowd.sessions[0], ""


def _tag_role(world: World, number: int) -> tuple[str, bytes, Keys, str]:
    keys, name = _caller(world, number)
    form = {"RoleName": name, "Tags.member.1.Key": "run", "Tags.member.1.Value": str(number)}
    return "iam", body_of("iam", "TagRole", form), keys, ""


def _list_sessions(world: World, number: int) -> tuple[str, bytes, Keys, str]:
    return "daypass", json.dumps({"MaxResults": 50}).encode(), world.operator, "ListSessions"


def _revoke(world: World, number: int) -> tuple[str, bytes, Keys, str]:
    """A session with its three children."""
    victims = world.crowd.victims
    body = json.dumps({"SubtreeOf": victims[number % len(victims)]}).encode()
    return "daypass", body, world.operator, "RevokeSessions"


def _caller(world: World, number: int) -> tuple[Keys, str]:
    place = number * 7919 % len(world.crowd.sessions)
    return world.crowd.sessions[place], world.crowd.names[place]


SCENARIOS: Mapping[str, tuple[Make, int]] = {  # and one request in how many
    "GetCallerIdentity by any session": (_identity, 1),
    "AssumeRole, any role": (partial(_assume, among=None), 1),
    "AssumeRole, 50 roles": (partial(_assume, among=HOT), 1),
    "GetRole by any session": (_get_role, 1),
    "GetPolicy": (_get_policy, 1),
    "ListRoles, one of a page": (_list_roles, 1),
    "TagRole": (_tag_role, 4),
    "ListSessions, a page of 50": (_list_sessions, 20),
    "RevokeSessions, a subtree": (_revoke, 40),
}


def _requests(world: World, make: Make, count: int) -> list[bytes]:
    now = datetime.now(UTC)
    made = []
    for number in range(world.used, world.used + count):
        service, body, keys, operation = make(world, number)
        at = now - timedelta(seconds=number % SPREAD_SECONDS)
        made.append(signed(world.target.host, service, body, keys, at, f"{TARGET}.{operation}" if operation else ""))
    world.used += count
    return made


def warm(worlds: list[World]) -> dict[str, float]:
    """Have every session call once; µs of server CPU a first call: token opened, policies gathered, compiled where they are not yet."""
    found = {}
    for world in worlds:
        figures = Figures()
        count = max(len(world.crowd.sessions), FIRST_CALLS)
        one_round(Runner(world.target, partial(_requests, world, _get_role, count), str(world.size)), figures, CONNECTIONS)
        found[str(world.size)] = figures.cpu[0]
    return found


def measure(worlds: list[World], rounds: int, count: int, chosen: set[str]) -> dict[str, dict[str, float]]:
    """Least µs of server CPU a request, by scenario and world; a first round warms up and is dropped."""
    found: dict[str, dict[str, float]] = {}
    for name, (make, share) in SCENARIOS.items():
        if chosen and not any(name.startswith(one) for one in chosen):
            continue
        figures = {str(world.size): Figures() for world in worlds}
        for number in range(rounds + 1):
            for world in worlds:
                # every session calls once a round, so that what is remembered of each has to be remembered of all
                many = max(count // share, CONNECTIONS if share > 1 else len(world.crowd.sessions))
                runner = Runner(world.target, partial(_requests, world, make, many), str(world.size))
                one_round(runner, figures[runner.label] if number else Figures(), CONNECTIONS)
        found[name] = {label: one.median()["least_cpu"] for label, one in figures.items()}
    return found


def start(folder: Path, size: Size, stack: ExitStack) -> World:
    """A server on a world of that size, started anew once the world is there."""
    name = f"{size.roles}"
    with targets.started(name, targets.daypass(folder, name=name), folder):
        pass
    data = folder / name
    crowd = fill(data / "daypass.db", data / "root.key", (data / "node").read_text().strip(), size.roles, size.sessions)
    target = stack.enter_context(targets.started(name, targets.daypass(folder, name=name), folder))
    return World(size, target, crowd, operator(data))


def operator(data: Path) -> Keys:
    """A pass of the operator from the server on `data`."""
    said = subprocess.run([targets.beside("daypass"), "process", "--data", str(data)], capture_output=True, check=True, timeout=30)
    given = json.loads(said.stdout)
    return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def run(folder: Path, rounds: int, count: int, chosen: set[str], sizes: tuple[Size, ...]) -> dict[str, Any]:
    """Everything that is measured in one run."""
    with ExitStack() as stack:
        worlds = [start(folder, size, stack) for size in sizes]
        results: dict[str, Any] = {
            "start": {str(one.size): one.target.ready for one in worlds},
            "filled": {str(one.size): one.crowd.seconds for one in worlds},
            "memory": {str(one.size): one.target.memory() for one in worlds},
        }
        results["first call"] = warm(worlds)
        results["cpu"] = measure(worlds, rounds, count, chosen)
        results["memory after"] = {str(one.size): one.target.memory() for one in worlds}
        small, large = worlds[0], worlds[-1]
        more = large.size.roles - small.size.roles
        for when in ("memory", "memory after"):
            results[f"KiB a role, {when}"] = (results[when][str(large.size)] - results[when][str(small.size)]) * 1024 / more
    return results


def text(results: Mapping[str, Any]) -> str:
    """The results as a person reads them."""
    worlds = list(results["start"])
    lines = [" " * 34 + "".join(f"{name:>32}" for name in worlds)]
    rows = {"start": "s to ready", "memory": "MiB at ready", "memory after": "MiB at the end", "first call": "first GetRole, µs"}
    for what, unit in rows.items():
        lines.append(f"{unit:<34}" + "".join(f"{results[what][name]:>32.2f}" for name in worlds))
    for name, by_world in results["cpu"].items():
        values = list(by_world.values())
        ratio = values[-1] / values[0]
        verdict = "met" if ratio <= FLAT else "NOT MET"
        lines.append(f"{name + ', µs':<34}" + "".join(f"{value:>32.1f}" for value in values) + f"  ×{ratio:.2f}  {verdict}")
    for when in ("memory", "memory after"):
        lines.append(f"KiB of memory a role, {when}: {results[f'KiB a role, {when}']:.2f} (goal ≤ {MEMORY_KIB})")
    return "\n".join(lines)


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="bench.growth", description="What grows with the number of roles and sessions.")
    parser.add_argument("scenario", nargs="*", help="which, by how their names begin (default all)")
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=2400)
    parser.add_argument("--sizes", default="", help="ROLES:SESSIONS,… (default 10:1,1000:100,100000:10000)")
    given = parser.parse_args()
    sizes = tuple(Size(*map(int, one.split(":"))) for one in given.sizes.split(",")) if given.sizes else SIZES
    targets.pin(targets.CLIENT_CORE)
    with tempfile.TemporaryDirectory(prefix="daypass-growth-") as folder:
        results = run(Path(folder), given.rounds, given.requests, set(given.scenario), sizes)
    print(json.dumps(results, indent=2) if given.output == "json" else text(results))


if __name__ == "__main__":
    main()
