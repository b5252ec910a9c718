"""The AWS managed policies that daypass has, as AWS publishes them; read from this folder when it is imported. Not those of customers.

Source: AWS Managed Policy Reference Guide (name, id, version, dates, document; the document's white space is ours).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from importlib import resources
from typing import NamedTuple

_PREFIX = "arn:aws:iam::aws:policy"


class ManagedText(NamedTuple):
    """An AWS managed policy: `document` is JSON text, `version` the id of its default version; times are UTC."""

    name: str
    path: str
    id: str
    description: str
    document: str
    version: str
    created: datetime
    updated: datetime

    @property
    def arn(self) -> str:
        """Its ARN; the account is `aws`."""
        return f"{_PREFIX}{self.path}{self.name}"


def _read() -> Iterator[ManagedText]:
    for file in sorted(resources.files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            fields = json.loads(file.read_text("utf-8"))
            fields["document"] = json.dumps(fields["document"], indent=4)
            for time in ("created", "updated"):
                fields[time] = datetime.fromisoformat(fields[time])
            yield ManagedText(**fields)


MANAGED: dict[str, ManagedText] = {text.arn: text for text in _read()}


def managed_policy(arn: str) -> ManagedText | None:
    """The AWS managed policy of this ARN, or None."""
    return MANAGED.get(arn)
