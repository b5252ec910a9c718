"""Holds values against the model's constraints and says in AWS's words what is wrong. Does not read bytes; never echoes a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daypass.wire.compiled import Compiled
from daypass.wire.patterns import matcher
from daypass.wire.shapes import Shape

Check = Callable[[Any, str, list[str]], None]  # value, its path, where problems go

MAX_PROBLEMS = 16  # spelled out in one message
MAX_ECHO = 256  # characters of a value that a message repeats
_LIMITS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


def problems_of(shape: Shape, values: Any) -> list[str]:
    """What is wrong with `values`, each in AWS's words; empty when nothing is."""
    out: list[str] = []
    check_of(shape)(values, "", out)
    return out


def message_of(problems: list[str]) -> str:
    """AWS's message for one or more problems."""
    noun = "error" if len(problems) == 1 else "errors"
    return f"{len(problems)} validation {noun} detected: {'; '.join(problems[:MAX_PROBLEMS])}"


def problem(path: str, constraint: str) -> str:
    """A problem whose value is not shown."""
    return f"Value at '{path}' failed to satisfy constraint: {constraint}"


def spelled(name: str) -> str:
    """A member's name as AWS's messages spell it: RoleSessionName → roleSessionName, SAMLAssertion → sAMLAssertion."""
    return name[:1].lower() + name[1:]


def _pass(_value: Any, _path: str, _out: list[str]) -> None:
    """For shapes without constraints."""


def _check(shape: Shape) -> Check:
    if shape.document:
        return _pass
    if shape.kind in _CONTAINERS:
        check = _CONTAINERS[shape.kind](shape)
        return _silent(check) if shape.sensitive else check
    if shape.kind in ("integer", "long", "float", "double"):
        return _check_number(shape)
    if shape.kind in ("string", "blob"):
        return _check_text(shape)
    return _pass


check_of: Compiled[Check] = Compiled(_check)


def _said(shape: Shape, value: Any, path: str, constraint: str) -> str:
    """AWS's sentence; the value of a sensitive shape stays out of it (attack row H75)."""
    if shape.sensitive or isinstance(value, bytes | dict | list):
        return problem(path, constraint)
    shown = str(value)
    if len(shown) > MAX_ECHO:
        shown = shown[:MAX_ECHO] + "…"
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}"


def _check_structure(shape: Shape) -> Check:
    checks = {name: (spelled(name), check_of(member.shape)) for name, member in shape.members.items()}
    order = {name: position for position, name in enumerate(checks)}
    required = [(name, spelled(name)) for name in shape.required]
    union = shape.union

    def check(value: Any, path: str, out: list[str]) -> None:
        for name, shown in required:
            if name not in value:
                out.append(f"Value null at '{path}{shown}' failed to satisfy constraint: Member must not be null")
        if union and len(value) != 1:
            out.append(problem(path.rstrip(".") or shape.name, "Exactly one member of the union must be set"))
        before = len(out)
        for name, item in value.items():
            shown, check_member = checks[name]
            check_member(item, path + shown, out)
        if len(out) > before + 1 and list(value) != sorted(value, key=order.__getitem__):
            # said in the order of the model, whatever the order of the request
            del out[before:]
            check({name: value[name] for name in sorted(value, key=order.__getitem__)}, path, out)

    def check_nested(value: Any, path: str, out: list[str]) -> None:
        check(value, path + "." if path else "", out)

    return check_nested


def _check_list(shape: Shape) -> Check:
    check_item = check_of(_item(shape))
    item_open = check_item is _pass
    low, high = shape.minimum or 0, shape.maximum

    def check(value: Any, path: str, out: list[str]) -> None:
        _check_size(shape, len(value), low, high, value, path, out)
        if not item_open and (high is None or len(value) <= high):
            for position, item in enumerate(value, 1):
                check_item(item, f"{path}.{position}.member", out)

    return check


def _check_map(shape: Shape) -> Check:
    check_key, check_value = check_of(shape.key or shape), check_of(_item(shape))
    low, high = shape.minimum or 0, shape.maximum

    def check(value: Any, path: str, out: list[str]) -> None:
        _check_size(shape, len(value), low, high, value, path, out)
        if high is None or len(value) <= high:
            for key, item in value.items():
                before = len(out)
                check_key(key, path, out)
                if len(out) == before:
                    check_value(item, f"{path}.{key}.member", out)

    return check


def _check_number(shape: Shape) -> Check:
    least, most = _LIMITS.get(shape.kind, (float("-inf"), float("inf")))
    low = least if shape.minimum is None else shape.minimum
    high = most if shape.maximum is None else shape.maximum

    def check(value: Any, path: str, out: list[str]) -> None:
        if value < low:
            out.append(_said(shape, value, path, f"Member must have value greater than or equal to {low}"))
        elif value > high:
            out.append(_said(shape, value, path, f"Member must have value less than or equal to {high}"))

    return check


def _check_text(shape: Shape) -> Check:
    low, high = shape.minimum or 0, shape.maximum
    enum = frozenset(shape.enum)
    match = shape.match if shape.kind == "string" else ""
    if not low and high is None and not enum and not match:
        return _pass
    most = float("inf") if high is None else high
    matches: list[Callable[[str], object]] = []  # compiled at the first value, since most patterns are never used

    def check(value: Any, path: str, out: list[str]) -> None:
        if not low <= len(value) <= most:
            _check_size(shape, len(value), low, high, value, path, out)
            if len(value) > most:
                return  # INVARIANT: no pattern runs on a text longer than the model allows
        if match:
            if not matches:
                matches.append(matcher(match))
            if not matches[0](value):
                out.append(_said(shape, value, path, f"Member must satisfy regular expression pattern: {shape.pattern}"))
        if enum and value not in enum:
            out.append(_said(shape, value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"))

    return check


def _check_size(shape: Shape, size: int, low: float, high: float | None, value: Any, path: str, out: list[str]) -> None:
    if size < low:
        out.append(_said(shape, value, path, f"Member must have length greater than or equal to {low}"))
    elif high is not None and size > high:
        out.append(_said(shape, value, path, f"Member must have length less than or equal to {high}"))


def _silent(check: Check) -> Check:
    """The same check for a sensitive container: that something inside it is wrong, not what."""

    def silent(value: Any, path: str, out: list[str]) -> None:
        inside: list[str] = []
        check(value, path, inside)
        if inside:
            out.append(problem(path, "Member must be valid"))

    return silent


_CONTAINERS = {"structure": _check_structure, "list": _check_list, "map": _check_map}


def _item(shape: Shape) -> Shape:
    if shape.item is None:
        raise TypeError(f"{shape.name} has no items")
    return shape.item
