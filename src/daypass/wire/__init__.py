"""AWS bytes ↔ values for every service, driven by compiled models. Believes nothing, decides nothing, knows no business rule."""

from daypass.wire.catalogue import get_operation, service_names
from daypass.wire.shapes import Member, OperationShape, Protocol, ServiceShape, Shape
from daypass.wire.snake import snake_case

__all__ = ["Member", "OperationShape", "Protocol", "ServiceShape", "Shape", "get_operation", "service_names", "snake_case"]
