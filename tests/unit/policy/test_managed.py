from __future__ import annotations

from datetime import UTC, datetime

from daypass.policy import Layers, decide, managed_policy, read_policy
from daypass.policy.managed import MANAGED
from daypass.values.decision import Ask
from unit.policy.people import HERE, USER


def _allows(name: str, action: str) -> bool:
    text = managed_policy(f"arn:aws:iam::aws:policy/{name}")
    assert text is not None
    layers = Layers((read_policy(text.document, "identity", name=text.arn),))
    return decide(Ask(action, "*", HERE), USER, {}, layers).allowed


def test_each_is_a_policy_that_aws_would_save() -> None:
    assert len(MANAGED) >= 3
    for arn, text in MANAGED.items():
        assert text.arn == arn
        assert text.id.startswith("ANPA")
        assert datetime(2015, 1, 1, tzinfo=UTC) < text.created <= text.updated
        read_policy(text.document, "identity")


def test_what_they_allow() -> None:
    assert _allows("AdministratorAccess", "iam:CreateUser")
    assert _allows("IAMFullAccess", "iam:CreateUser")
    assert not _allows("IAMFullAccess", "s3:GetObject")
    assert _allows("PowerUserAccess", "s3:GetObject")
    assert _allows("PowerUserAccess", "iam:ListRoles")
    assert not _allows("PowerUserAccess", "iam:CreateUser")


def test_an_unknown_one_is_none() -> None:
    assert managed_policy("arn:aws:iam::aws:policy/None") is None
    assert managed_policy(f"arn:aws:iam::{HERE}:policy/AdministratorAccess") is None
