"""ListKeys, RotateKeys, RevokeKey: what they answer and leave alone. (Steps: tests/conformance; rights: tests/matrix and tests/attacks.)"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daypass.values.errors import ConfigError
from rig.node import UID, Keys, Refused, TestNode

OWN = f"uid:{UID}"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = TestNode(tmp_path)
    yield made
    made.close()


def own(node: TestNode, operation: str, **given: Any) -> Any:
    return node.call("daypass", operation, given, peer=OWN)


def keys(node: TestNode, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [key for key in own(node, "ListKeys")["Keys"] if key["Kind"] == kind]
    return found


def key_of(holder: Keys) -> str:
    return base64.b64decode(holder.token or "")[1:5].hex()


def test_the_list_tells_what_rests_on_each_key_and_shows_none(node: TestNode) -> None:
    holder = node.operator()
    node.pass_time(hours=1)
    (seal,), (data,) = keys(node, "SEAL"), keys(node, "DATA")
    assert (seal["KeyId"], seal["State"], seal["AgeSeconds"], seal["LivePasses"]) == (key_of(holder), "ACTIVE", 3600, 1)
    assert seal["LastPassExpires"] == node.now + timedelta(hours=11)
    assert (data["State"], data["Rows"], data["Nodes"]) == ("ACTIVE", 2, ["node-test"])
    assert seal.keys() | data.keys() == {
        "KeyId", "Kind", "State", "Created", "AgeSeconds", "LivePasses", "LastPassExpires", "Rows", "Nodes", "WaitsFor"
    }  # fmt: skip
    assert "RotateAfterSeconds" not in own(node, "ListKeys")
    node.store.rotation.after = timedelta(days=7)
    assert own(node, "ListKeys")["RotateAfterSeconds"] == 7 * 86400


def test_a_rotation_under_way_is_not_begun_again(node: TestNode) -> None:
    first = own(node, "RotateKeys")["Keys"]
    assert [(key["Kind"], key["State"]) for key in first] == [("SEAL", "PENDING"), ("DATA", "PENDING")]
    assert own(node, "RotateKeys")["Keys"] == first
    assert own(node, "RotateKeys", Kind="SEAL")["Keys"] == first[:1]
    assert own(node, "RotateKeys", Kind="DATA")["Keys"] == first[1:]
    assert [len(keys(node, kind)) for kind in ("SEAL", "DATA")] == [2, 2]
    node.store.rotation.round(node.now)
    assert own(node, "RotateKeys", Kind="SEAL")["Keys"] != first[:1]


def test_that_silent_nodes_are_left_behind_can_be_said_later(node: TestNode) -> None:
    (begun,) = own(node, "RotateKeys", Kind="SEAL")["Keys"]
    waiting = node.store.snapshot.seal_keys.find(begun["KeyId"])
    assert waiting is not None and not waiting.hurried
    own(node, "RotateKeys", Kind="SEAL", WithoutSilent=True)
    waiting = node.store.snapshot.seal_keys.find(begun["KeyId"])
    assert waiting is not None and waiting.hurried


def test_a_root_key_that_is_away_is_told_and_changes_nothing(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise ConfigError("the KMS at kms.example does not answer")

    monkeypatch.setattr(node.store.rotation, "prepare", away)
    with pytest.raises(Refused) as refused:
        own(node, "RotateKeys")
    assert refused.value.code.startswith("ServiceUnavailable") and "kms.example" not in refused.value.message
    assert [len(keys(node, kind)) for kind in ("SEAL", "DATA")] == [1, 1]
    own(node, "RotateKeys", Kind="SEAL")  # needs no root key


def test_revoking_ends_passes_in_the_list_of_sessions_as_well(node: TestNode) -> None:
    before = node.operator()
    node.pass_time(seconds=10)
    done = own(node, "RevokeKey", KeyId=key_of(before))
    assert (done["State"], done["SessionsEnded"]) == ("REVOKED", 1)
    node.pass_time(seconds=10)
    after = node.operator()
    assert key_of(after) == done["SuccessorId"]
    assert [one["AccessKeyId"] for one in own(node, "ListSessions")["Sessions"]] == [after.id]
    states = {one["AccessKeyId"]: one["State"] for one in own(node, "ListSessions", IncludeEnded=True)["Sessions"]}
    assert states == {before.id: "ENDED", after.id: "LIVE"}


def test_a_message_sealed_by_a_retained_key_can_be_read_and_by_a_revoked_one_not(node: TestNode) -> None:
    operator = node.operator()
    node.call("iam", "CreateUser", {"UserName": "u"}, operator)
    user = Keys.of(node.call("iam", "CreateAccessKey", {"UserName": "u"}, operator)["AccessKey"])
    with pytest.raises(Refused) as refused:
        node.call("iam", "ListUsers", {}, user)
    own(node, "RotateKeys", Kind="SEAL")
    node.store.rotation.round(node.now)
    operator = node.operator()
    message = {"EncodedMessage": refused.value.encoded}
    assert "iam:ListUsers" in node.call("sts", "DecodeAuthorizationMessage", message, operator)["DecodedMessage"]
    retained = next(key["KeyId"] for key in keys(node, "SEAL") if key["State"] == "RETAINED")
    own(node, "RevokeKey", KeyId=retained)
    with pytest.raises(Refused, match="InvalidAuthorizationMessage"):
        node.call("sts", "DecodeAuthorizationMessage", message, operator)
