"""The size and shape of the house: short files and functions, honest folder names, a docstring on every door (DESIGN §1, §6)."""

from __future__ import annotations

import ast
import statistics

from rig.source import SRC, Module, files, modules, parse

MAX_FILE_LINES = 400  # DESIGN §1
MEDIAN_FILE_LINES = 160  # DESIGN §1 aims at around 120
P90_FUNCTION_LINES = 45  # DESIGN §1
MAX_DEPTH = 3  # levels below src/daypass
NO_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc", "lib", "core", "shared"})


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        str(path): count
        for path in files("src", "*.py") + files("tests", "*.py")
        if (count := len(path.read_text().splitlines())) > MAX_FILE_LINES
    }
    assert long == {}


def test_files_are_short_at_the_median() -> None:
    assert statistics.median(len(module.text.splitlines()) for module in modules()) <= MEDIAN_FILE_LINES


def test_functions_are_short_at_the_90th_percentile() -> None:
    lengths = sorted((f.end_lineno or f.lineno) - f.lineno + 1 for module in modules() for f in module.functions())
    assert lengths[len(lengths) * 9 // 10] < P90_FUNCTION_LINES


def test_no_room_or_file_is_named_for_nothing() -> None:
    names = {part.removesuffix(".py") for module in modules() for part in module.path.split("/")}
    assert names & NO_NAMES == set()


def test_the_tree_is_at_most_three_levels_deep() -> None:
    assert [module.path for module in modules() if module.path.count("/") > MAX_DEPTH] == []


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def undocumented(module: Module) -> list[str]:
    """The public module-level functions and classes, and the public methods of public classes, that have no docstring.

    A method of one statement says what it does by itself, and one of a derived class may be described where it is declared.
    """
    found = [] if ast.get_docstring(module.tree) or not module.tree.body else [f"{module.path}: module"]
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and _is_public(node.name):
            if not ast.get_docstring(node) and not _is_operation(node):
                found.append(f"{module.path}:{node.lineno}: {node.name}")
            if isinstance(node, ast.ClassDef) and not node.bases:
                methods = (m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef))
                found += [
                    f"{module.path}:{m.lineno}: {node.name}.{m.name}"
                    for m in methods
                    if _is_public(m.name) and not ast.get_docstring(m) and len(m.body) > 1
                ]
    return found


def _is_operation(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """An AWS operation is described by AWS; its own line would repeat its name."""
    return any(isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.func.id == "operation" for d in node.decorator_list)


def test_every_public_name_says_what_it_does() -> None:
    assert [finding for module in modules() for finding in undocumented(module)] == []


def test_a_missing_docstring_is_found() -> None:
    assert len(undocumented(parse("way/x.py", "def f():\n    pass\nclass C:\n    def m(self):\n        x = 1\n        return x\n"))) == 4
    assert undocumented(parse("services/x.py", '"""X."""\n@operation("sts", asks=a)\ndef get(ctx):\n    return {}\n')) == []


def test_every_room_has_a_line_about_itself() -> None:
    rooms = {path.parent for path in SRC.rglob("*.py")}
    silent = [
        str(room.relative_to(SRC))
        for room in rooms
        if not (room / "__init__.py").is_file() or not (room / "__init__.py").read_text().strip()
    ]
    assert silent == []
