"""`make managed`: compiles the AWS managed policies that the pinned moto carries into one table, a policy a line: an upgrade is a diff.

The documents are AWS's own, published in its Managed Policy Reference Guide; NOTICE has the source's license. moto belongs to the
benchmarks' environment, so this is not part of `make models`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from models.compile import ROOT

MANAGED = ROOT / "src" / "daypass" / "policy" / "managed" / "policies.tsv"
_DOCUMENT = ("Version", "Id", "Statement")
_STATEMENT = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")


def managed_text() -> str:
    """The table: name, path, default version, created, updated, document; sorted by name."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    head = f"% moto {version('moto')}, {len(policies)} policies, updated to {max(_moment(one['UpdateDate']) for one in policies.values())}"
    return "\n".join([head, *_lines(policies)]) + "\n"


def _lines(policies: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, policy in sorted(policies.items()):
        document = json.dumps(_ordered(policy["Document"]), separators=(",", ":"), ensure_ascii=False)
        times = (_moment(policy["CreateDate"]), _moment(policy["UpdateDate"]))
        fields = (name, policy["Path"], policy["DefaultVersionId"], *times, document)
        if any("\t" in field or "\n" in field for field in fields):
            raise ValueError(f"{name}: a field with white space of the table")
        yield "\t".join(fields)


def _ordered(document: Mapping[str, Any]) -> dict[str, Any]:
    """The members in the order that AWS writes them in; moto sorts them by name."""
    ordered = {key: document[key] for key in _DOCUMENT if key in document}
    statements = document["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    ordered["Statement"] = [{key: one[key] for key in _STATEMENT if key in one} for one in listed]
    if ordered.keys() != document.keys() or any(one.keys() - set(_STATEMENT) for one in listed):
        raise ValueError(f"a member that is not known here: {document}")
    return ordered


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    MANAGED.write_text(managed_text(), "utf-8")
    print(f"{MANAGED.name}: {MANAGED.stat().st_size} bytes")
