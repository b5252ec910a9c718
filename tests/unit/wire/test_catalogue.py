from __future__ import annotations

import subprocess
import sys

import pytest

from daypass.wire.catalogue import get_operation, index, service, service_names
from daypass.wire.snake import snake_case


def test_operations_are_found_by_the_names_of_boto3() -> None:
    operation = get_operation("sts", "assume_role_with_saml")
    assert (operation.name, operation.unsigned, operation.wrapper) == ("AssumeRoleWithSAML", True, "AssumeRoleWithSAMLResult")
    assert operation.required == ("RoleArn", "PrincipalArn", "SAMLAssertion")
    assert get_operation("sts", "assume_role_with_saml") is operation


@pytest.mark.parametrize(
    ("name", "operation"), [("sts", "nope"), ("nope", "x"), ("../sts", "assume_role"), ("index", "x"), ("unicode", "x")]
)
def test_what_no_model_has_is_a_key_error(name: str, operation: str) -> None:
    with pytest.raises(KeyError):
        get_operation(name, operation)


def test_the_index_agrees_with_the_models() -> None:
    for name in service_names():
        model = service(name)
        traits = index()[name]
        assert set(traits["operations"]) == set(model.operations)
        assert (traits["protocol"], traits["apiVersion"], traits["targetPrefix"]) == (
            model.shape.protocol, model.shape.api_version, model.shape.target_prefix
        )  # fmt: skip


def test_models_are_read_only_when_asked_for() -> None:
    code = "import daypass.wire.catalogue as c; c.index(); print(c.service.cache_info().currsize)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"0\n"


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("AssumeRoleWithSAML", "assume_role_with_saml"), ("GetOpenIDConnectProvider", "get_open_id_connect_provider"),
        ("ClientIDs", "client_ids"),
        ("UserName", "user_name"), ("NewUserName", "new_user_name"), ("CreateOAuth2Token", "create_oauth2_token"), ("arn", "arn"),
        ("ListMFADevices", "list_mfa_devices"), ("SAMLMetadataDocument", "saml_metadata_document"), ("already_snake", "already_snake"),
    ],
)  # fmt: skip
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake
