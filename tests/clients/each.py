"""One call after another by the AWS CLI v1 (`each.py cli`) or boto3 (`each.py boto3`) of this Python: a job a line, an answer a line.

Runs as a program of its own and changes nothing in its client; what it spares is a start for each of some 250 calls.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import sys
from typing import Any

_FAULT = re.compile(r"An error occurred \((\w+)\) when calling the \w+ operation(?: \([^)]*\))?: (.*)", re.S)


def by_cli(job: dict[str, Any]) -> dict[str, Any]:
    """`aws SERVICE OPERATION --cli-input-json …`, the program's own main."""
    from awscli.clidriver import create_clidriver

    driver = _clients.setdefault("cli", None) or create_clidriver()
    _clients["cli"] = driver
    said, complained = io.StringIO(), io.StringIO()
    command = [job["service"], job["command"], *(job["arguments"] or ["--cli-input-json", json.dumps(job["params"])]), "--output", "json"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        try:
            code = driver.main(command)
        except SystemExit as end:  # its parser's way to refuse
            code = end.code
    if code == 0:
        return {"output": json.loads(said.getvalue() or "{}")}
    fault = _FAULT.search(complained.getvalue())
    return {"fault": fault[1], "message": fault[2]} if fault else {"failed": complained.getvalue()}


def by_boto3(job: dict[str, Any]) -> dict[str, Any]:
    """The method of a client. Blobs are bytes to it."""
    import boto3
    import botocore.exceptions

    client = _clients.setdefault(job["service"], None) or boto3.client(job["service"])
    _clients[job["service"]] = client
    methods = {operation: name for name, operation in client.meta.method_to_api_mapping.items()}
    if job["operation"] not in methods:
        return {"unknown": True}
    blobs = {name: base64.b64decode(job["params"][name]) for name in job["blobs"]}
    try:
        output = getattr(client, methods[job["operation"]])(**job["params"] | blobs)
    except botocore.exceptions.ClientError as error:
        return {"fault": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}
    except botocore.exceptions.ParamValidationError:
        return {"unknown": True}  # a member that is younger than this client
    output.pop("ResponseMetadata")
    return {"output": output}


_clients: dict[str, Any] = {}

if __name__ == "__main__":
    call = {"cli": by_cli, "boto3": by_boto3}[sys.argv[1]]
    for line in sys.stdin:
        print(json.dumps(call(json.loads(line)), default=str), flush=True)
