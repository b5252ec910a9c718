"""Habits that no linter of the shelf knows: how secrets are compared, where SQL lives, a reason beside every exception."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable

import pytest

from rig.source import ROOT, Module, files, modules, parse

SECRET_NAME = re.compile(r"(^|_)(signature|secret|mac|hmac|password|session_token|sealed)$", re.ASCII)
SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|INDEX)|ALTER\s+TABLE|PRAGMA\s)", re.I | re.S
)
TEXT_CALLS = frozenset({"hexdigest", "hex", "decode", "str", "format", "join", "lower", "upper", "strip"})
VALUES = frozenset({"request", "response", "claim", "ask", "session"})  # the names that values go by
IGNORE = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover)(?::\s*[A-Z0-9, ]+|\[[a-z0-9, -]+\])?(?P<rest>.*)")


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func) if not node.args:
            return _name(func)
        case _:
            return ""


def plain_comparisons(module: Module) -> Iterable[str]:
    """`==` on a name that says it is a secret; only `hmac.compare_digest` (and so `Secret`) takes the same time each."""
    typed = {id(node) for function in module.functions() for node in _uses_of_secrets(function)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) or id(side) in typed for side in sides):
                continue  # whether there is one at all is no secret, and a Secret compares itself rightly
            yield from (f"{module.path}:{node.lineno}: {_name(side)}" for side in sides if SECRET_NAME.search(_name(side)))


def _uses_of_secrets(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterable[ast.Name]:
    """Where `function` uses a parameter that it declares as a `Secret`."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    declared = {a.arg for a in arguments if isinstance(a.annotation, ast.Name) and a.annotation.id == "Secret"}
    return (node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id in declared)


def _is_text(node: ast.expr, assigned: dict[str, ast.expr]) -> bool:
    match node:
        case ast.JoinedStr() | ast.Constant(value=str()):
            return True
        case ast.Call(func=func):
            return _name(func) in TEXT_CALLS
        case ast.Name(id=name) if name in assigned:
            return _is_text(assigned.pop(name), assigned)
        case _:
            return False


def text_digests(module: Module) -> Iterable[str]:
    """`compare_digest` on text, which raises TypeError for a non-ASCII one that an attacker may send."""
    for function in module.functions():
        assigned = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and _name(node.func) == "compare_digest" and any(_is_text(a, dict(assigned)) for a in node.args):
                yield f"{module.path}:{node.lineno}: compare_digest on text"


def sql_outside_the_store(module: Module) -> Iterable[str]:
    """SQL text anywhere but in store/."""
    if module.room != "store":
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
                yield f"{module.path}:{node.lineno}: {node.value.strip()[:40]}"


def swallowed_errors(module: Module) -> Iterable[str]:
    """An `except` whose whole body is `pass` without a word why."""
    lines = module.text.splitlines()
    for node in ast.walk(module.tree):
        silent = isinstance(node, ast.ExceptHandler) and all(isinstance(line, ast.Pass) for line in node.body)
        if silent and "#" not in lines[node.lineno - 1] + lines[node.body[0].lineno - 1]:
            yield f"{module.path}:{node.lineno}: except … pass"


def silent_ignores(module: Module) -> Iterable[str]:
    """A check switched off in a line without a reason behind it."""
    for number, line in enumerate(module.text.splitlines(), 1):
        if (found := IGNORE.search(line)) and len(found["rest"].strip(" #-–:")) < 6:
            yield f"{module.path}:{number}: {found.group().strip()}"


def changed_values(module: Module) -> Iterable[str]:
    """A field of a value assigned after it was made: values of a request are not frozen, so that this rule keeps them as they are."""
    for node in ast.walk(module.tree):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else []
        for target in targets:
            if isinstance(target, ast.Attribute) and _name(target.value) in VALUES:
                yield f"{module.path}:{node.lineno}: {ast.unparse(target)} = …"


Rule = Callable[[Module], Iterable[str]]
RULES: dict[Rule, tuple[str, str]] = {
    plain_comparisons: (
        "def f(a, b: bytes):\n    return a.signature == b\n",
        "def f(a, b, secret: Secret):\n    return a.signature == '' and b == secret\n",
    ),
    text_digests: (
        "def f(a, b):\n    expected = mac(a).hexdigest()\n    return compare_digest(expected, b)\n",
        "def f(a, b):\n    expected = mac(a).digest()\n    return compare_digest(expected, b)\n",
    ),
    sql_outside_the_store: ("def f(c):\n    c.execute('select name from users')\n", "M = 'select one of them'\n"),
    swallowed_errors: ("try:\n    f()\nexcept E:\n    pass\n", "try:\n    f()\nexcept E:\n    pass  # it may be gone already\n"),
    changed_values: ("def f(request):\n    request.peer = ''\n", "def f(request):\n    peer = request.peer\n"),
    silent_ignores: ("import os  # noqa: F401\n", "import os  # noqa: F401  # re-exported for the door\n"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_habit(rule: Rule) -> None:
    assert [finding for module in modules() for finding in rule(module)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_bites_and_only_there(rule: Rule) -> None:
    bad, good = RULES[rule]
    assert list(rule(parse("way/x.py", bad)))
    assert not list(rule(parse("way/x.py", good)))


def test_ignores_in_tests_and_generators_have_a_reason_too() -> None:
    paths = [path for folder in ("tests", "bench", "docs", "models", "spec") if (ROOT / folder).is_dir() for path in files(folder, "*.py")]
    others = [
        Module(str(path.relative_to(ROOT)), "", path.read_text(), ast.Module([], [])) for path in paths if path.name != "test_habits.py"
    ]
    assert [finding for module in others for finding in silent_ignores(module)] == []


def test_every_ignored_rule_in_the_settings_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    section = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8-tidy-imports")]
    ignores = section[section.index("ignore = [") :]
    bare = [line for line in ignores.splitlines() if re.search(r'"[A-Z]+[0-9]*"', line) and "#" not in line]
    assert bare == []


BAD_LINES = {
    "S101": "assert f(1)",
    "T201": "print(1)",
    "S307": "eval('1')",
    "S301": "import pickle; pickle.loads(b'')",
    "TID251": "import fnmatch",
    "S602": "import subprocess; subprocess.run('ls', shell=True)",
    "DTZ005": "import datetime; datetime.datetime.now()",
    "PGH003": "x = 1  # type: ignore",
    "S608": "q = 'select * from t where a = ' + f(1)",
    "D103": "def public(): return 1",
    "S324": "import hashlib; hashlib.md5(b'')",
}


def test_the_linter_bites_in_src() -> None:
    text = '"""X."""\n' + "\n".join(BAD_LINES.values()) + "\n"
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "--stdin-filename", "src/daypass/store/x.py", "-"]
    said = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False).stdout
    assert {code for code in BAD_LINES if f" {code} " not in said} == set()


def test_types_are_strict() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"] is True
    assert "overrides" not in settings
