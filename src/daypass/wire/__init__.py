"""AWS bytes ↔ values for every service, driven by compiled models. Believes nothing, decides nothing, knows no business rule."""

from daypass.wire.catalogue import get_operation, service_names
from daypass.wire.envelope import render_output, render_refusal
from daypass.wire.read import Input, read_input
from daypass.wire.redact import redact
from daypass.wire.refusals import denied, not_offered, refusal_of
from daypass.wire.route import find_operation, protocol_of
from daypass.wire.shapes import Member, OperationShape, Protocol, ServiceShape, Shape
from daypass.wire.snake import snake_case

__all__ = [
    "Input",
    "Member",
    "OperationShape",
    "Protocol",
    "ServiceShape",
    "Shape",
    "denied",
    "find_operation",
    "get_operation",
    "not_offered",
    "protocol_of",
    "read_input",
    "redact",
    "refusal_of",
    "render_output",
    "render_refusal",
    "service_names",
    "snake_case",
]
