"""rest-xml against botocore's: no compiled service speaks it yet, so that models are compiled here; what one writes the other reads."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from models.compile import compile_service

from daypass import wire
from daypass.values.errors import Refusal
from daypass.values.request import Response
from daypass.wire.catalogue import Service
from differential.samples import Samples
from differential.test_wire import HOW, REQUEST_ID, sent, their_source, theirs, understood

SERVICES = ("route53", "cloudfront", "s3control", "s3")
# Of S3's samples only those with all members: the others have headers of empty or impossible names, and required lists that leave no trace.
CASES = [(name, how) for name in SERVICES for how in (HOW if name != "s3" else HOW[:1])]
OBSOLETE = {"GetBucketNotification", "PutBucketNotification"}  # of S3; two members of one of their structures have the same element
ID_HEADER = {"route53": b"x-amzn-requestid", "cloudfront": b"x-amzn-requestid", "s3control": b"x-amz-request-id", "s3": b"x-amz-request-id"}


@cache
def ours(name: str) -> Service:
    """A model compiled now."""
    return Service(compile_service(name))


def without_nothing(shape: Any, value: Any) -> Any:
    """`value` without what leaves no trace on the wire: flattened lists without items, header lists and prefix headers without any."""
    if shape.type_name == "structure":
        kept = {name: item for name, item in value.items() if not (item in ([], {}) and _traceless(shape.members[name]))}
        return {name: without_nothing(shape.members[name], item) for name, item in kept.items()}
    if shape.type_name == "list":
        return [without_nothing(shape.member, item) for item in value]
    return {key: without_nothing(shape.value, item) for key, item in value.items()} if shape.type_name == "map" else value


def with_xml_line_ends(shape: Any, value: Any) -> Any:
    """`value` with line ends as XML reads them (XML 1.0 §2.11), where it travels in a body: botocore does not escape a CR."""
    if shape.type_name == "structure":
        placed = {name for name in value if shape.members[name].serialization.get("location")}
        return {name: item if name in placed else with_xml_line_ends(shape.members[name], item) for name, item in value.items()}
    if shape.type_name == "list":
        return [with_xml_line_ends(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {with_xml_line_ends(shape.key, key): with_xml_line_ends(shape.value, item) for key, item in value.items()}
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


def _traceless(shape: Any) -> bool:
    return bool(shape.serialization.get("flattened")) or shape.serialization.get("location") in ("header", "headers")


@pytest.mark.parametrize("name", SERVICES)
def test_all_operations_that_do_not_stream_are_compiled(name: str) -> None:
    streaming = set(theirs(name).operation_names) - set(ours(name).operations)
    assert len(ours(name).operations) >= 83
    for key in streaming:
        model = theirs(name).operation_model(key)
        assert model.has_event_stream_output or model.has_event_stream_input or model.has_streaming_input or model.has_streaming_output


@pytest.mark.parametrize(("name", "how"), CASES)
def test_what_botocore_sends_is_read_as_the_same_values(name: str, how: str) -> None:
    for key, operation in ours(name).operations.items():
        if key in OBSOLETE:
            continue
        model = theirs(name).operation_model(key)
        shape = model.input_shape
        parameters = Samples(f"{name}.{key}", how).value(shape) if shape else {}
        if parameters.get(operation.input.payload) in (b"", ""):
            del parameters[operation.input.payload]  # absent and empty are the same bytes
        wanted = with_xml_line_ends(shape, without_nothing(shape, parameters)) if shape else {}
        assert wire.read_input(operation, sent(model, parameters)) == wire.Input(wanted, 0), key


@pytest.mark.parametrize(("name", "how"), CASES)
def test_what_we_answer_botocore_reads_as_the_same_values(name: str, how: str) -> None:
    for key, operation in ours(name).operations.items():
        if key in OBSOLETE:
            continue
        model = theirs(name).operation_model(key)
        shape = model.output_shape
        output = Samples(f"{name}.{key}.output", how).value(shape) if shape else {}
        response = wire.render_output(operation, output, REQUEST_ID)
        parsed = understood(model, response, shape)
        assert len({header for header, _ in response.headers}) == len(response.headers)
        assert dict(response.headers)[ID_HEADER[name]] == REQUEST_ID.encode()
        assert parsed.pop("ResponseMetadata")["RequestId"] == REQUEST_ID
        if shape:
            wanted = unsaid(operation, response) | without_nothing(shape, output)
            assert without_nothing(shape, parsed) == wanted, key


def unsaid(operation: wire.OperationShape, response: Response) -> dict[str, Any]:
    """What botocore makes of no body, and of a Content-Type that the output does not hold but the response needs."""
    found: dict[str, Any] = {}
    for name, member in operation.output.members.items():
        if name == operation.output.payload:
            found[name] = {"blob": b"", "string": ""}.get(member.shape.kind, {})
        elif member.wire == "Content-Type":
            found[name] = dict(response.headers)[b"content-type"].decode()
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_every_modelled_error_arrives_as_itself(name: str) -> None:
    raw = their_source(name)
    for key, operation in ours(name).operations.items():
        model = theirs(name).operation_model(key)
        for shape in model.error_shapes:
            trait = shape.metadata.get("error", {})
            code = trait.get("code", shape.name)
            extra = {member: value for member, value in Samples(shape.name, "all").value(shape).items() if member.lower() != "message"}
            response = wire.render_refusal(operation, Refusal(code, "why <&> é", members=extra), REQUEST_ID)
            parsed = understood(model, response, model.output_shape)
            assert (parsed["Error"]["Code"], parsed["Error"]["Message"]) == (code, "why <&> é")
            assert parsed["ResponseMetadata"]["RequestId"] == REQUEST_ID
            fault = raw["shapes"][shape.name].get("fault") or trait.get("fault")
            assert response.status == trait.get("httpStatusCode", 500 if fault else 400)
            modelled = understood(model, response, shape)
            assert {member: modelled[member] for member in extra if member in modelled} == extra


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("code", ["AccessDenied", "ServiceUnavailable", "InternalFailure", "Throttling", "ValidationError"])
def test_common_refusals_arrive_with_code_and_id(name: str, code: str) -> None:
    in_s3 = {"InternalFailure": "InternalError", "Throttling": "SlowDown", "ValidationError": "InvalidArgument"}
    for key, operation in ours(name).operations.items():
        model = theirs(name).operation_model(key)
        parsed = understood(model, wire.render_refusal(operation, Refusal(code, "no"), REQUEST_ID), model.output_shape)
        assert parsed["Error"]["Code"] == (in_s3.get(code, code) if name.startswith("s3") else code)
        assert (parsed["Error"]["Message"], parsed["ResponseMetadata"]["RequestId"]) == ("no", REQUEST_ID)
