"""ListAssumableRoles: one step, with its proof; and what it says is what AssumeRole does."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.cli.can_become import Step, follow
from rig.node import Refused
from unit.way.town import Town, allow, policy, trust


def steps(town: Town, *principals: str, **more: Any) -> list[dict[str, Any]]:
    given = {"Principals": list(principals), **more}
    found: list[dict[str, Any]] = town.it.call("daypass", "ListAssumableRoles", given, town.operator)["Steps"]
    return found


def reach(town: Town, start: str, hops: int = 9) -> list[Step]:
    def ask(principals: Any, reached: Any) -> dict[str, Any]:
        answer: dict[str, Any] = town.it.call(
            "daypass", "ListAssumableRoles", {"Principals": principals, "Reached": reached}, town.operator
        )
        return answer

    return follow(ask, start, hops)


def assume(*arns: str) -> str:
    return policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(arns), "Sid": "Chain"})


def chain(town: Town, length: int) -> list[str]:
    """Roles of which each may assume the next and trusts its account; alice may assume the first."""
    arns = [f"arn:aws:iam::{town.account}:role/r{number}" for number in range(length)]
    for number in range(length):
        town.role(f"r{number}", document=assume(arns[number + 1]) if number + 1 < length else "")
    town.user("alice", assume(arns[0]))
    return arns


def test_a_step_has_its_proof_on_both_sides(town: Town) -> None:
    [first, _] = chain(town, 2)
    [step] = steps(town, "alice")
    assert (step["Arn"], step["Verdict"], step["TrustStatement"]) == (first, "allowed", "1")
    assert (step["OwnPolicy"], step["OwnStatement"], step["FromArn"]) == ("p", "Chain", f"arn:aws:iam::{town.account}:user/alice")


def test_who_is_named_needs_no_policy_of_its_own(town: Town) -> None:
    town.user("bob", "")
    arn = town.role("direct", trust({"AWS": f"arn:aws:iam::{town.account}:user/bob"}))
    [step] = steps(town, "bob")
    assert (step["Arn"], step["OwnPolicy"], step["OwnStatement"]) == (arn, "", "")


def test_the_way_is_followed_as_far_as_asked(town: Town) -> None:
    arns = chain(town, 4)
    assert [step.arn for step in reach(town, "alice", 2)] == arns[:2]
    found = reach(town, "alice")
    assert [(step.hops, step.arn) for step in found] == list(enumerate(arns, 1))
    assert found[-1].path == arns


def test_what_it_says_is_what_happens(town: Town) -> None:
    alice = town.user("alice", policy(allow("sts:AssumeRole", resource=f"arn:aws:iam::{town.account}:role/a*")))
    arns = [
        town.role("a1"),
        town.role("a2", trust({"AWS": town.account}, Condition={"StringNotEquals": {"aws:username": "alice"}})),
        town.role("a3", trust({"Service": "ec2.amazonaws.com"})),
        town.role("b1"),
        town.role("b2", trust({"AWS": f"arn:aws:iam::{town.account}:user/alice"})),
        town.role("a4", trust({"AWS": town.account}, Condition={"StringEquals": {"sts:ExternalId": "e1"}})),
    ]
    told = {step["Arn"]: step["Verdict"] for step in steps(town, "alice")}
    for arn in arns:
        try:
            town.assume(alice, arn)
            happens = True
        except Refused:
            happens = False
        assert (told.get(arn) == "allowed") is happens, arn
    assert told[arns[5]] == "conditional"
    town.assume(alice, arns[5], ExternalId="e1")


def test_another_accounts_role_needs_both_sides(town: Town) -> None:
    made = town.it.call("organizations", "CreateAccount", {"Email": "p@example.test", "AccountName": "partner"}, town.operator)
    partner = made["CreateAccountStatus"]["AccountId"]
    entrance = f"arn:aws:iam::{partner}:role/OrganizationAccountAccessRole"
    town.user("alice")
    town.user("bob", "")
    assert [step["Arn"] for step in steps(town, "alice")] == [entrance]
    assert steps(town, "bob") == []


def test_a_condition_on_the_way_makes_all_behind_it_conditional(town: Town) -> None:
    last = f"arn:aws:iam::{town.account}:role/last"
    first = town.role("first", trust({"AWS": town.account}, Condition={"StringEquals": {"sts:ExternalId": "e1"}}), assume(last))
    town.role("last", document="")
    town.user("alice", assume(first))
    assert [(step.arn, step.doubt) for step in reach(town, "alice")] == [(first, 1), (last, 1)]
    # a longer way without a condition is told instead of the shorter one with it
    around = town.role("around", document=assume(last))
    town.iam("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=assume(first, around))
    assert {step.arn: (step.hops, step.doubt) for step in reach(town, "alice")} == {first: (1, 1), around: (1, 0), last: (2, 0)}


def test_a_condition_that_cannot_be_made_up_is_no_no(town: Town) -> None:
    condition = {"StringLike": {"sts:RoleSessionName": "a*"}, "StringNotEquals": {"sts:RoleSessionName": ["ax"]}}
    arn = town.role("odd", trust({"AWS": town.account}, Condition=condition))
    alice = town.user("alice")
    [step] = steps(town, "alice")
    assert (step["Arn"], step["Verdict"]) == (arn, "unknown")
    town.sts("AssumeRole", alice, RoleArn=arn, RoleSessionName="abc")


def test_circles_end(town: Town) -> None:
    one, two = (f"arn:aws:iam::{town.account}:role/{name}" for name in ("one", "two"))
    town.role("one", document=assume(two))
    town.role("two", document=assume(one))
    assert [step.arn for step in reach(town, "one")] == [two]


def test_a_token_becomes_what_trusts_its_provider(town: Town) -> None:
    provider = town.provider()
    condition = {"StringLike": {"idp.example.test:sub": "job-*"}}
    arn = town.role("ci", trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", Condition=condition))
    town.role("other", trust({"Federated": provider.replace("idp", "idq")}, "sts:AssumeRoleWithWebIdentity"))
    [step] = steps(town, provider)
    assert (step["Arn"], step["Verdict"]) == (arn, "conditional")
    assert step["Assumed"] == [{"Key": "idp.example.test:sub", "Values": ["job-x"]}]


def test_roles_reached_before_are_not_looked_at_again(town: Town) -> None:
    [first, _] = chain(town, 2)
    assert steps(town, "alice", Reached=[first]) == []


def test_root_assumes_nothing_and_an_unknown_principal_is_named(town: Town) -> None:
    town.role("open")
    assert steps(town, town.account) == []
    with pytest.raises(Refused, match="There is no user or role nobody"):
        steps(town, "nobody")
