"""The codec against botocore's, for every operation of every compiled service: what one writes the other reads as the same values."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.awsrequest
import botocore.model
import botocore.parsers
import botocore.serialize
import pytest
from botocore.loaders import Loader

from daypass import wire
from daypass.values.errors import Refusal
from daypass.values.request import Request, Response
from daypass.wire.catalogue import service as compiled
from daypass.wire.xml_out import ENCODED_DOCUMENTS
from differential.samples import Samples

SERVICES = wire.service_names()
HOW = ("all", "required", "empty", "odd")
REQUEST_ID = "6a5b1c2d-0000-4000-8000-1234567890ab"
EXTRA = Path(wire.__file__).parent / "extra"


@cache
def theirs(name: str) -> botocore.model.ServiceModel:
    """botocore's model of a service."""
    return botocore.model.ServiceModel(their_source(name), name)


@cache
def their_source(name: str) -> dict[str, Any]:
    """The source of that model; our own ones are brought into its form."""
    own = EXTRA / f"{name}.json"
    if not own.exists():
        source: dict[str, Any] = Loader().load_service_model(name, "service-2")
        return source
    source = json.loads(own.read_text())
    shapes = {key: _their_shape(value) for key, value in source["shapes"].items()}
    operations = {
        key: {"name": key, "http": {"method": "POST", "requestUri": "/"}}
        | {side: {"shape": value[side]} for side in ("input", "output") if side in value}
        | {"errors": [{"shape": error} for error in value["errors"]]}
        for key, value in source["operations"].items()
    }
    keys = ("protocol", "apiVersion", "endpointPrefix", "signingName", "targetPrefix", "jsonVersion")
    metadata = {key: source[key] for key in keys} | {"serviceId": name, "signatureVersion": "v4"}
    return {"metadata": metadata, "operations": operations, "shapes": shapes}


def _their_shape(source: dict[str, Any]) -> dict[str, Any]:
    shape = dict(source)
    if "members" in shape:
        shape["members"] = {name: {"shape": target} for name, target in shape["members"].items()}
    if "member" in shape:
        shape["member"] = {"shape": shape["member"]}
    if "error" in shape:
        shape |= {"exception": True, "error": {"code": shape["error"]["code"], "httpStatusCode": shape["error"]["status"]}}
    return shape


def sent(model: botocore.model.OperationModel, parameters: dict[str, Any]) -> Request:
    """The request that botocore sends for `parameters`."""
    serializer = botocore.serialize.create_serializer(model.metadata["protocol"], include_validation=False)
    request = serializer.serialize_to_request(parameters, model)
    botocore.awsrequest.prepare_request_dict(request, endpoint_url="http://127.0.0.1:9400", context={})
    prepared = botocore.awsrequest.create_request_object(request).prepare()
    url = urlsplit(prepared.url)
    headers = tuple((name.lower().encode(), _bytes(value)) for name, value in prepared.headers.items())
    return Request(prepared.method, url.path.encode(), url.query.encode(), headers, _bytes(prepared.body or b""))


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else value.read()


def understood(model: botocore.model.OperationModel, response: Response, shape: Any) -> dict[str, Any]:
    """What botocore reads from a response."""
    parser = botocore.parsers.create_parser(model.metadata["protocol"])
    headers = botocore.awsrequest.HeadersDict({name.decode(): value.decode() for name, value in response.headers})
    streams = response.status < 300 and model.has_streaming_output  # then botocore hands on the connection's own reader
    body = io.BytesIO(response.body) if streams else response.body
    parsed: dict[str, Any] = parser.parse({"status_code": response.status, "headers": headers, "body": body}, shape)
    return {name: value.read() if value is body and streams else value for name, value in parsed.items()}


@pytest.mark.parametrize("name", SERVICES)
def test_our_operations_are_theirs(name: str) -> None:
    streaming = {key for key in theirs(name).operation_names if key not in compiled(name).operations}
    assert set(compiled(name).operations) | streaming == set(theirs(name).operation_names)
    for key in streaming:
        model = theirs(name).operation_model(key)
        assert model.has_event_stream_output or model.has_event_stream_input or model.has_streaming_input or model.has_streaming_output


@pytest.mark.parametrize("name", SERVICES)
def test_names_are_spelled_as_boto3_does(name: str) -> None:
    for key, operation in compiled(name).operations.items():
        assert wire.snake_case(key) == botocore.xform_name(key)
        for member in operation.members:
            assert wire.snake_case(member) == botocore.xform_name(member)


