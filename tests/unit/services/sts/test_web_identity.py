"""AssumeRoleWithWebIdentity: a token is the proof, the trust policy decides over its claims (fact sheet A §3.10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from daypass.values.errors import Refusal
from rig.node import Keys, Refused
from unit.way.town import AUDIENCE, ISSUER, Town, trust

NAME = ISSUER.removeprefix("https://")
ACTIONS = ("sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity")
TAGS = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["red"]}, "transitive_tag_keys": ["team"]}}
SOURCE = {"https://aws.amazon.com/source_identity": "job"}


@pytest.fixture
def town(tmp_path: Any) -> Iterator[Town]:
    made = Town(tmp_path)
    made.provider()
    yield made
    made.it.close()


def role(town: Town, name: str = "worker", actions: tuple[str, ...] = ACTIONS, **condition: Any) -> str:
    """A role that trusts the provider."""
    provider = f"arn:aws:iam::{town.account}:oidc-provider/{NAME}"
    more = {"Condition": condition} if condition else {"Condition": {"StringEquals": {f"{NAME}:aud": AUDIENCE}}}
    return town.role(name, trust({"Federated": provider}, *actions, **more), MaxSessionDuration=43200)


def test_the_answer(town: Town) -> None:
    made = town.web(role(town), town.token())
    assert made["SubjectFromWebIdentityToken"] == "job-1"
    assert made["Audience"] == AUDIENCE
    assert made["Provider"] == f"arn:aws:iam::{town.account}:oidc-provider/{NAME}"
    assert made["Credentials"]["Expiration"] == town.it.now + timedelta(hours=1)  # the token's own end, in ten minutes, does not count
    assert made["SessionTokenSize"] == len(made["Credentials"]["SessionToken"])
    keys = Keys.of(made["Credentials"])
    assert town.sts("GetCallerIdentity", keys)["Arn"] == f"arn:aws:sts::{town.account}:assumed-role/worker/web"
    assert town.iam("ListUsers", keys)


def test_the_duration_is_the_roles(town: Town) -> None:
    arn = role(town)
    assert town.web(arn, town.token(), DurationSeconds=43200)
    town.iam("UpdateRole", RoleName="worker", MaxSessionDuration=3600)
    with pytest.raises(Refused, match="MaxSessionDuration"):
        town.web(arn, town.token(), DurationSeconds=3601)


def test_claims_are_conditions_and_refusals_say_nothing(town: Town) -> None:
    arn = role(town, StringEquals={f"{NAME}:sub": "job-2"})
    told = []
    for target in (arn, arn + "-absent"):
        with pytest.raises(Refused) as refused:
            town.web(target, town.token())
        assert (refused.value.code, refused.value.status) == ("AccessDenied", 403)
        told.append(refused.value.message)
    assert told == ["Not authorized to perform sts:AssumeRoleWithWebIdentity"] * 2
    assert town.web(arn, town.token(sub="job-2"))


@pytest.mark.parametrize("claim", [TAGS, SOURCE])
def test_tags_and_source_identity_need_the_trust_policys_permission(town: Town, claim: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="AccessDenied"):
        town.web(role(town, "plain", ACTIONS[:1]), town.token(**claim))
    assert town.web(role(town), town.token(**claim))


def test_tags_and_source_identity_of_the_token_go_on(town: Town) -> None:
    made = town.web(role(town), town.token(**TAGS, **SOURCE))
    assert made["SourceIdentity"] == "job"
    root = {"AWS": f"arn:aws:iam::{town.account}:root"}
    condition = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:SourceIdentity": "job"}}
    next_role = town.role("next", trust(root, Condition=condition))
    assert town.assume(Keys.of(made["Credentials"]), next_role)["SourceIdentity"] == "job"


def test_what_a_session_that_came_from_a_token_assumes_is_chaining(town: Town) -> None:
    keys = Keys.of(town.web(role(town), town.token())["Credentials"])
    with pytest.raises(Refused, match="role chaining"):
        town.assume(keys, town.role("next", MaxSessionDuration=43200), DurationSeconds=3601)


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"iss": "https://other.example.test"}, "InvalidIdentityToken", 400),
        ({"aud": "another-app"}, "InvalidIdentityToken", 400),
        ({"exp": 1}, "ExpiredTokenException", 400),
    ],
)
def test_tokens_that_are_not_good(town: Town, change: dict[str, Any], code: str, status: int) -> None:
    arn = role(town)
    with pytest.raises(Refused) as refused:
        town.web(arn, town.token(**change))
    assert (refused.value.code, refused.value.status) == (code, status)


def test_keys_are_fetched_once_and_a_failure_is_told(town: Town) -> None:
    arn = role(town)
    town.fetcher.held = None
    town.fetcher.fails = Refusal("IDPCommunicationError", "The provider does not answer", private="timeout")
    with pytest.raises(Refused) as refused:
        town.web(arn, town.token())
    assert (refused.value.code, refused.value.status, refused.value.answer.event.private) == ("IDPCommunicationError", 400, "timeout")
    assert refused.value.answer.event.operation == "AssumeRoleWithWebIdentity"
    town.fetcher.fails = None
    assert town.web(arn, town.token())
    assert town.web(arn, town.token())
    assert town.fetcher.fetched == 2


def test_keys_that_never_come_do_not_go_round_for_ever(town: Town) -> None:
    arn = role(town)
    town.fetcher.held = town.fetcher.keys = None
    with pytest.raises(Refused, match="IDPCommunicationError"):
        town.web(arn, town.token())
    assert town.fetcher.fetched == 3


def test_a_bug_in_a_fetch_is_an_answer_all_the_same(town: Town) -> None:
    arn = role(town)
    town.fetcher.held = None
    town.fetcher.fails = RuntimeError("inner detail")
    with pytest.raises(Refused) as refused:
        town.web(arn, town.token())
    assert refused.value.status == 500
    assert b"inner detail" not in refused.value.answer.response.body


# -- single use


def test_most_providers_tokens_are_presented_again_and_again(town: Town) -> None:
    arn = role(town)
    assert town.web(arn, town.token())
    assert town.web(arn, town.token())


def single_use(town: Town) -> str:
    arn = f"arn:aws:iam::{town.account}:oidc-provider/{NAME}"
    town.iam("TagOpenIDConnectProvider", OpenIDConnectProviderArn=arn, Tags=[{"Key": "daypass:single-use", "Value": "true"}])
    return role(town)


def test_a_single_use_token_is_taken_once(town: Town) -> None:
    arn = single_use(town)
    assert town.web(arn, town.token())
    with pytest.raises(Refused) as refused:
        town.web(arn, town.token(sub="job-2"))  # the same jti
    assert (refused.value.code, refused.value.message) == ("InvalidIdentityToken", "The token was used before")
    assert town.web(arn, town.token(jti="another"))
    assert len(town.it.store.snapshot.used_tokens) == 2


def test_a_single_use_token_needs_a_jti(town: Town) -> None:
    with pytest.raises(Refused, match="no jti"):
        town.web(single_use(town), town.token(jti=None))


def test_a_refused_use_does_not_use_it_up(town: Town) -> None:
    arn = single_use(town)
    with pytest.raises(Refused, match="MalformedPolicyDocument"):
        town.web(arn, town.token(), Policy="{}{}")
    assert town.web(arn, town.token())


def test_keys_that_go_while_the_storage_thread_is_waited_for(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = single_use(town)
    held = town.fetcher.held
    answers = iter([held, None])
    monkeypatch.setattr(town.fetcher, "cached", lambda *_: next(answers))
    with pytest.raises(Refused, match="IDPCommunicationError"):
        town.web(arn, town.token())
    monkeypatch.undo()
    assert town.web(arn, town.token())
