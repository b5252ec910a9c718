"""The catalogue of services and operations, each model read when it is first asked for. Does not route or parse requests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec

from daypass.wire.shapes import OperationShape, ServiceShape, Shape, read_shapes
from daypass.wire.snake import snake_case

_HERE = Path(__file__).parent
_NOTHING = Shape("", "structure")


class Service:
    """One service's model: `shape` has its traits, `operations` all that it can do, by CamelCase name."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.shape = ServiceShape(
            name=source["service"],
            protocol=source["protocol"],
            api_version=source["apiVersion"],
            signing_name=source["signingName"],
            endpoint_prefix=source["endpointPrefix"],
            target_prefix=source["targetPrefix"],
            json_version=source["jsonVersion"],
            xml_namespace=source["xmlNamespace"],
            botocore=source["botocore"],
        )
        shapes = read_shapes(source["shapes"])
        self.operations = {name: self._operation(name, traits, shapes) for name, traits in source["operations"].items()}
        self._by_snake = {snake_case(name): name for name in self.operations}

    def _operation(self, name: str, traits: Mapping[str, Any], shapes: Mapping[str, Shape]) -> OperationShape:
        return OperationShape(
            name=name,
            service=self.shape,
            method=traits["method"],
            path=traits["path"],
            status=traits.get("status", 200),
            input=shapes[traits["input"]] if "input" in traits else _NOTHING,
            output=shapes[traits["output"]] if "output" in traits else _NOTHING,
            wrapper=traits.get("wrapper", ""),
            unsigned=traits.get("unsigned", False),
            root=traits.get("root", ""),
            errors=tuple(shapes[error] for error in traits["errors"]),
        )

    def named(self, snake_name: str) -> OperationShape:
        """The operation that boto3 calls `snake_name`. Raises KeyError."""
        return self.operations[self._by_snake[snake_name]]


@cache  # bounded by the number of models
def service(name: str) -> Service:
    """The model of one service, by botocore's name. Raises KeyError when there is no such model."""
    if name not in index():
        raise KeyError(name)
    path = _HERE / "models" / f"{name}.json"
    return Service(msgspec.json.decode((path if path.exists() else _HERE / "extra" / f"{name}.json").read_bytes()))


@lru_cache(maxsize=1)
def index() -> Mapping[str, Any]:
    """What is known of all services before any model is read: protocol, version, target, names and paths of operations."""
    found: Mapping[str, Any] = msgspec.json.decode((_HERE / "models" / "index.json").read_bytes())["services"]
    return found


def service_names() -> tuple[str, ...]:
    """The names of all services that have a model, sorted."""
    return tuple(sorted(index()))


def get_operation(service_name: str, snake_name: str) -> OperationShape:
    """The operation `snake_name` (boto3's spelling) of a service. Raises KeyError when the model lacks it."""
    return service(service_name).named(snake_name)
