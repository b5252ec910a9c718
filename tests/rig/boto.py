"""What tests through boto3 need besides a client: a policy's text, and the code that a call is refused with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

Boto = Callable[..., Any]


def document(*statements: dict[str, Any]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def code(call: Callable[..., Any], **members: Any) -> str:
    """The error code that the call is refused with, "" when it is done."""
    try:
        call(**members)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
