"""Every operation of IAM's model is offered, or listed with a reason that its caller is told."""

from __future__ import annotations

from pathlib import Path

import pytest

import daypass.services  # noqa: F401 - offers the operations
from daypass import wire
from daypass.way.operation import NOT_OFFERED, OPERATIONS, not_offered
from daypass.wire import catalogue
from rig.node import Refused, TestNode


def names(table: object, service: str = "iam") -> set[str]:
    return {name for owner, name in table if owner == service}  # type: ignore[attr-defined]  # tables keyed by (service, operation)


def test_every_operation_is_offered_or_has_a_reason() -> None:
    model = set(catalogue.service("iam").operations)
    offered, refused = names(OPERATIONS), names(NOT_OFFERED)
    assert model - offered - refused == set(), "offer it, or say in services/iam/not_offered.py why not"
    assert offered & refused == set(), "take its row out of services/iam/not_offered.py"


def test_the_caller_is_told_the_reason(tmp_path: Path) -> None:
    node = TestNode(tmp_path)
    with pytest.raises(Refused) as caught:
        node.call("iam", "ListDelegationRequests", {}, node.operator())
    node.close()
    assert (caught.value.code, caught.value.status) == ("InvalidAction", 400)
    assert caught.value.message.endswith(f"since {NOT_OFFERED['iam', 'ListDelegationRequests']}")


def test_a_reason_for_what_the_model_lacks_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        not_offered("iam", {"MakeCoffee": "no beans"})


def test_without_a_reason_nothing_is_invented() -> None:
    shape = wire.get_operation("iam", "get_user")
    assert wire.not_offered(shape).message == "Could not find operation GetUser for version 2010-05-08"
