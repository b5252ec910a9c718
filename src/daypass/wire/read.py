"""read_input: the parameters of a request as values, parsed strictly and held against the model. Believes nothing of what they claim."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from daypass.values.request import Request
from daypass.wire.faults import Malformed, Unknown
from daypass.wire.form import beginning_of, content_type, inputs_of, refuse_foreign_json
from daypass.wire.query import read_parameters
from daypass.wire.refusals import invalid, malformed, wrong_types
from daypass.wire.rest import ReadRest, read_json_members, rest_reader
from daypass.wire.route import labels_of
from daypass.wire.shapes import OperationShape
from daypass.wire.validate import check_of


class Input(NamedTuple):
    """`values` by AWS's member names: datetimes in UTC, blobs as bytes. `unknown` counts members that the pinned model does not have."""

    values: dict[str, Any]
    unknown: int


def read_input(operation: OperationShape, request: Request) -> Input:
    """Read and validate the input of `operation`. Raises Refusal, in AWS's words and with nothing of a secret in them.

    (1) bytes to values, strictly · (2) types · (3) the model's constraints. Nothing else is raised, whatever the bytes are.
    """
    protocol = operation.service.protocol
    try:
        if protocol == "query":
            values, unknown, wrong = _read_query(operation, request)
        else:
            values, unknown, wrong = (_read_json if protocol == "json" else _read_rest)(operation, request)
    except Malformed as fault:
        raise malformed(protocol, fault, operation) from None
    if wrong:
        raise wrong_types(operation, wrong)
    problems: list[str] = []
    check_of(operation.input)(values, "", problems)
    if problems:
        raise invalid(operation, problems)
    return Input(values, unknown)


Read = tuple[dict[str, Any], int, list[tuple[str, str]]]


def _read_query(operation: OperationShape, request: Request) -> Read:
    name, version = operation.name, operation.service.api_version
    return read_parameters(operation.input, inputs_of(request, name, version, _beginning_of(operation)))


@lru_cache(maxsize=1024)
def _beginning_of(operation: OperationShape) -> bytes:
    return beginning_of(operation.name, operation.service.api_version)


def _read_json(operation: OperationShape, request: Request) -> Read:
    refuse_foreign_json(request)
    unknown, wrong, values = Unknown(), list[tuple[str, str]](), dict[str, Any]()
    if request.body:
        members = {member.wire: member for member in operation.members.values()}
        read_json_members(request.body, members, values, unknown, wrong)
    return values, unknown.count, wrong


def _read_rest(operation: OperationShape, request: Request) -> Read:
    if not _has_raw_body(operation):
        # Clients of S3 send XML under any type or none; a type that is not in UTF-8 is refused as elsewhere.
        (refuse_foreign_json if operation.service.protocol == "rest-json" else content_type)(request)
    labels = labels_of(operation.path.partition("?")[0], request.raw_path)
    if labels is None:
        raise Malformed("The path is not that of the operation")
    unknown, wrong = Unknown(), list[tuple[str, str]]()
    values = _rest_reader(operation)(request, labels, unknown, wrong)
    return values, unknown.count, wrong


@lru_cache(maxsize=4096)
def _rest_reader(operation: OperationShape) -> ReadRest:
    return rest_reader(operation)


def _has_raw_body(operation: OperationShape) -> bool:
    payload = operation.input.payload
    return bool(payload) and operation.members[payload].shape.kind in ("blob", "string")
