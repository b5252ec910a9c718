"""`python -m bench.nodes`: what a request costs one node alone, and one of ten on one PostgreSQL; and when an ending reaches them all.

Needs Debian's package `postgresql`, as the tests do, whose throw-away cluster it uses. Exit 0 whatever the figures are.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench import load, targets
from bench.crowd import fill
from bench.growth import CONNECTIONS, SCENARIOS, Size, World, _requests, operator
from bench.measure import Figures, Runner, one_round
from bench.presign import body_of, signed
from bench.targets import Target

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from rig.postgres import Cluster

NODES = 10
ROUNDS = 3
REQUESTS = 1500
MEASURED = ("GetCallerIdentity by any session", "AssumeRole, 50 roles", "TagRole")
IDLE_SECONDS = 5.0
HEARD_SECONDS = 10.0
SIZE = Size(100, 10)


def main() -> None:
    """Measure and print."""
    targets.pin(targets.CLIENT_CORE)
    cluster = Cluster()
    try:
        with tempfile.TemporaryDirectory(prefix="daypass-nodes-") as folder, ExitStack() as stack:
            _run(Path(folder), cluster.url(cluster.new_schema()), stack)
    finally:
        cluster.remove()


def _run(folder: Path, url: str, stack: ExitStack) -> None:
    first, key = folder / "0", folder / "root.key"
    with targets.started("0", _command(folder, 0, url, key), folder):
        pass
    crowd = fill(url, key, (first / "node").read_text().strip(), SIZE.roles, SIZE.sessions)
    nodes = [stack.enter_context(targets.started("0", _command(folder, 0, url, key), folder))]
    world = World(SIZE, nodes[0], crowd, operator(first))
    alone = _costs(world)
    nodes += [stack.enter_context(targets.started(f"{n}", _command(folder, n, url, key), folder)) for n in range(1, NODES)]
    among = _costs(world)
    for name, cost in alone.items():
        print(f"{name:<36}{cost:>10.1f} µs alone{among[name]:>10.1f} µs of {NODES}   ×{among[name] / cost:.2f}")
    before = [node.cpu() for node in nodes]
    time.sleep(IDLE_SECONDS)
    idle = [(node.cpu() - used) / IDLE_SECONDS * 100 for node, used in zip(nodes, before, strict=True)]
    print(f"an idle node takes {min(idle):.1f} to {max(idle):.1f} % of a core")
    print(f"an ending reaches the last node after {_ending(world, nodes):.2f} s")


def _command(folder: Path, number: int, url: str, key: Path) -> list[str]:
    return targets.daypass(folder, "--db", url, "--key-file", str(key), name=f"{number}")


def _costs(world: World) -> dict[str, float]:
    found = {}
    for name in MEASURED:
        make, share = SCENARIOS[name]
        figures = Figures()
        for number in range(ROUNDS + 1):
            runner = Runner(world.target, partial(_requests, world, make, REQUESTS // share), "node")
            one_round(runner, figures if number else Figures(), CONNECTIONS)
        found[name] = min(figures.cpu)
    return found


def _ending(world: World, nodes: list[Target]) -> float:
    """Seconds from the answer to an order on the first node until every other refuses the session."""
    keys = world.crowd.sessions[-1]
    request = partial(signed, service="sts", body=body_of("sts", "GetCallerIdentity", {}), keys=keys)
    make, _ = SCENARIOS["RevokeSessions, a subtree"]
    service, _, caller, operation = make(world, 0)
    body = b'{"RoleArn": "%s"}' % world.crowd.roles[(SIZE.sessions - 1) * (SIZE.roles // SIZE.sessions)].encode()
    order = signed(world.target.host, service, body, caller, datetime.now(UTC), f"Daypass_20261124.{operation}")
    if load.run(world.target.address, [order], 1).failed:
        raise RuntimeError("the order was refused")
    begun = time.perf_counter()
    waiting = list(nodes)
    while waiting and time.perf_counter() - begun < HEARD_SECONDS:
        waiting = [node for node in waiting if not load.run(node.address, [request(host=node.host, at=datetime.now(UTC))], 1).failed]
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
