"""Runs the unit tests of the verifiers and of the policy engine against each of their mutants, in one process.

`python tests/mutation/run.py [sigv4|totp|jwt|documents|policy] …`
A mutant is killed when some test fails, or when they do not end in time. The tests are run by hand instead of by pytest (the
parametrize marks are all that they use), because a pytest run per mutant would take minutes. Prints one line per survivor and one
JSON line at the end: killed and total per function.
"""

from __future__ import annotations

import ast
import itertools
import json
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from mutation.mutants import mutants_of  # noqa: E402 - found on the path that was set just above

PATIENCE = 30  # times what the sound modules take, for a mutant that does not end


class Group(NamedTuple):
    """Modules in the order of their imports, the test modules that judge them, and the tests that would take too long here.

    `rooms` are packages that pass names of the modules on.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    slow: frozenset[str] = frozenset()
    rooms: tuple[str, ...] = ()


_ENGINE = (
    "syntax", "match", "variables", "operands", "operators", "conditions", "principal", "document", "rules", "compiled", "decide",
    "explain",
)  # fmt: skip

GROUPS = {
    "sigv4": Group(
        tuple(f"daypass.proof.{name}" for name in ("sigv4_claim", "sigv4_canonical", "sigv4_keys", "sigv4")),
        tuple(f"unit.proof.test_{name}" for name in ("sigv4_claim", "sigv4_canonical", "sigv4_keys", "sigv4", "sigv4_suite")),
        frozenset(
            (
                "test_every_byte_mutant_whose_canonical_request_differs_is_refused",
                "test_every_byte_of_the_authorization_header_but_the_key_id_counts",
            )
        ),
    ),
    "totp": Group(("daypass.proof.totp",), ("unit.proof.test_totp",), frozenset(("test_another_implementation_agrees",))),
    "jwt": Group(
        tuple(f"daypass.proof.{name}" for name in ("jose", "jwt", "claims", "peer")),
        ("unit.proof.tokens", *(f"unit.proof.test_{name}" for name in ("jose", "peer", "claims", "jwt"))),
    ),
    "documents": Group(
        tuple(f"daypass.proof.{name}" for name in ("certificates", "saml_metadata", "ssh_key")),
        tuple(f"unit.proof.test_{name}" for name in ("certificates", "saml_metadata", "ssh_key")),
        frozenset(("test_many_small_blocks_are_read_in_bounded_time",)),
    ),
    "policy": Group(
        tuple(f"daypass.policy.{name}" for name in _ENGINE),
        ("unit.policy.people", *(f"unit.policy.test_{name}" for name in sorted(_ENGINE, key=("match", "compiled").__contains__))),
        frozenset(("test_what_is_remembered_is_bounded_and_right",)),
        ("daypass.policy",),
    ),
}


class TooSlow(BaseException):
    """Raised by the alarm; not an Exception, so that no test catches it."""


def load(name: str, code: types.CodeType) -> None:
    """Execute `code` as the module `name`, anew; a package keeps the modules that it has."""
    if hasattr(sys.modules.get(name), "__path__"):
        exec(code, sys.modules[name].__dict__)  # noqa: S102 - our own source
        return
    module = types.ModuleType(name)
    module.__file__ = code.co_filename
    parent, _, child = name.rpartition(".")
    holder = import_module(parent)
    sys.modules[name] = module
    setattr(holder, child, module)
    exec(code, module.__dict__)  # noqa: S102 - our own source, changed in one place


def compiled(name: str) -> tuple[str, types.CodeType]:
    """Source and code of a module, found by its name."""
    folder = ROOT / ("src" if name.startswith("daypass.") else "tests")
    path = folder / (name.replace(".", "/") + ".py")
    if not path.exists():
        path = path.with_suffix("") / "__init__.py"
    source = path.read_text("utf-8")
    return source, compile(source, str(path), "exec")


def calls_of(module: types.ModuleType, slow: frozenset[str]) -> Iterator[Callable[[], None]]:
    """Every test of `module`, once per combination of its parameters."""
    for name, function in vars(module).items():
        if not name.startswith("test_") or name in slow or hasattr(function, "hypothesis"):
            continue
        rows = []
        for mark in getattr(function, "pytestmark", []):
            names = [part.strip() for part in mark.args[0].split(",")] if isinstance(mark.args[0], str) else list(mark.args[0])
            rows.append([dict(zip(names, value if len(names) > 1 else (value,), strict=True)) for value in mark.args[1]])
        for combination in itertools.product(*rows):
            yield lambda function=function, given=combination: function(**{key: value for row in given for key, value in row.items()})


def survives(group: Group, codes: dict[str, types.CodeType], seconds: float, mutated: str = "") -> bool:
    """Whether every test passes with these modules within `seconds`. The tests of the `mutated` module are the first."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        for name in (*group.modules, *group.rooms):
            load(name, codes[name])
        own = f".test_{mutated.rpartition('.')[2]}"
        for name in sorted(group.tests, key=lambda name: ".test_" in name and not name.endswith(own)):
            load(name, codes[name])
            for call in calls_of(sys.modules[name], group.slow):
                call()
    except (Exception, TooSlow, SystemExit):
        return False
    except BaseException as failure:  # pytest.fail and "did not raise" are no Exceptions
        if isinstance(failure, KeyboardInterrupt):
            raise
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return True


def run(group: Group) -> dict[str, list[int]]:
    """Judge every mutant; gives [killed, total] per function."""
    sources, codes = {}, {}
    for name in (*group.modules, *group.rooms, *group.tests):
        sources[name], codes[name] = compiled(name)
    for _ in range(2):  # the first time includes the imports
        started = time.monotonic()
        if not survives(group, codes, 120):
            raise SystemExit("the tests do not pass on the sound modules")
    seconds = PATIENCE * (time.monotonic() - started)
    score: dict[str, list[int]] = {}
    for name in group.modules:
        for mutant in mutants_of(sources[name]):
            alive = survives(group, codes | {name: _code(mutant.tree, name)}, seconds, name)
            counts = score.setdefault(f"{name.rpartition('.')[2]}:{mutant.function}", [0, 0])
            counts[0] += not alive
            counts[1] += 1
            if alive:
                print(f"survived  {name}:{mutant.line}  {mutant.function or 'module'}  {mutant.change}")
    return score


def _code(tree: ast.Module, name: str) -> types.CodeType:
    return compile(tree, f"mutant of {name}", "exec")


def _on_alarm(*_: Any) -> None:
    raise TooSlow


def main(names: list[str]) -> None:
    """Run the groups named on the command line, or all."""
    signal.signal(signal.SIGALRM, _on_alarm)
    report = {}
    for name in names or list(GROUPS):
        report[name] = run(GROUPS[name])
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
