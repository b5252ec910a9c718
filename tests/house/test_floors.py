"""Who may import what, beyond import-linter's floors: engines are pure, and each foreign library has its rooms (DESIGN §1)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable

import pytest

from rig.source import Module, modules, parse

WORDS = frozenset({"values"})
ENGINES = frozenset({"wire", "proof", "policy", "passes"})
PURE = WORDS | ENGINES
SERVICES = frozenset({"services", "checks"})

# What reaches the clock, randomness, files, sockets, processes or threads.
CLOCK_AND_CHANCE = frozenset({"time", "random", "secrets", "uuid"})
REACHING = CLOCK_AND_CHANCE | {
    "asyncio", "concurrent", "ctypes", "glob", "http", "io", "logging", "mmap", "multiprocessing", "os", "select", "selectors", "shutil",
    "signal", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "urllib.request",
}  # fmt: skip
NOW_CALLS = frozenset({"now", "utcnow", "today", "urandom", "token_bytes", "generate_key", "generate_private_key"})

# Foreign libraries and the rooms that may know them. What is not listed here may not be imported at all.
ROOMS_OF: dict[str, frozenset[str]] = {
    "alembic": frozenset({"store"}),
    # cli: the demo plays an issuer with keys of its own; doors: the listeners' certificate
    "cryptography": frozenset({"passes", "proof", "store", "outside", "cli", "doors"}),
    "httptools": frozenset({"doors"}),
    "joserfc": frozenset({"passes", "proof", "outside"}),  # passes: identity tokens for others
    "msgspec": frozenset({"wire", "proof", "policy", "passes", "store", "outside", "way", "services", "doors", "cli"}),
    "opentelemetry": frozenset({"doors"}),
    "rich": frozenset({"cli"}),
    "prometheus_client": frozenset({"doors"}),
    "segno": frozenset({"services"}),
    "pkcs11": frozenset({"store"}),  # python-pkcs11's
    "psycopg": frozenset({"store"}),
    "sqlalchemy": frozenset({"store"}),
    "sqlite3": frozenset({"store"}),
    "uvicorn": frozenset({"doors", "app"}),
    "uvloop": frozenset({"doors", "app"}),
    "z3": frozenset({"policy"}),  # in compare.py, and there when two policies are compared
}


def impure_imports(module: Module) -> Iterable[str]:
    """Imports by which a pure room would reach beyond its arguments; business rules get the clock and random bytes as arguments too."""
    banned = REACHING if module.room in PURE else CLOCK_AND_CHANCE if module.room in SERVICES else frozenset()
    for line, name in module.imports():
        if any(name == ban or name.startswith(ban + ".") for ban in banned):
            yield f"{module.path}:{line}: {name}"


def impure_calls(module: Module) -> Iterable[str]:
    """Calls that read the clock, make randomness or open a file where `now` and random bytes are arguments."""
    if module.room not in PURE | SERVICES:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(attr=attr) if attr in NOW_CALLS:
                    yield f"{module.path}:{node.lineno}: .{attr}()"
                case ast.Name(id="open"):
                    yield f"{module.path}:{node.lineno}: open()"


def foreign_imports(module: Module) -> Iterable[str]:
    """Imports of libraries by rooms that may not know them."""
    for line, name in module.imports():
        top = name.partition(".")[0]
        if top in ("daypass", "__future__") or (top in sys.stdlib_module_names and top not in ROOMS_OF):
            continue
        if module.room not in ROOMS_OF.get(top, frozenset()):
            yield f"{module.path}:{line}: {name}"


def relative_imports(module: Module) -> Iterable[str]:
    """Relative imports: a reader should see the floor in the import line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{module.path}:{node.lineno}: {'.' * node.level}{node.module or ''}"


RULES: dict[Callable[[Module], Iterable[str]], tuple[str, str]] = {
    impure_imports: ("proof/x.py", "def f():\n    from os import path\n"),
    impure_calls: ("policy/x.py", "from datetime import datetime, UTC\nx = datetime.now(UTC)\n"),
    foreign_imports: ("way/x.py", "import sqlalchemy.orm\n"),
    relative_imports: ("way/x.py", "from .may import ask\n"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Callable[[Module], Iterable[str]]) -> None:
    assert [finding for module in modules() for finding in rule(module)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_bites(rule: Callable[[Module], Iterable[str]]) -> None:
    path, text = RULES[rule]
    assert list(rule(parse(path, text)))
    assert not list(rule(parse(path, "from daypass.values import arn\n")))


def test_services_read_no_clock() -> None:
    assert list(impure_imports(parse("services/x.py", "import secrets\n")))
    assert not list(impure_imports(parse("store/x.py", "import secrets\n")))


def test_words_know_the_standard_library_only() -> None:
    assert list(foreign_imports(parse("values/x.py", "import msgspec\n")))
