"""Makes mutants of a module: one small change each, of the kinds by which a verifier goes wrong. Does not run anything."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

# Calls whose texts are told to people; mutating them would measure prose
_SPEAKING = frozenset(
    ("PolicyError", "ProofError", "Refusal", "_incomplete", "_invalid", "_missing", "_rejected", "NotJson", "ConfigError",
     "MetadataError", "InvalidKey", "UnknownEncoding")
)

_FLIPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


class Mutant(NamedTuple):
    """A changed module. `function` is where the change is ("" at module level)."""

    line: int
    function: str
    change: str
    tree: ast.Module


class _Site(NamedTuple):
    path: tuple[tuple[str, int | None], ...]
    function: str
    change: str
    mend: Callable[[Any], Any]  # the node → what stands in its place


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of `source`."""
    tree = ast.parse(source)
    for site in _sites(tree, (), ""):
        mutated = copy.deepcopy(tree)
        node: Any = mutated
        for field, index in site.path[:-1]:
            node = getattr(node, field) if index is None else getattr(node, field)[index]
        field, index = site.path[-1]
        old = getattr(node, field) if index is None else getattr(node, field)[index]
        new = ast.copy_location(site.mend(old), old)
        if index is None:
            setattr(node, field, new)
        else:
            getattr(node, field)[index] = new
        yield Mutant(old.lineno, site.function, site.change, ast.fix_missing_locations(mutated))


def _sites(node: ast.AST, path: tuple[tuple[str, int | None], ...], function: str) -> Iterator[_Site]:
    if path:
        yield from (_Site(path, function, change, mend) for change, mend in _changes(node))
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        function = f"{function}.{node.name}".strip(".")
    for field, value in ast.iter_fields(node):
        if _is_skipped(node, field):
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if isinstance(child, ast.AST) and not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
                yield from _sites(child, (*path, (field, index)), function)


def _is_skipped(node: ast.AST, field: str) -> bool:
    """Annotations, types and imports say nothing at run time, memory sizes and messages decide nothing."""
    if field in ("annotation", "returns", "decorator_list", "names", "type_params"):
        return True
    if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
        return True
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
        return True
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SPEAKING and field in ("args", "keywords")


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            flipped = _FLIPS[type(operator)]
            yield f"{type(operator).__name__} → {flipped.__name__}", _at(at, flipped)
    if isinstance(node, ast.BoolOp):
        other = ast.And if isinstance(node.op, ast.Or) else ast.Or
        yield f"{type(node.op).__name__} → {other.__name__}", lambda old: ast.BoolOp(other(), old.values)
        for at in range(len(node.values)):
            yield f"operand {at} alone", lambda old, at=at: old.values[at]
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield "condition negated", _negated
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not removed", lambda old: old.operand
    if isinstance(node, ast.Raise):
        yield "raise removed", lambda old: ast.Pass()
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "call removed", lambda old: ast.Pass()
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "returns None", lambda old: ast.Return(ast.Constant(None))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        other_sign = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield "+ ↔ -", lambda old: ast.BinOp(old.left, other_sign, old.right)
        yield "left operand alone", lambda old: old.left
        yield "right operand alone", lambda old: old.right
    if (
        isinstance(node, ast.Tuple | ast.Set | ast.List)
        and len(node.elts) > 1
        and all(isinstance(item, ast.Constant) for item in node.elts)
    ):
        for at in range(len(node.elts)):
            yield f"element {at} left out", lambda old, at=at: type(old)(**_fields_without(old, at))
    if isinstance(node, ast.Constant):
        yield from _constants(node)


def _constants(node: ast.Constant) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value} → {not value}", lambda old: ast.Constant(not old.value)
    elif isinstance(value, int):
        for step in (1, -1):
            yield f"{value} → {value + step}", lambda old, step=step: ast.Constant(old.value + step)
    elif isinstance(value, str | bytes):
        more: str | bytes = "x" if isinstance(value, str) else b"x"
        yield f"{value!r} changed", lambda old: ast.Constant(old.value + more)


def _at(index: int, operator: type[ast.cmpop]) -> Callable[[Any], Any]:
    return lambda old: ast.Compare(old.left, [operator() if at == index else kept for at, kept in enumerate(old.ops)], old.comparators)


def _negated(old: Any) -> Any:
    new = copy.copy(old)
    new.test = ast.UnaryOp(ast.Not(), old.test)
    return new


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _fields_without(node: Any, index: int) -> dict[str, Any]:
    fields = dict(ast.iter_fields(node))
    fields["elts"] = [item for at, item in enumerate(node.elts) if at != index]
    return fields
