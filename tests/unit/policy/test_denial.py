from __future__ import annotations

import pytest

from daypass.policy import denial
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision
from unit.policy.people import ANYONE, HERE, OUTSIDER, SESSION, TOKEN, USER

ARN = f"arn:aws:iam::{HERE}:role/r"
WHO = f"User: {USER.arn} is not authorized to perform: sts:AssumeRole"


@pytest.mark.parametrize(
    ("caller", "resource", "decision", "text"),
    [
        (
            USER, ARN, Decision(False, False, "identity"),
            f"{WHO} on resource: {ARN} because no identity-based policy allows the sts:AssumeRole action",
        ),
        (USER, "*", Decision(False, False, "boundary"), f"{WHO} because no permissions boundary allows the sts:AssumeRole action"),
        (USER, "*", Decision(False, True, "identity", "inline", "1"), f"{WHO} with an explicit deny in an identity-based policy"),
        (
            USER, "*", Decision(False, True, "scp", "arn:aws:organizations::1:policy/x", "S"),
            f"{WHO} with an explicit deny in a service control policy: arn:aws:organizations::1:policy/x",
        ),
        (USER, "*", Decision(False, True, "trust", "", "1"), f"{WHO} with an explicit deny in a role trust policy"),
        (
            OUTSIDER, ARN, Decision(False, False, "trust"),
            f"User: {OUTSIDER.arn} is not authorized to perform: sts:AssumeRole on resource: {ARN}",
        ),
        (OUTSIDER, "*", Decision(False, True, "trust", "t", "1"), f"User: {OUTSIDER.arn} is not authorized to perform: sts:AssumeRole"),
        (ANYONE, "*", Decision(False, False, "resource"), "User: anonymous is not authorized to perform: sts:AssumeRole"),
        (TOKEN, ARN, Decision(False, False, "trust"), "Not authorized to perform sts:AssumeRole"),
    ],
)  # fmt: skip
def test_the_text(caller: Caller, resource: str, decision: Decision, text: str) -> None:
    assert denial(caller, Ask("sts:AssumeRole", resource, HERE), decision) == text


def test_a_session_is_called_by_its_own_arn() -> None:
    assert SESSION.arn in denial(SESSION, Ask("s3:Get", "*", HERE), Decision(False, False, "session"))
