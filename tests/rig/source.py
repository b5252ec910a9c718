"""The source tree as the house tests read it: every module of src with its room, text and syntax tree. Judges nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "daypass"


@dataclass(frozen=True)
class Module:
    """One file of src/daypass; `room` is its top folder, or its own name (`app`) where it stands outside of any."""

    path: str  # relative to src/daypass
    room: str
    text: str
    tree: ast.Module

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, at any depth."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Every import as (line, dotted name), `from a import b` as `a.b`; imports inside functions count as well."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{node.module or ''}.{alias.name}") for alias in node.names)


def parse(path: str, text: str) -> Module:
    """The module that `text` would be at `path` below src/daypass."""
    return Module(path, Path(path).parts[0].removesuffix(".py"), text, ast.parse(text, path))


@cache
def modules() -> tuple[Module, ...]:
    """Every module of src/daypass, by path."""
    return tuple(parse(path.relative_to(SRC).as_posix(), path.read_text()) for path in sorted(SRC.rglob("*.py")))


def files(folder: str, pattern: str = "*") -> list[Path]:
    """The files below `folder` of the repository that match `pattern`, without caches."""
    found = (ROOT / folder).rglob(pattern)
    return sorted(path for path in found if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts))
