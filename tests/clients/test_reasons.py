"""Why a real client was refused, and what it would be told: every client passes the encoded message on whole, and asks ahead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clients.drivers import DRIVERS, ClientFault, Driver
from rig.server import Server

from .conftest import EXTERNAL_ID, World, allow, as_caller

pytestmark = [pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name), pytest.mark.xdist_group("clients")]

SENTENCE, ENCODED = " is not authorized to perform: ", ". Encoded authorization failure message: "


def denied(driver: Driver, environment: Any, service: str, operation: str, **params: Any) -> str:
    """The encoded message of a refusal, as the client gives it."""
    with pytest.raises(ClientFault) as caught:
        driver.call(service, operation, params, environment)
    assert caught.value.code.startswith("AccessDenied")
    sentence, _, encoded = caught.value.message.partition(ENCODED)
    assert SENTENCE in sentence and len(encoded.split()[0]) == 1536
    return encoded.split()[0]


def decode(driver: Driver, environment: Any, message: str) -> dict[str, Any]:
    answer = driver.call("sts", "DecodeAuthorizationMessage", {"EncodedMessage": message}, environment)
    decoded: dict[str, Any] = json.loads(answer["DecodedMessage"])
    return decoded


def test_an_encoded_message_is_decoded_by_each_side(driver: Driver, server: Server, world: World) -> None:
    params = {"RoleArn": world.partner, "RoleSessionName": "visit", "ExternalId": "acme-0000"}
    message = denied(driver, world.vendor, "sts", "AssumeRole", **params)
    said = decode(driver, server.environment, message)
    assert (said["allowed"], said["explicitDeny"], said["context"]["action"]) == (False, False, "sts:AssumeRole")
    assert EXTERNAL_ID in json.dumps(said["failures"]) and "acme-0000" in json.dumps(said["failures"])
    assert said["context"]["principal"]["arn"].endswith(":user/scanner")
    denied(driver, world.vendor, "sts", "DecodeAuthorizationMessage", EncodedMessage=message)  # who may only assume roles
    with pytest.raises(ClientFault) as caught:
        decode(driver, server.environment, message[:-4] + "AAAA")
    assert caught.value.code == "InvalidAuthorizationMessage"


def test_the_command_reads_what_the_client_printed(driver: Driver, server: Server, world: World) -> None:
    params = {"RoleArn": world.partner, "RoleSessionName": "visit", "ExternalId": EXTERNAL_ID}
    answer = driver.call("sts", "AssumeRole", params, world.vendor)
    message = denied(driver, as_caller(server, answer["Credentials"]), "organizations", "ListRoots")
    told = server.command("explain", message).stdout
    assert "Denied: organizations:ListRoots on *, since no identity-based policy allows it" in told


def test_the_simulators(driver: Driver, server: Server, world: World) -> None:
    params = {"PolicySourceArn": world.partner, "ActionNames": ["iam:ListRoles", "iam:ListPolicies"], "ResourceArns": ["*"]}
    results = driver.call("iam", "SimulatePrincipalPolicy", params, server.environment)["EvaluationResults"]
    assert [one["EvalDecision"] for one in results] == ["allowed", "implicitDeny"]
    [matched] = results[0]["MatchedStatements"]
    assert matched["SourcePolicyType"] == "role" and matched["StartPosition"]["Line"] == 1
    trusted = {**params, "ActionNames": ["sts:AssumeRole"], "ResourceArns": [world.inner]}
    [result] = driver.call("iam", "SimulatePrincipalPolicy", trusted, server.environment)["EvaluationResults"]
    assert result["ResourceSpecificResults"][0]["EvalResourceDecision"] == "allowed"

    text = allow({"Action": "s3:GetObject", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})
    custom = {"PolicyInputList": [text], "ActionNames": ["s3:GetObject"]}
    [result] = driver.call("iam", "SimulateCustomPolicy", custom, server.environment)["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:SourceIp"])
    entry = {"ContextKeyName": "aws:SourceIp", "ContextKeyType": "ip", "ContextKeyValues": ["10.1.2.3"]}
    [result] = driver.call("iam", "SimulateCustomPolicy", {**custom, "ContextEntries": [entry]}, server.environment)["EvaluationResults"]
    assert result["EvalDecision"] == "allowed"


def test_the_context_keys(driver: Driver, server: Server, world: World) -> None:
    text = allow({"Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}/*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}})
    keys = driver.call("iam", "GetContextKeysForCustomPolicy", {"PolicyInputList": [text]}, server.environment)
    assert keys["ContextKeyNames"] == ["aws:SecureTransport", "aws:username"]
    params = {"PolicySourceArn": world.partner, "PolicyInputList": [text]}
    assert driver.call("iam", "GetContextKeysForPrincipalPolicy", params, server.environment)["ContextKeyNames"] == keys["ContextKeyNames"]
