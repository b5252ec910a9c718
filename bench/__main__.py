"""`python -m bench`: measure daypass beside hello-world, moto and the limit, in one run, and say which goals are met. Exit 0 either way."""

from __future__ import annotations

import argparse
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import report, scenarios, targets
from bench.run import Bench, Plan

NAMES = [*(scenario.name for scenario in scenarios.SIGNED), scenarios.WEB_IDENTITY.name, "durable", "startup", "policy"]


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="bench", description="What a request costs the server, as ratios measured in one run.")
    parser.add_argument("scenario", nargs="*", help=f"which of {', '.join(NAMES)} (default all)")
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds of each (default 5)")
    parser.add_argument("--requests", type=int, default=6000, help="different requests a round (default 6000)")
    parser.add_argument("--connections", type=int, default=64, help="clients (default 64)")
    parser.add_argument("--no-moto", action="store_true", help="leave moto out even if it is installed")
    given = parser.parse_args()
    if unknown := set(given.scenario) - set(NAMES):
        parser.error(f"no scenario {', '.join(sorted(unknown))}")
    plan = Plan(frozenset(given.scenario or NAMES), given.rounds, given.requests, given.connections, moto=not given.no_moto)
    targets.pin(targets.CLIENT_CORE)
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as folder, ExitStack() as stack:
        results: dict[str, Any] = Bench(Path(folder), plan, stack).run()
    print(json.dumps(results, indent=2) if given.output == "json" else report.text(results))


if __name__ == "__main__":
    main()
