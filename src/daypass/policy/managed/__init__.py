"""AWS's managed policies, as AWS publishes them: a table that `make managed` compiles. Not those of customers.

The table's first line names its source; a policy is there in its default version only, without the description, and its white space is
ours. The table is large and most policies are never asked for: only their names and places are kept, a document is read when it is
needed.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_TABLE = Path(__file__).parent / "policies.tsv"
_PREFIX = "arn:aws:iam::aws:policy"
_MAX_DOCUMENTS = 32  # kept as text, up to 150 kB each


class ManagedText(NamedTuple):
    """An AWS managed policy; `version` is the id of its default version, `place` where in the table its document stands."""

    name: str
    path: str
    version: str
    created_at: str
    updated_at: str
    place: tuple[int, int]

    @property
    def arn(self) -> str:
        """Its ARN; the account is `aws`."""
        return f"{_PREFIX}{self.path}{self.name}"

    @property
    def id(self) -> str:
        """An id of the right form that is always the same; AWS's own is not in the source."""
        return "ANPA" + b32encode(hashlib.sha256(self.arn.encode()).digest()).decode()[:17]

    @property
    def created(self) -> datetime:
        """When AWS made it, UTC."""
        return datetime.fromisoformat(self.created_at)

    @property
    def updated(self) -> datetime:
        """When AWS made this version, UTC."""
        return datetime.fromisoformat(self.updated_at)

    @property
    def document(self) -> str:
        """The JSON text of its default version."""
        return _document(*self.place)


def managed_policy(arn: str) -> ManagedText | None:
    """The AWS managed policy of this ARN, or None."""
    return managed_policies().get(arn)


@lru_cache(maxsize=1)
def managed_policies() -> Mapping[str, ManagedText]:
    """All of them by ARN."""
    found = {}
    with _TABLE.open("rb") as table:
        place = len(table.readline())
        for line in table:
            fields, _, document = line.partition(b"\t{")
            name, path, version, created, updated = fields.decode().split("\t")
            text = ManagedText(name, path, version, created, updated, (place + len(fields) + 1, len(document)))
            found[_PREFIX + path + name] = text
            place += len(line)
    return found


@lru_cache(_MAX_DOCUMENTS)
def _document(start: int, size: int) -> str:
    with _TABLE.open("rb") as table:
        table.seek(start)
        return table.read(size).decode()
