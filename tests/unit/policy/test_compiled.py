from __future__ import annotations

import itertools
import json

import pytest

from daypass.policy import Kind, PolicyError, read_policy, unreadable
from daypass.policy.compiled import MAX_ACTIONS, union
from daypass.values.decision import Values
from unit.policy.people import HERE, PROVIDER, TOKEN, USER, policy, statement, trust


def test_actions_ignore_ascii_case_only() -> None:
    """Attacks row H13."""
    found = policy("identity", statement(Action="STS:assume*"))
    assert found.judge("sts:AssumeRole", "*", {})
    assert found.judge("sts:aſſumeRole", "*", {}) is None
    assert policy("identity", statement(Action="kms:*")).judge("\u212ams:Decrypt", "*", {}) is None


def test_not_action_and_not_resource() -> None:
    found = policy("identity", statement(Action=None, NotAction=["iam:*", "sts:*"], Resource=None, NotResource="arn:aws:s3:::secret*"))
    assert found.judge("s3:Get", "arn:aws:s3:::open", {})
    assert found.judge("iam:Get", "arn:aws:s3:::open", {}) is None
    assert found.judge("s3:Get", "arn:aws:s3:::secrets", {}) is None


def test_not_resource_with_an_unresolved_variable_leaves_nothing_out() -> None:
    found = policy("identity", statement("Deny", Resource=None, NotResource="arn:aws:s3:::home/${aws:username}/*"))
    assert found.judge("s3:Get", "arn:aws:s3:::home/ann/x", {"aws:username": "ann"}) is None
    assert found.judge("s3:Get", "arn:aws:s3:::home/ann/x", {})


def test_resources_count_case_and_variables_are_literal() -> None:
    found = policy("identity", statement(Resource=["arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::Open"]))
    assert found.judge("s3:Get", "arn:aws:s3:::home/ann/x", {"aws:username": "ann"})
    assert found.judge("s3:Get", "arn:aws:s3:::home/bob/x", {"aws:username": "*"}) is None
    assert found.judge("s3:Get", "arn:aws:s3:::home/bob/x", {}) is None
    assert found.judge("s3:Get", "arn:aws:s3:::Open", {})
    assert found.judge("s3:Get", "arn:aws:s3:::open", {}) is None


def test_an_old_policy_knows_no_variables() -> None:
    text = json.dumps({"Version": "2008-10-17", "Statement": statement(Resource="arn:aws:s3:::${aws:username}")})
    found = read_policy(text, "identity")
    assert found.judge("s3:Get", "arn:aws:s3:::ann", {"aws:username": "ann"}) is None
    assert found.judge("s3:Get", "arn:aws:s3:::${aws:username}", {"aws:username": "ann"})


def test_a_deny_is_found_before_any_allow_and_labels_are_sids_or_positions() -> None:
    found = policy("identity", statement(), statement("Deny", Action="s3:*"), statement("Deny", Sid="Keys", Action="kms:*"), name="mine")
    for action, effect, label in (("iam:Get", "Allow", "1"), ("s3:Get", "Deny", "2"), ("kms:Get", "Deny", "Keys")):
        rule = found.judge(action, "*", {})
        assert rule is not None
        assert (rule.policy, rule.effect, rule.label) == ("mine", effect, label)


def test_what_is_remembered_is_bounded_and_right() -> None:
    found = policy("identity", statement(Action="s3:Get*"))
    for number in range(3 * MAX_ACTIONS):
        assert found.judge(f"s3:Get{number}", "*", {})
        assert found.judge(f"s3:Put{number}", "*", {}) is None
    assert len(found._speaking) <= MAX_ACTIONS


def test_what_is_remembered_of_actions_is_cleared_when_full() -> None:
    found = policy("identity", statement(Action="s3:Get*"))
    for number in range(MAX_ACTIONS):
        found.speaking(f"s3:Get{number}", "*")
    assert len(found._speaking) == MAX_ACTIONS
    assert [rule.label for rule in found.speaking("s3:Get", "*")] == ["1"]
    assert list(found._speaking) == ["s3:Get"]


