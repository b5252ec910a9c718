"""The samples of what is asked about decisions: why one was made, and what others would be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rig.node import Keys, Refused

if TYPE_CHECKING:
    from matrix.samples import World

_DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})


def _refusal(world: World) -> dict[str, Any]:
    """The encoded message of a refusal in the world's account."""
    try:
        world.node.call("iam", "ListUsers", {}, Keys.of(world.key))
    except Refused as refused:
        return {"EncodedMessage": refused.encoded}
    raise AssertionError("the user of the world may do nothing")


def _target(world: World) -> dict[str, Any]:
    return {"PolicySourceArn": world.role_arn("target")}


SAMPLES: dict[tuple[str, str], Any] = {
    ("sts", "DecodeAuthorizationMessage"): _refusal,
    ("daypass", "ExplainRequest"): _refusal,
    ("iam", "SimulateCustomPolicy"): lambda world: {"PolicyInputList": [_DOCUMENT], "ActionNames": ["s3:GetObject"]},
    ("iam", "SimulatePrincipalPolicy"): lambda world: {**_target(world), "ActionNames": ["s3:GetObject"]},
    ("iam", "GetContextKeysForCustomPolicy"): lambda world: {"PolicyInputList": [_DOCUMENT]},
    ("iam", "GetContextKeysForPrincipalPolicy"): _target,
}
