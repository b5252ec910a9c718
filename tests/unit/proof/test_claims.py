"""Claims of a verified token as condition keys, session tags and source identity."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.proof import claims
from daypass.proof.jwt import Token
from daypass.values.errors import Refusal
from unit.proof.tokens import AUDIENCE, EPOCH, ISSUER

TAGS = "https://aws.amazon.com/tags"


def a_token(
    issuer: str = ISSUER, party: str = "", audience: str = AUDIENCE, audiences: tuple[str, ...] = (AUDIENCE,), **members: Any
) -> Token:
    return Token(issuer, "subject", audience, audiences, party, EPOCH, EPOCH + 1, "", members)


def tagged(value: Any) -> claims.TokenTags:
    return claims.session_tags(a_token(**{TAGS: value}))


def test_generic_providers_give_aud_sub_and_amr_only() -> None:
    got = claims.condition_keys(a_token(amr=["pwd", "mfa"], email="a@b", repository="x"))
    name = "idp.example.com/tenant"
    assert got == {f"{name}:aud": AUDIENCE, f"{name}:sub": "subject", f"{name}:amr": ("pwd", "mfa")}


def test_keys_are_lower_case_and_amr_may_be_text_or_junk() -> None:
    got = claims.condition_keys(a_token("https://IdP.example.com/Tenant", amr="mfa"))
    assert got["idp.example.com/tenant:amr"] == ("mfa",)
    for junk in (1, ["a", 1], {"a": "b"}):
        assert "idp.example.com/tenant:amr" not in claims.condition_keys(a_token(amr=junk))


def test_google() -> None:
    got = claims.condition_keys(a_token("https://accounts.google.com", party="phone", audience="phone", audiences=("web",)))
    assert (got["accounts.google.com:aud"], got["accounts.google.com:oaud"]) == ("phone", "web")
    plain = claims.condition_keys(a_token("https://accounts.google.com"))
    assert plain["accounts.google.com:aud"] == AUDIENCE and "accounts.google.com:oaud" not in plain


GITHUB = "actor actor_id enterprise_id environment job_workflow_ref ref repository repository_id repository_owner_id workflow"
GITLAB = "namespace_id pipeline_source project_id ref_protected runner_environment user_access_level user_email user_id user_login"
BUILDKITE = "build_branch cluster_id cluster_name organization_id organization_slug pipeline_id pipeline_slug"


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("token.actions.githubusercontent.com", GITHUB),
        ("token.actions.githubusercontent.com/acme", GITHUB),
        ("token.actions.acme.ghe.com", GITHUB),
        ("github.com/enterprises/acme", GITHUB),
        ("gitlab.com", GITLAB),
        ("agent.buildkite.com", BUILDKITE),
        ("agent.acme.buildkite.dev", BUILDKITE),
        ("agent.acme.buildkite.site", BUILDKITE),
        ("oidc.circleci.com/org/1", "oidc.circleci.com/project-id"),
        ("idcs-1a2b.identity.oraclecloud.com", "rpst_id"),
        ("accounts.google.com", "google/organization_number"),
    ],
)
def test_providers_with_keys_of_their_own(name: str, offered: str) -> None:
    """The table of fact sheet A §3.10."""
    got = claims.condition_keys(a_token(f"https://{name}", other="x", **dict.fromkeys(offered.split(), "value")))
    assert {key for key, value in got.items() if value == "value"} == {f"{name}:{claim}" for claim in offered.split()}
    assert f"{name}:other" not in got


@pytest.mark.parametrize(
    "issuer",
    [
        "https://token.actions.githubusercontent.com.evil.example",
        "https://eviltoken.actions.githubusercontent.com",
        "https://token.actions.evil.example/ghe.com",
        "https://gitlab.com/x",
        "https://gitlab.com\n",
    ],
)
def test_look_alikes_get_none(issuer: str) -> None:
    assert claims.extra_claims(issuer.removeprefix("https://")) == ()


def test_values_become_text() -> None:
    issuer = "https://gitlab.com"
    assert claims.condition_keys(a_token(issuer, project_id=7, ref_protected=True, user_id=False))["gitlab.com:project_id"] == "7"
    got = claims.condition_keys(a_token(issuer, ref_protected=True, user_id=False, namespace_id=1.5, user_email=None, user_login=["a"]))
    assert (got["gitlab.com:ref_protected"], got["gitlab.com:user_id"]) == ("true", "false")
    assert not {"gitlab.com:namespace_id", "gitlab.com:user_email", "gitlab.com:user_login"} & got.keys()


# Session tags


def test_no_tags() -> None:
    assert claims.session_tags(a_token()) == ({}, ())


def test_tags_in_both_forms() -> None:
    nested = tagged({"principal_tags": {"Project": ["Automation"], "Team": ["a b@c"]}, "transitive_tag_keys": ["Project"]})
    assert nested == ({"Project": "Automation", "Team": "a b@c"}, ("Project",))
    assert tagged({"principal_tags": {"Project": "Automation"}}) == ({"Project": "Automation"}, ())
    flat = claims.session_tags(a_token(**{f"{TAGS}/principal_tags/Project": "Automation", f"{TAGS}/transitive_tag_keys": ["Project"]}))
    assert flat == ({"Project": "Automation"}, ("Project",))


def test_not_in_both_forms_at_once() -> None:
    nested = {"principal_tags": {"a": ["b"]}}
    for extra in (f"{TAGS}/principal_tags/c", f"{TAGS}/transitive_tag_keys"):
        with pytest.raises(Refusal):
            claims.session_tags(a_token(**{TAGS: nested, extra: []}))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "a",
        {},
        {"principal_tags": []},
        {"principal_tags": {}, "more": 1},
        {"principal_tags": {"a": []}},
        {"principal_tags": {"a": ["b", "c"]}},
        {"principal_tags": {"a": [1]}},
        {"principal_tags": {"a": 1}},
        {"principal_tags": {"a": None}},
        {"principal_tags": {"": ["b"]}},
        {"principal_tags": {"a" * 129: ["b"]}},
        {"principal_tags": {"a": ["b" * 257]}},
        {"principal_tags": {"a\n": ["b"]}},
        {"principal_tags": {"a": ["b\n"]}},
        {"principal_tags": {"a": ["b;c"]}},
        {"principal_tags": {"aws:a": ["b"]}},
        {"principal_tags": {"AWS:a": ["b"]}},
        {"principal_tags": {"a": ["b"], "A": ["c"]}},
        {"principal_tags": {f"k{number}": ["v"] for number in range(51)}},
        {"principal_tags": {"a": ["b"]}, "transitive_tag_keys": ["c"]},
        {"principal_tags": {"a": ["b"]}, "transitive_tag_keys": "a"},
        {"principal_tags": {"a": ["b"]}, "transitive_tag_keys": [1]},
        {"principal_tags": {"a": ["b"]}, "transitive_tag_keys": None},
    ],
)
def test_tags_that_are_refused(value: Any) -> None:
    with pytest.raises(Refusal) as caught:
        tagged(value)
    assert caught.value.code == "IDPRejectedClaim"


def test_the_limits_of_tags() -> None:
    most = {f"k{number}" + "é" * 120: ["v" * 256] for number in range(50)}
    assert len(tagged({"principal_tags": most}).tags) == 50
    assert tagged({"principal_tags": {"a": [""]}}).tags == {"a": ""}
    assert tagged({"principal_tags": {"a": ["b"]}, "transitive_tag_keys": ["a", "a"]}).transitive == ("a",)


def test_tags_survive_json() -> None:
    value = json.loads('{"principal_tags":{"Owner":["Zo\\u00eb\\u00a0K"]}}')
    assert tagged(value).tags == {"Owner": "Zoë\u00a0K"}


# Source identity

SOURCE = "https://aws.amazon.com/source_identity"


def test_source_identity() -> None:
    assert claims.source_identity(a_token()) == ""
    assert claims.source_identity(a_token(**{SOURCE: "Alice@example.com"})) == "Alice@example.com"


@pytest.mark.parametrize("value", ["", "a", "a" * 65, "a b", "a\n", "é" * 3, 1, None, ["ab"], "aws:ab", True])
def test_source_identities_that_are_refused(value: Any) -> None:
    with pytest.raises(Refusal) as caught:
        claims.source_identity(a_token(**{SOURCE: value}))
    assert caught.value.code == "IDPRejectedClaim"