@pytest.mark.parametrize("name", SERVICES)
def test_what_botocore_sends_is_read_as_the_same_values(name: str) -> None:
    for key, operation in compiled(name).operations.items():
        model = theirs(name).operation_model(key)
        assert operation.unsigned == (model.auth_type == "none")
        for how in HOW:
            samples = Samples(f"{name}.{key}", how, hollow=operation.service.protocol != "query")
            parameters = samples.value(model.input_shape) if model.input_shape else {}
            if parameters.get(operation.input.payload) in (b"", {}):
                del parameters[operation.input.payload]  # absent and empty are the same bytes
            request = sent(model, parameters)
            assert wire.find_operation(request) is operation
            assert wire.read_input(operation, request) == wire.Input(parameters, 0), f"{key} {how}"


@pytest.mark.parametrize("name", SERVICES)
def test_what_we_answer_botocore_reads_as_the_same_values(name: str) -> None:
    for key, operation in compiled(name).operations.items():
        model = theirs(name).operation_model(key)
        for how in HOW:
            output = Samples(f"{name}.{key}.output", how).value(model.output_shape) if model.output_shape else {}
            response = wire.render_output(operation, output, REQUEST_ID)
            parsed = understood(model, response, model.output_shape)
            output = {member: b"" for member, shape in operation.output.members.items() if _raw(operation, shape)} | output
            output = {member: 200 for member, shape in operation.output.members.items() if shape.place == "status"} | output
            assert parsed.pop("ResponseMetadata")["RequestId"] == REQUEST_ID
            if name == "iam" and model.output_shape:
                _unquote_documents(model.output_shape, parsed)
            assert parsed == output, f"{key} {how}"


def _raw(operation: wire.OperationShape, member: wire.Member) -> bool:
    return member.name == operation.output.payload and member.shape.kind == "blob"


def _unquote_documents(shape: Any, value: Any) -> None:
    """Undo rule `policy-documents-are-encoded` in what botocore read, as boto3 does on a layer above its parser."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if name in value and member.name in ENCODED_DOCUMENTS:
                value[name] = unquote(value[name])
            elif name in value:
                _unquote_documents(member, value[name])
    elif shape.type_name == "list":
        for item in value:
            _unquote_documents(shape.member, item)


@pytest.mark.parametrize("name", SERVICES)
def test_every_modelled_error_arrives_as_itself(name: str) -> None:
    raw = their_source(name)
    for key, operation in compiled(name).operations.items():
        model = theirs(name).operation_model(key)
        for shape in model.error_shapes:
            trait = shape.metadata.get("error", {})
            code = trait.get("code", shape.name)
            extra = {member: value for member, value in Samples(shape.name, "all").value(shape).items() if member.lower() != "message"}
            response = wire.render_refusal(operation, Refusal(code, "why <&> é", members=extra), REQUEST_ID)
            parsed = understood(model, response, model.output_shape)
            assert parsed["Error"]["Code"] == code
            assert parsed["Error"]["Message"] == "why <&> é"
            assert parsed["ResponseMetadata"]["RequestId"] == REQUEST_ID
            fault = raw["shapes"][shape.name].get("fault") or trait.get("fault")
            assert response.status == trait.get("httpStatusCode", 500 if fault else 400)
            if model.metadata["protocol"] == "query":
                assert parsed["Error"]["Type"] == ("Receiver" if response.status >= 500 else "Sender")
            modelled = understood(model, response, shape)
            assert {member: modelled[member] for member in extra if member in modelled} == extra


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("code", ["AccessDenied", "ServiceUnavailable", "InternalFailure", "Throttling", "ValidationError"])
def test_common_refusals_arrive_with_code_and_id(name: str, code: str) -> None:
    for key, operation in compiled(name).operations.items():
        model = theirs(name).operation_model(key)
        response = wire.render_refusal(operation, Refusal(code, "no"), REQUEST_ID)
        parsed = understood(model, response, model.output_shape)
        assert parsed["Error"]["Code"].startswith(code.removesuffix("Failure").removesuffix("Error"))
        assert (parsed["Error"]["Message"], parsed["ResponseMetadata"]["RequestId"]) == ("no", REQUEST_ID)
