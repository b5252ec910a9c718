"""What a refusal by policy says, and what it costs when nothing is refused."""

from __future__ import annotations

import json
import logging
import random  # noqa: TID251  # a test draws its cases
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from daypass import passes
from daypass.policy.reasons import MAX_TEXT
from daypass.store import StoreFailed
from daypass.values.secret import Secret
from daypass.values.why import Considered, Failed, Why
from daypass.way import denied as module
from daypass.way.denied import read_message
from rig.node import Refused
from unit.way.town import Town, allow, policy

KEY = passes.SealKeyValue("0a1b2c3d", Secret(bytes(range(32))))


def context(**store: Any) -> Any:
    held = {"open_seal_keys": {KEY.id: KEY}, "active_seal_key": KEY} | store
    return SimpleNamespace(store=SimpleNamespace(**held), random=lambda count: b"n" * count, request_id="r")


def noise(rng: random.Random, size: int = MAX_TEXT) -> str:
    """Text of `size` bytes that no packing makes shorter by much."""
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(size // 3))


def large(rng: random.Random, statements: int) -> Why:
    failed = tuple(Failed("Condition", "StringEquals", noise(rng), (noise(rng),) * 2, (noise(rng),)) for _ in range(2))
    found = tuple(Considered("identity", noise(rng), noise(rng), "Allow", failed) for _ in range(statements))
    stated = tuple((noise(rng), (noise(rng),)) for _ in range(3))
    request_id, action = "0" * 36, "a" * 64
    return Why(request_id, False, "identity", action, noise(rng), "1" * 12, "2" * 12, noise(rng), noise(rng), found, stated)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_reasons_are_something_fits(seed: int) -> None:
    why = large(random.Random(seed), seed % 5)
    sealed = module._sealed(context(), why)
    assert len(sealed) == passes.MESSAGE
    told = read_message(sealed, context())
    assert (told.action, told.resource, told.principal_arn) == (why.action, why.resource, why.principal_arn)
    assert told.statements == why.statements[: len(told.statements)]
    assert len(told.statements) + told.omitted == len(why.statements)


def test_small_reasons_are_whole() -> None:
    statement = Considered("identity", "p", "S", "Allow", (Failed("Condition", "Bool", "aws:x", ("true",)),))
    why = replace(large(random.Random(1), 0), statements=(statement,), context=(("aws:y", ("1", "2")), ("aws:z", ())))
    assert read_message(module._sealed(context(), why), context()) == why


def test_what_another_version_sealed_is_not_guessed_at() -> None:
    sealed = passes.seal_message(msgspec.msgpack.encode({"explicit": True}), KEY, b"n" * 12)
    assert sealed is not None
    with pytest.raises(passes.MessageError, match="another version"):
        read_message(sealed, context())


def test_without_a_key_a_refusal_stays_one(caplog: pytest.LogCaptureFixture) -> None:
    class Keyless:
        open_seal_keys: dict[str, Any] = {}

        @property
        def active_seal_key(self) -> None:
            raise StoreFailed("there is no active seal key")

    ctx = context()
    ctx.store = Keyless()
    with caplog.at_level(logging.ERROR):
        assert module._sealed(ctx, large(random.Random(1), 0)) == ""
    assert "without its encoded message" in caplog.text


def test_what_is_allowed_costs_no_reasons(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = town.user("alice", policy(allow("iam:ListUsers")))

    def never(*args: object) -> None:
        raise AssertionError("nothing was refused")

    monkeypatch.setattr(module, "reasons", never)
    monkeypatch.setattr(passes, "seal_message", never)
    assert town.iam("ListUsers", keys)["Users"]
    with pytest.raises(Refused) as caught:
        town.iam("ListGroups", keys)
    assert caught.value.status == 500  # a fault in the reasons never lets anybody in


def test_the_reasons_are_those_of_the_ask_that_was_refused(town: Town) -> None:
    keys = town.user(
        "alice", policy(allow("sts:AssumeRole"), allow("sts:TagSession", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    )
    role = town.role("target")
    with pytest.raises(Refused) as caught:
        town.assume(keys, role, Tags=[{"Key": "a", "Value": "b"}])
    line = json.loads(caught.value.answer.line)["daypass"]
    assert [(one["action"], one["allowed"]) for one in line["decisions"]] == [("sts:AssumeRole", True), ("sts:TagSession", False)]
    assert line["why"]["statements"][0]["failed"][0]["key"] == "aws:MultiFactorAuthPresent"
