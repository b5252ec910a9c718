from __future__ import annotations

import json

import pytest

from daypass.policy import PolicyError, read_policy, unreadable
from daypass.policy.compiled import MAX_ACTIONS
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
