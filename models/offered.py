"""offered.json: the operations that each service's model has, and which of them daypass offers. Writes no file (__main__.py does)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def offered(models: Iterable[Mapping[str, Any]], operations: Iterable[tuple[str, str]]) -> str:
    """The text of offered.json. `models` are compiled ones, `operations` the keys of daypass's table: (service, operation)."""
    table = set(operations)
    services = {}
    for model in models:
        name = model["service"]
        services[name] = {
            "apiVersion": model["apiVersion"],
            "botocore": model["botocore"],
            "offered": [operation for operation in model["operations"] if (name, operation) in table],
            "notOffered": [operation for operation in model["operations"] if (name, operation) not in table],
            "streaming": model["leftOut"],
        }
    return json.dumps(services, indent=1) + "\n"
