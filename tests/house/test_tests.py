"""The tests' own order: each unit test stands beside the file that it tests, attack tests carry their row's id, skips have reasons."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from rig.source import ROOT, SRC, files

TESTS = ROOT / "tests"
PROMISES = frozenset({"test_token_alone", "test_through_boto"})
SLEEP = re.compile(r"\btime\.sleep\(|(?<!def )\bsleep\((?!0\.0[0-9]\))")  # a test that shows that nothing happens has to wait for a moment
ATTACK = re.compile(r"test_(?P<id>[CHMLF][0-9]{2})_")
MIN_ATTACKS = 91  # rows of the attack list that have a test: a floor, so that one cannot be lost unseen; raise it when rows are added


def _test_functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def test_a_unit_test_is_named_for_a_file_or_room_of_src() -> None:
    """`tests/unit/proof/test_jwt.py` tests `proof/jwt.py`; `test_jwt_keys.py` tests a part of it, `test_proof.py` the room.

    PROMISES are tests of what a room as a whole promises.
    """
    lost = []
    for path in files("tests/unit", "test_*.py"):
        room = SRC / path.relative_to(TESTS / "unit").parent
        stem = path.stem.removeprefix("test_")
        known = {p.stem for p in room.rglob("*.py")} | {p.name for p in room.rglob("*") if p.is_dir()} | {room.name}
        if path.stem in PROMISES:
            continue
        if not room.is_dir() or not any(stem == name or stem.startswith(f"{name}_") for name in known):
            lost.append(path.relative_to(TESTS).as_posix())
    assert lost == []


def test_every_room_has_unit_tests() -> None:
    rooms = {path.name for path in SRC.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {room for room in rooms if not any((TESTS / "unit" / room).rglob("test_*.py"))} == set()


def test_attack_tests_carry_their_row_and_are_not_lost() -> None:
    functions = [function for path in files("tests/attacks", "test_*.py") for function in _test_functions(path)]
    assert [function.name for function in functions if not ATTACK.match(function.name)] == []
    assert len({ATTACK.match(function.name)["id"] for function in functions}) >= MIN_ATTACKS  # type: ignore[index]  # all match, as asserted


def test_a_test_is_skipped_only_by_require() -> None:
    """`rig.require` fails in CI where it skips elsewhere; a plain skip or xfail would hide a missing component there too."""
    plain = re.compile(r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b")
    allowed = {"tests/rig/require.py", "tests/house/test_rig.py", "tests/house/test_tests.py"}
    lines = ((path, line) for path in files("tests", "*.py") for line in path.read_text().splitlines())
    found = [path.relative_to(ROOT).as_posix() for path, line in lines if plain.search(line)]
    assert set(found) - allowed == set()


def test_every_test_can_fail() -> None:
    """A test function asserts, expects an exception, or calls something of the suite that does (a name with an underscore or a fixture)."""
    empty = []
    for path in files("tests", "test_*.py"):
        for function in _test_functions(path):
            body = [node for node in ast.walk(function) if isinstance(node, ast.Assert | ast.With | ast.Call | ast.Raise)]
            if not body:
                empty.append(f"{path.relative_to(ROOT)}:{function.lineno}: {function.name}")
    assert empty == []


def test_no_test_sleeps() -> None:
    sleeping = [path.relative_to(ROOT).as_posix() for path in files("tests", "test_*.py") if SLEEP.search(path.read_text())]
    assert set(sleeping) - {"tests/house/test_tests.py"} == set()


def test_what_a_test_imports_from_the_suite_is_there() -> None:
    """A name that moved breaks every file that still takes it from its old place; neither lint nor a part of the suite shows that."""
    lost = []
    for path in files("tests", "*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            source = (path.parents[node.level - 1] if node.level else TESTS) / (node.module.replace(".", "/") + ".py")
            if source.is_file():
                known = _top_level_names(ast.parse(source.read_text()))
                lost += [f"{path.relative_to(ROOT)}: {node.module}.{alias.name}" for alias in node.names if alias.name not in known]
    assert lost == []


def _top_level_names(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names