CROWD = [
    statement(Resource=f"arn:aws:s3:::bucket-{number}/*") for number in range(12)
] + [
    statement("Deny", Resource=["arn:aws:s3:::bucket-3/x*", "arn:aws:s3:::secret"]),
    statement(Resource=None, NotResource="arn:aws:s3:::bucket-3/*"),
    statement("Deny", Resource="arn:aws:s3:::bucket-4/${aws:username}"),
    statement(Resource="*", Condition={"Null": {"aws:username": "false"}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "labels"),
    [
        ("arn:aws:s3:::bucket-1/k", ["2", "14", "16"]),
        ("arn:aws:s3:::bucket-3/xy", ["4", "13", "14", "16"]),
        ("arn:aws:s3:::bucket-4/ann", ["5", "14", "15", "16"]),
        ("arn:aws:s3:::secret", ["13", "14", "16"]),
        ("arn:aws:s3:::", ["14", "16"]),
        ("*", ["14", "16"]),
    ],
)
def test_many_statements_are_found_by_their_resource_in_the_order_of_the_policy(resource: str, labels: list[str]) -> None:
    assert [rule.label for rule in policy("identity", *CROWD).speaking("s3:Get", resource)] == labels


def test_many_statements_say_together_what_each_says() -> None:
    whole, each = policy("identity", *CROWD), [policy("identity", one) for one in CROWD]
    contexts: list[dict[str, Values]] = [{}, {"aws:username": "ann"}, {"aws:username": "bob"}]
    keys = [f"bucket-{number}/{key}" for number in range(14) for key in ("ann", "x")]
    for context, name in itertools.product(contexts, ["secret", "secrets", *keys]):
        resource = f"arn:aws:s3:::{name}"
        said = [found.effect for one in each if (found := one.judge("s3:Get", resource, context))]
        found = whole.judge("s3:Get", resource, context)
        assert (found and found.effect) == ("Deny" if "Deny" in said else "Allow" if said else None)


def test_a_few_statements_are_gone_through_one_by_one() -> None:
    few = policy("identity", *CROWD[:8])
    assert [rule.label for rule in few.speaking("s3:Get", "arn:aws:s3:::bucket-1/k")] == [str(number) for number in range(1, 9)]
    assert policy("identity", *CROWD[:9]).speaking("s3:Get", "arn:aws:s3:::else") == []


def test_a_variable_and_a_condition_must_both_hold() -> None:
    found = policy("identity", statement(Resource="arn:aws:s3:::${aws:username}", Condition={"Bool": {"aws:SecureTransport": "true"}}))
    contexts: list[dict[str, Values]] = [
        {"aws:username": user, "aws:securetransport": secure} for user in ("ann", "bob") for secure in ("true", "false")
    ]
    assert [bool(found.judge("s3:Get", "arn:aws:s3:::ann", context)) for context in contexts] == [True, False, False, False]


def test_several_policies_asked_as_one() -> None:
    allow, deny = statement(Action="s3:*"), statement("Deny", Action="s3:Put*")
    several = union((policy("identity", allow, name="a"), policy("identity", deny, name="b")))
    for action, said in (("s3:Get", ("a", "Allow")), ("s3:Put", ("b", "Deny"))):
        rule = several.judge(action, "*", {})
        assert rule is not None
        assert (rule.policy, rule.effect) == said
    assert several.judge("kms:Get", "*", {}) is None


@pytest.mark.parametrize("kind", ["identity", "boundary", "session", "scp", "rcp", "resource", "trust"])
def test_unreadable_of_every_kind(kind: Kind) -> None:
    found = unreadable(kind, "broken")
    rule = found.judge("s3:Get", "arn:aws:s3:::a", {})
    assert rule is not None
    assert rule.effect == "Deny"
    assert found.principals() == (frozenset({("AWS", "*")}) if kind in ("trust", "resource", "rcp") else frozenset())
    assert repr(found) == f"Policy({kind}, 'broken', 1 statements)"
    assert found.document.statements[0].position == 1


def test_principals_as_written() -> None:
    several = trust({"AWS": [HERE, USER.arn], "Federated": PROVIDER})
    assert several.principals() == {("AWS", HERE), ("AWS", USER.arn), ("Federated", PROVIDER)}
    assert trust("*").principals() == {("AWS", "*")}
    assert policy("identity", statement()).principals() == frozenset()


def test_bad_operators_and_constants_are_refused_on_reading() -> None:
    for condition in ({"Like": {"a:b": "x"}}, {"DateLessThan": {"aws:CurrentTime": "now"}}, {"StringLike": {"a:b": "${"}}):
        with pytest.raises(PolicyError):
            policy("identity", statement(Condition=condition))


def test_an_unreadable_policy_denies_everything() -> None:
    """Attacks row C43."""
    rule = unreadable("identity", "broken").judge("s3:Get", "*", {})
    assert rule is not None
    assert (rule.effect, rule.policy, rule.label) == ("Deny", "broken", "Unreadable")
    for caller in (USER, TOKEN):
        rule, _ = unreadable("trust", "broken").judge_caller(caller, False, "sts:AssumeRole", "*", {})
        assert rule is not None
        assert rule.effect == "Deny"
