"""An unmodified client that stands outside of what it speaks to, in the same network namespace: boto3 with the keys of a pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from rig.server import REGION, clean_environment

CLIENT = """
import boto3, json
sts, iam = boto3.client("sts"), boto3.client("iam")
trust = {"Effect": "Allow", "Principal": {"AWS": sts.get_caller_identity()["Account"]}, "Action": "sts:AssumeRole"}
try:
    role = iam.get_role(RoleName="kept")["Role"]
except iam.exceptions.NoSuchEntityException:
    role = iam.create_role(RoleName="kept", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"]
print(sts.assume_role(RoleArn=role["Arn"], RoleSessionName="from-outside")["AssumedRoleUser"]["AssumedRoleId"])
"""


def session_of_kept(network: list[str], said: str, url: str, ca: Path | None = None) -> str:
    """The id of a session of the role "kept", which is made when there is none yet: another one means that it was not kept.

    `network` is the command that enters the namespace, `said` the answer of `daypass process`.
    """
    keys = json.loads(said)
    environment = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"], "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": url, **({"AWS_CA_BUNDLE": str(ca)} if ca else {}),
    }  # fmt: skip
    command = [*network, sys.executable, "-c", CLIENT]
    done = subprocess.run(command, env=clean_environment(environment), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
