from __future__ import annotations

from typing import Any

import pytest

from daypass.wire.catalogue import get_operation
from daypass.wire.redact import redact


@pytest.mark.parametrize(
    ("service", "name", "values", "kept"),
    [
        (
            "sts",
            "assume_role",
            {"RoleArn": "a", "TokenCode": "CANARY", "Tags": [{"Key": "k", "Value": "v"}]},
            {"RoleArn": "a", "Tags": [{"Key": "k", "Value": "v"}]},
        ),
        ("sts", "assume_role_with_web_identity", {"RoleArn": "a", "WebIdentityToken": "CANARY"}, {"RoleArn": "a"}),
        ("sts", "assume_role_with_saml", {"RoleArn": "a", "SAMLAssertion": "CANARY"}, {"RoleArn": "a"}),
        ("iam", "change_password", {"OldPassword": "CANARY", "NewPassword": "CANARY"}, {}),
        ("secretsmanager", "put_secret_value", {"SecretId": "s", "SecretString": "CANARY", "SecretBinary": b"CANARY"}, {"SecretId": "s"}),
        (
            "cognito-identity",
            "get_id",
            {"IdentityPoolId": "p", "Logins": {"accounts.google.com": "CANARY"}},
            {"IdentityPoolId": "p", "Logins": {}},
        ),
        ("sso", "list_accounts", {"accessToken": "CANARY", "maxResults": 5}, {"maxResults": 5}),
        (
            "sso-oidc",
            "create_token",
            {"clientId": "c", "clientSecret": "CANARY", "code": "CANARY", "deviceCode": "CANARY"},
            {"clientId": "c"},
        ),
        ("eks-auth", "assume_role_for_pod_identity", {"clusterName": "c", "token": "CANARY"}, {"clusterName": "c"}),
        (
            "signin",
            "create_oauth2_token",
            {"tokenInput": {"clientId": "c", "code": "CANARY", "refreshToken": "CANARY"}},
            {"tokenInput": {"clientId": "c"}},
        ),
    ],
)
def test_secrets_do_not_reach_the_ledger(service: str, name: str, values: dict[str, Any], kept: dict[str, Any]) -> None:
    assert redact(get_operation(service, name), values) == kept
    assert "CANARY" not in repr(kept)
