"""One AWS call by whatever boto3 this Python has: a job as JSON on stdin, the answer as JSON on stdout. Runs as a program of its own.

Who calls is the environment's business (profile, keys, token file), as for any other program that uses boto3.
"""

import base64
import json
import sys

import boto3
import botocore.exceptions

job = json.load(sys.stdin)
try:
    client = boto3.client(job["service"])
    method = getattr(client, {op: name for name, op in client.meta.method_to_api_mapping.items()}[job["operation"]])
    answer = {"output": method(**job["params"])}
except botocore.exceptions.ClientError as error:
    answer = {"fault": error.response["Error"]}
json.dump(answer, sys.stdout, default=lambda value: base64.b64encode(value).decode() if isinstance(value, bytes) else value.isoformat())
