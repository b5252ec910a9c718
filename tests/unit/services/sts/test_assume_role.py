"""AssumeRole: who may, for how long, with which narrowing, and what is told (fact sheet A §3.2-§3.9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rig.node import Keys, Refused
from unit.way.town import ALLOW_ALL, Town, allow, policy, trust


@pytest.fixture(scope="module")
def alice(town: Town) -> Keys:
    return town.user("alice")


def test_the_answer(town: Town, alice: Keys) -> None:
    arn = town.role("answer", Path="/team/")
    made = town.assume(alice, arn)
    role_id = town.iam("GetRole", RoleName="answer")["Role"]["RoleId"]
    assert made["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role_id}:s1",
        "Arn": f"arn:aws:sts::{town.account}:assumed-role/answer/s1",  # without the path
    }
    assert made["Credentials"]["Expiration"] == town.it.now + timedelta(hours=1)
    assert made["PackedPolicySize"] == 0
    assert made["SessionTokenSize"] == len(made["Credentials"]["SessionToken"]) <= 1200
    assert made["SessionTokenUtilization"] == -(-made["SessionTokenSize"] * 100 // 4096)
    assert "SourceIdentity" not in made
    known = town.sts("GetCallerIdentity", Keys.of(made["Credentials"]))
    assert known == {"UserId": f"{role_id}:s1", "Account": town.account, "Arn": made["AssumedRoleUser"]["Arn"]}


def test_the_maximum_of_the_role(town: Town, alice: Keys) -> None:
    arn = town.role("short-lived")
    assert town.assume(alice, arn, DurationSeconds=3600)
    with pytest.raises(Refused) as refused:
        town.assume(alice, arn, DurationSeconds=3601)
    assert (refused.value.code, refused.value.status) == ("ValidationError", 400)
    assert refused.value.message == "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    longer = town.role("long-lived", MaxSessionDuration=43200)
    made = town.assume(alice, longer, DurationSeconds=43200)
    assert made["Credentials"]["Expiration"] == town.it.now + timedelta(hours=12)
    assert town.assume(alice, longer)["Credentials"]["Expiration"] == town.it.now + timedelta(hours=1)  # the default stays


@pytest.mark.parametrize("seconds", [899, 43201])
def test_durations_out_of_the_models_range(town: Town, alice: Keys, seconds: int) -> None:
    with pytest.raises(Refused, match="ValidationError"):
        town.assume(alice, town.role(f"range-{seconds}", MaxSessionDuration=43200), DurationSeconds=seconds)


def test_chained_roles_are_capped_at_an_hour(town: Town, alice: Keys) -> None:
    first = town.session(alice, town.role("first", MaxSessionDuration=43200), DurationSeconds=43200)
    second = town.role("second", MaxSessionDuration=43200)
    with pytest.raises(Refused) as refused:
        town.assume(first, second, DurationSeconds=3601)
    assert refused.value.message == "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    assert town.assume(first, second, DurationSeconds=3600)


def test_the_operator_is_exempt_from_the_cap(town: Town) -> None:
    arn = town.role("for-the-operator", MaxSessionDuration=43200)
    made = town.assume(town.operator, arn, DurationSeconds=7200)
    assert made["Credentials"]["Expiration"] == town.it.now + timedelta(hours=2)
    with pytest.raises(Refused, match="role chaining"):  # but what the operator's pass assumed is chaining as any
        town.assume(Keys.of(made["Credentials"]), arn, DurationSeconds=7200)


def test_a_child_ends_with_its_parent(town: Town, alice: Keys) -> None:
    first = town.assume(alice, town.role("parent"), DurationSeconds=900)
    child = town.assume(Keys.of(first["Credentials"]), town.role("child"), DurationSeconds=3600)
    assert child["Credentials"]["Expiration"] == first["Credentials"]["Expiration"]


def test_a_role_that_does_not_exist_is_refused_in_the_same_words(town: Town, alice: Keys) -> None:
    town.role("closed", trust({"Service": "x.example.test"}))
    told = []
    for name in ("closed", "absent"):
        arn = f"arn:aws:iam::{town.account}:role/{name}"
        with pytest.raises(Refused) as refused:
            town.assume(alice, arn)
        assert (refused.value.code, refused.value.status) == ("AccessDenied", 403)
        told.append(refused.value.message.replace(name, "X"))
    assert told[0] == told[1]
    assert told[0].startswith(f"User: arn:aws:iam::{town.account}:user/alice is not authorized to perform: sts:AssumeRole on resource: ")


@pytest.mark.parametrize("kind", ["path", "case", "account"])
def test_the_arn_must_fit_exactly(town: Town, alice: Keys, kind: str) -> None:
    arn = town.role(f"Exact-{kind}", Path="/p/")
    bent = {"path": arn.replace("/p/", "/"), "case": arn.replace("Exact", "exact"), "account": arn.replace(town.account, "123456789012")}
    with pytest.raises(Refused, match="AccessDenied"):
        town.assume(alice, bent[kind])
    assert town.assume(alice, arn)


def test_both_sides_must_allow(town: Town) -> None:
    arn = town.role("both-sides")
    poor = town.user("without-a-policy", "")
    with pytest.raises(Refused, match="AccessDenied"):
        town.assume(poor, arn)
    named = town.role("names-the-user", trust({"AWS": f"arn:aws:iam::{town.account}:user/without-a-policy"}))
    assert town.assume(poor, named)  # in the same account a trust policy that names the user is enough


def test_external_id(town: Town, alice: Keys) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "the-id"}}
    arn = town.role("external", trust({"AWS": f"arn:aws:iam::{town.account}:root"}, Condition=condition))
    assert town.assume(alice, arn, ExternalId="the-id")
    for wrong in ({}, {"ExternalId": "The-Id"}, {"ExternalId": "the-id2"}):
        with pytest.raises(Refused, match="AccessDenied"):
            town.assume(alice, arn, **wrong)
    assert town.assume(alice, town.role("does-not-ask"), ExternalId="whatever")


def test_the_session_name_is_a_condition(town: Town, alice: Keys) -> None:
    condition = {"StringEquals": {"sts:RoleSessionName": "s2"}}
    arn = town.role("named-session", trust({"AWS": f"arn:aws:iam::{town.account}:root"}, Condition=condition))
    with pytest.raises(Refused, match="AccessDenied"):
        town.assume(alice, arn)
    assert town.sts("AssumeRole", alice, RoleArn=arn, RoleSessionName="s2")


# -- session policies


def test_a_session_policy_narrows_and_never_widens(town: Town, alice: Keys) -> None:
    arn = town.role("narrowed", document=policy(allow("iam:GetRole", "iam:ListRoles")))
    keys = town.session(alice, arn, Policy=policy(allow("iam:ListRoles", "iam:ListUsers")))
    assert town.iam("ListRoles", keys)
    for operation, parameters in (("GetRole", {"RoleName": "narrowed"}), ("ListUsers", {})):
        with pytest.raises(Refused, match="AccessDenied"):
            town.iam(operation, keys, **parameters)


def test_session_policy_arns(town: Town, alice: Keys) -> None:
    arn = town.role("by-arn")
    made = town.iam("CreatePolicy", PolicyName="only-list", PolicyDocument=policy(allow("iam:ListUsers")))["Policy"]["Arn"]
    answer = town.assume(alice, arn, PolicyArns=[{"arn": made}])
    assert answer["PackedPolicySize"] > 0
    keys = Keys.of(answer["Credentials"])
    assert town.iam("ListUsers", keys)
    with pytest.raises(Refused, match="AccessDenied"):
        town.iam("ListRoles", keys)
    assert town.session(alice, arn, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}])


@pytest.mark.parametrize(
    "arn", ["arn:aws:iam::{0}:policy/absent", "arn:aws:iam::123456789012:policy/foreign", "arn:aws:iam::{0}:role/by-arn-2"]
)
def test_session_policy_arns_that_are_none(town: Town, alice: Keys, arn: str) -> None:
    role = f"arn:aws:iam::{town.account}:role/by-arn-2"
    if not any(item["RoleName"] == "by-arn-2" for item in town.iam("ListRoles")["Roles"]):
        town.role("by-arn-2")
    with pytest.raises(Refused, match="ValidationError"):
        town.assume(alice, role, PolicyArns=[{"arn": arn.format(town.account)}])


def test_session_policies_have_limits(town: Town, alice: Keys) -> None:
    arn = town.role("limits")
    exact = policy(allow("iam:" + "x" * (2048 - len(policy(allow("iam:"))))))
    assert len(exact) == 2048
    assert town.assume(alice, arn, Policy=exact)
    with pytest.raises(Refused, match="2048"):
        town.assume(alice, arn, Policy=exact + " ")
    with pytest.raises(Refused, match="ValidationError"):
        town.assume(alice, arn, PolicyArns=[{"arn": f"arn:aws:iam::aws:policy/Ad{number}"} for number in range(11)])
    with pytest.raises(Refused) as refused:
        town.assume(alice, arn, Policy="{}{}")
    assert (refused.value.code, refused.value.status) == ("MalformedPolicyDocument", 400)


# -- tags and source identity


def tags(**pairs: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def test_tags_need_their_permission_on_both_sides(town: Town, alice: Keys) -> None:
    root = {"AWS": f"arn:aws:iam::{town.account}:root"}
    only = town.role("without-tagging", trust(root))
    assert town.assume(alice, only)
    for more in ({"Tags": tags(team="red")}, {"SourceIdentity": "alice"}):
        with pytest.raises(Refused, match="AccessDenied"):
            town.assume(alice, only, **more)
    weak = town.user("may-not-tag", policy(allow("sts:AssumeRole")))
    willing = town.role("with-tagging")
    assert town.assume(weak, willing)
    for more in ({"Tags": tags(team="red")}, {"SourceIdentity": "weak"}):
        with pytest.raises(Refused, match="AccessDenied"):
            town.assume(weak, willing, **more)
        assert town.assume(alice, willing, **more)


def test_session_tags_are_the_callers_tags_and_beat_the_roles(town: Town, alice: Keys) -> None:
    by_tag = policy(allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/Team": "red"}}))
    arn = town.role("tagged", document=by_tag, Tags=tags(team="blue"))
    with pytest.raises(Refused, match="AccessDenied"):
        town.iam("ListUsers", town.session(alice, arn))
    assert town.iam("ListUsers", town.session(alice, arn, Tags=tags(TEAM="red")))


def test_request_tags_are_conditions_of_the_trust(town: Town, alice: Keys) -> None:
    condition = {
        "StringEquals": {"aws:RequestTag/team": "red"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team"], "sts:TransitiveTagKeys": ["team"]},
    }
    root = {"AWS": f"arn:aws:iam::{town.account}:root"}
    arn = town.role("by-request-tag", trust(root, "sts:AssumeRole", "sts:TagSession", Condition=condition))
    assert town.assume(alice, arn, Tags=tags(team="red"), TransitiveTagKeys=["team"])
    for more in ({}, {"Tags": tags(team="blue")}, {"Tags": tags(team="red", other="x")}):
        with pytest.raises(Refused, match="AccessDenied"):
            town.assume(alice, arn, **more)


def test_transitive_tags_go_on_and_cannot_be_set_again(town: Town, alice: Keys) -> None:
    by_tag = policy(allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}), allow("sts:*"))
    arn = town.role("chain", document=by_tag)
    first = town.session(alice, arn, Tags=tags(team="red", loose="x"), TransitiveTagKeys=["team"])
    second = town.session(first, arn)
    assert town.iam("ListUsers", second)
    with pytest.raises(Refused) as refused:
        town.assume(second, arn, Tags=tags(TEAM="blue"))
    assert refused.value.code == "InvalidParameterValue"
    assert town.assume(second, arn, Tags=tags(loose="y"))  # not inherited, so free
    not_passed_on = town.session(town.session(alice, arn, Tags=tags(team="red")), arn)
    with pytest.raises(Refused, match="AccessDenied"):
        town.iam("ListUsers", not_passed_on)


def test_tag_keys_meet_whatever_their_case(town: Town, alice: Keys) -> None:
    with pytest.raises(Refused, match="case insensitive"):
        town.assume(alice, town.role("twice"), Tags=tags(Team="1", team="2"))


def test_source_identity_stays(town: Town, alice: Keys) -> None:
    arn = town.role("sourced")
    made = town.assume(alice, arn, SourceIdentity="alice")
    assert made["SourceIdentity"] == "alice"
    first = Keys.of(made["Credentials"])
    assert town.assume(first, arn)["SourceIdentity"] == "alice"
    assert town.assume(first, arn, SourceIdentity="alice")["SourceIdentity"] == "alice"
    with pytest.raises(Refused, match="AccessDenied"):
        town.assume(first, arn, SourceIdentity="bob")


# -- odds and ends


def test_the_token_is_padded_to_the_size_that_is_asked_for(town: Town, alice: Keys) -> None:
    made = town.assume(alice, town.role("padded"), MinimumSessionTokenSize=3000)
    assert made["SessionTokenSize"] == len(made["Credentials"]["SessionToken"]) >= 3000
    assert made["SessionTokenUtilization"] >= 74
    assert town.sts("GetCallerIdentity", Keys.of(made["Credentials"]))


@pytest.mark.parametrize(
    "member",
    [
        {"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter", "ContextAssertion": "assertion"}]},
    ],
)
def test_members_that_are_not_offered_are_refused(town: Town, alice: Keys, member: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="is not offered by this server"):
        town.assume(alice, f"arn:aws:iam::{town.account}:role/any", **member)


def test_it_is_recorded_with_its_decisions(town: Town, alice: Keys) -> None:
    arn = town.role("recorded")
    with pytest.raises(Refused) as refused:
        town.assume(town.user("bystander", ""), arn)
    [(ask, decision)] = refused.value.answer.event.decisions
    assert (ask.action, ask.resource, decision.allowed) == ("sts:AssumeRole", arn, False)
    assert refused.value.answer.event.minted is None


def test_what_is_not_an_arn(town: Town, alice: Keys) -> None:
    with pytest.raises(Refused, match="ValidationError"):
        town.assume(alice, "this-is-not-an-arn-at-all")


def test_expiry_is_to_the_second(tmp_path: Any) -> None:
    town = Town(tmp_path)
    try:
        keys = town.session(town.user("u"), town.role("r", document=ALLOW_ALL), DurationSeconds=900)
        issued = town.it.now
        town.it.now = issued + timedelta(seconds=899, microseconds=999_999)
        assert town.sts("GetCallerIdentity", keys)
        town.it.now = issued + timedelta(seconds=900)
        with pytest.raises(Refused) as refused:
            town.sts("GetCallerIdentity", keys)
        assert (refused.value.code, refused.value.status) == ("ExpiredToken", 403)
    finally:
        town.it.close()


def test_what_the_operator_takes_over_the_socket_says_so(town: Town) -> None:
    given = {"RoleArn": town.role("by-socket"), "RoleSessionName": "s1"}
    made = town.it.call("sts", "AssumeRole", given, peer="uid:1000")["Credentials"]
    shown = town.it.call("daypass", "ListSessions", {"PrincipalArn": given["RoleArn"]}, town.operator)["Sessions"]
    assert [(one["AccessKeyId"], one["ProofKind"], one["ProofIssuer"]) for one in shown] == [(made["AccessKeyId"], "operator", "uid:1000")]
