"""ListGuardRails: the settings, and what stored policies they speak against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daypass.policy.rails import DEFAULTS, RAILS, read_settings
from daypass.services.daypass import guard_rails
from rig.node import Refused
from unit.way.town import Town, allow, policy, trust

PASS_ANY = policy(allow("iam:PassRole"))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.it.close()


def listed(town: Town, **given: Any) -> dict[str, Any]:
    """As the operator sees it."""
    answer: dict[str, Any] = town.it.call("daypass", "ListGuardRails", given, town.operator)
    return answer


def rules(town: Town, *settings: str) -> None:
    """Start anew with these settings, as it were."""
    town.it.node.rules = replace(town.it.node.rules, rails=read_settings(settings))


def test_the_rails_are_listed_with_their_settings(town: Town) -> None:
    assert {rail["Name"]: rail["Setting"] for rail in listed(town)["Rails"]} == dict(DEFAULTS)
    rules(town, "pass-role=refuse")
    assert [rail["Setting"] for rail in listed(town)["Rails"] if rail["Name"] == "pass-role"] == ["refuse"]
    assert all(rail["About"] for rail in listed(town)["Rails"]) and len(listed(town)["Rails"]) == len(RAILS)


def test_what_is_stored_is_looked_at_as_the_rails_are_set_now(town: Town) -> None:
    assert listed(town)["Findings"] == []
    rules(town, "open-principal=off")
    arn = town.role("open", trust("*"))
    town.user("u", PASS_ANY)
    town.iam("CreateGroup", GroupName="g")
    town.iam("PutGroupPolicy", GroupName="g", PolicyName="in", PolicyDocument=PASS_ANY)
    made = town.iam("CreatePolicy", PolicyName="m", PolicyDocument=PASS_ANY)["Policy"]["Arn"]
    found = {(one["Rail"], one["Setting"], one["Arn"], one["Policy"]) for one in listed(town)["Findings"]}
    here = f"arn:aws:iam::{town.account}"
    expected = {
        ("pass-role", "warn", f"{here}:user/u", "p"),
        ("pass-role", "warn", f"{here}:group/g", "in"),
        ("pass-role", "warn", made, "v1"),
    }
    assert found == expected
    rules(town)
    answer = listed(town, Account=town.account)
    assert {(one["Rail"], one["Setting"], one["Arn"], one["Policy"]) for one in answer["Findings"]} == expected | {
        ("open-principal", "refuse", arn, "trust policy")
    }
    assert answer["Omitted"] == 0 and answer["Examined"] >= 6
    assert listed(town, Account="999999999999")["Examined"] == 0


def test_more_than_can_be_shown_is_counted(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_rails, "MAX_FINDINGS", 1)
    town.user("u", PASS_ANY)
    town.user("v", PASS_ANY)
    answer = listed(town)
    assert (len(answer["Findings"]), answer["Omitted"]) == (1, 1)


def test_it_is_not_for_everybody(town: Town) -> None:
    nobody = town.user("nobody", "")
    with pytest.raises(Refused) as caught:
        town.it.call("daypass", "ListGuardRails", {}, nobody)
    assert caught.value.code == "AccessDeniedException"
