"""A thousand roles in ten accounts: the reach is whole, and each question looks at every role or principal once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from daypass.cli.can_become import Step, follow
from daypass.store import Changes
from daypass.store.records import Account, Role, User
from rig.node import START
from unit.way.town import ALLOW_ALL, Town, allow, policy, trust

ROLES, ACCOUNTS = 1000, 10
FAN_OUT = 3  # roles that each role may assume


def account(number: int) -> str:
    return f"2000000000{number:02}"


def arn(number: int) -> str:
    return f"arn:aws:iam::{account(number % ACCOUNTS)}:role/team/r{number}"


def record(number: int, own: str, trusted: str) -> Role:
    return Role(
        id=f"AROAT{number:016}", account=account(number % ACCOUNTS), created=START, name=f"r{number}", path="/team/", trust=trusted,
        inline={"p": own},
    )  # fmt: skip


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Roles that form a tree three wide across the accounts; half of them ask for an external id; `boss` may assume the first."""
    town = Town(tmp_path_factory.mktemp("company"))
    changes = Changes()
    for number in range(ACCOUNTS):
        changes.put(Account(id=account(number), account=account(number), created=START, name=f"a{number}", email=f"a{number}@example.test"))
    everybody = [account(number) for number in range(ACCOUNTS)] + [town.account]
    for number in range(ROLES):
        below = [arn(child) for child in range(FAN_OUT * number + 1, FAN_OUT * number + 1 + FAN_OUT) if child < ROLES]
        own = policy(allow("sts:AssumeRole") | {"Resource": below}) if below else policy(allow("s3:GetObject"))
        more: dict[str, Any] = {"Condition": {"StringEquals": {"sts:ExternalId": f"id-{number}"}}} if number % 2 else {}
        changes.put(record(number, own, trust({"AWS": everybody}, **more)))
    changes.put(User(id="AIDABOSS", account=town.account, created=START, name="boss", inline={"p": ALLOW_ALL}))
    first = policy(allow("sts:AssumeRole", resource=arn(0)))
    changes.put(User(id="AIDACLERK", account=town.account, created=START, name="clerk", inline={"p": first}))
    town.it.store.write(changes)
    yield town
    town.it.close()


def reach(town: Town, start: str, calls: list[int]) -> list[Step]:
    def ask(principals: Any, reached: Any) -> dict[str, Any]:
        calls.append(len(principals))
        given = {"Principals": principals, "Reached": reached}
        answer: dict[str, Any] = town.it.call("daypass", "ListAssumableRoles", given, town.operator)
        return answer

    return follow(ask, start, 9)


def test_who_may_do_everything_reaches_all_in_one_step(company: Town) -> None:
    calls: list[int] = []
    found = reach(company, "boss", calls)
    roles = [step for step in found if "/team/" in step.arn]
    assert len(roles) == ROLES
    assert {step.hops for step in roles} == {1}
    assert sum(1 for step in roles if step.found["Verdict"] == "conditional") == ROLES / 2


def test_a_chain_is_followed_to_its_end(company: Town) -> None:
    calls: list[int] = []
    found = {step.arn: step for step in reach(company, "clerk", calls)}
    assert len(found) == ROLES
    assert max(step.hops for step in found.values()) == 7
    assert found[arn(0)].doubt == 0
    assert found[arn(1)].found["Assumed"] == [{"Key": "sts:ExternalId", "Values": ["id-1"]}]
    assert sum(calls) == 1 + ROLES  # everybody is looked at once


def test_who_can_looks_at_everybody_once(company: Town) -> None:
    seen, token, found = 0, {}, []
    while True:
        given = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/x", "MaxResults": 250, **token}
        page = company.it.call("daypass", "ListAllowedPrincipals", given, company.operator)
        found += page["Principals"]
        seen = page["Examined"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    leaves = sum(1 for number in range(ROLES) if FAN_OUT * number + 1 >= ROLES)
    assert seen == page["Total"]
    assert sum(1 for one in found if ":role/team/" in one["Principal"]) == leaves


def test_the_picture_of_a_thousand_roles_stays_a_picture(company: Town) -> None:
    from daypass.cli.drawing import draw

    text = draw("boss", reach(company, "boss", []))
    assert text.count("<g>") < 60
    assert "more roles" in text


def test_who_may_do_everything_is_asked_of_every_role_once(company: Town) -> None:
    """An administrator of an account of a hundred roles: every one is its own, and those who are as mighty are not asked anew."""
    changes = Changes()
    names = [f"arn:aws:iam::{account(3)}:user/chief{number}" for number in range(50)]
    for number in range(len(names)):
        id_ = f"AIDACHIEF{number:03}"
        changes.put(User(id=id_, account=account(3), created=START, name=f"chief{number}", inline={"p": ALLOW_ALL}))
    company.it.store.write(changes)
    given = {"Principals": names}
    steps = company.it.call("daypass", "ListEscalations", given, company.operator)["Steps"]
    asked = [sum(1 for step in steps if step["From"] == name) for name in names]
    roles = {step["Arn"] for step in steps if ":role/" in step["Arn"]}
    assert len(roles) == ROLES / ACCOUNTS
    assert len(steps) == len({step["Arn"] for step in steps}) == ROLES / ACCOUNTS + len(names)
    assert asked[2:] == [0] * (len(names) - 2)
    gone = Changes()
    for number in range(len(names)):
        gone.delete(company.it.store.snapshot.users.find(f"AIDACHIEF{number:03}"))
    company.it.store.write(gone)
