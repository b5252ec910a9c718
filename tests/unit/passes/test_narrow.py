from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.passes.narrow import MAX_SESSION_POLICY, expiry_of_child, narrow
from daypass.values.errors import Refusal
from daypass.values.session import Origin, Pass, Session

Mint = Callable[..., Pass]


def refusal(call: Callable[..., Any], *arguments: Any, **keywords: Any) -> tuple[str, int | None]:
    with pytest.raises(Refusal) as caught:
        call(*arguments, **keywords)
    return caught.value.code, caught.value.status


def session(**changes: Any) -> Session:
    arguments: dict[str, Any] = {
        "id": bytes(16), "key_id": "ASIA" + "A" * 16, "kind": "role", "account": "123456789012", "principal_id": "AROA", "name": "n",
        "issued": 1000, "expires": 4600, "origin": Origin("sigv4", "AKIA"),
    }  # fmt: skip
    return Session(**(arguments | changes))


@given(lifetime=st.integers(1, 43200), passed=st.integers(0, 43199), duration=st.integers(1, 3600))
def test_a_child_never_outlives_its_parent(lifetime: int, passed: int, duration: int) -> None:
    parent = session(issued=1000, expires=1000 + lifetime)
    issued = 1000 + min(passed, lifetime - 1)
    expires = expiry_of_child("role", parent, issued, duration)
    assert issued < expires <= parent.expires
    assert expires == parent.expires or expires - issued == duration


@pytest.mark.parametrize(("issued", "answer"), [(4599, 4600), (4598, 4600)])
def test_up_to_its_parents_last_second_a_child_can_be_made(issued: int, answer: int) -> None:
    assert expiry_of_child("role", session(), issued, 900) == answer


@pytest.mark.parametrize("issued", [4600, 4601])
def test_a_parent_that_is_over_has_no_children(issued: int) -> None:
    assert refusal(expiry_of_child, "role", session(), issued, 900) == ("ExpiredToken", 403)


def test_role_chaining_is_capped_at_an_hour() -> None:
    """Fact sheet A, §3.4 and §3.6: a role session that assumes a role asks for at most 3600 s."""
    parent = session(expires=90000)
    assert expiry_of_child("role", parent, 1000, 3600) == 4600
    assert refusal(expiry_of_child, "role", parent, 1000, 3601) == ("ValidationError", 400)


def test_the_cap_is_not_for_users_nor_the_operator() -> None:
    for parent in (None, session(kind="user", expires=90000), session(origin=Origin("operator", "uid:0"), expires=90000)):
        assert expiry_of_child("role", parent, 1000, 43200) == 44200
    chained = session(origin=Origin("sigv4", "ASIA"), expires=90000)  # the operator's session's child is an ordinary one
    assert refusal(expiry_of_child, "role", chained, 1000, 43200) == ("ValidationError", 400)


def test_the_operators_children_do_not_outlive_it_either() -> None:
    assert expiry_of_child("role", session(origin=Origin("operator", "uid:0")), 1000, 43200) == 4600


@pytest.mark.parametrize("duration", [-1, 0, 129601, 2**32])
def test_durations_out_of_range_are_refused(duration: int) -> None:
    assert refusal(expiry_of_child, "user", None, 1000, duration) == ("ValidationError", 400)
    assert expiry_of_child("user", None, 1000, 129600) == 130600


NOTHING: dict[str, Any] = {"policy": "", "policy_arns": (), "tags": (), "transitive": (), "source_identity": ""}


def carry(parent: Session | None = None, **passed: Any) -> Any:
    return narrow("role", parent, **(NOTHING | passed))


def test_a_roles_session_carries_what_was_passed() -> None:
    passed: dict[str, Any] = {
        "policy": "{}",
        "policy_arns": ("arn:a",),
        "tags": {"A": "1", "B": ""},
        "transitive": ("a",),
        "source_identity": "me",
    }
    assert carry(**passed) == ("{}", ("arn:a",), (("A", "1"), ("B", "")), ("A",), "me")
    assert carry() == ("", (), (), (), "")


def test_a_parents_session_policy_does_not_narrow_a_role_that_it_assumes() -> None:
    """As on AWS: the child has its own role's permissions; that the parent may assume it was decided by the parent's policies."""
    assert carry(session(policy="{}", policy_arns=("arn:a",)))[:2] == ("", ())


@pytest.mark.parametrize(
    ("passed", "answer"),
    [
        ({"policy": "x" * 2048}, None),
        ({"policy": "x" * 2049}, "ValidationError"),
        ({"policy": "x" * 2000, "policy_arns": ("y" * 24, "z" * 24)}, None),
        ({"policy": "x" * 2000, "policy_arns": ("y" * 24, "z" * 25)}, "ValidationError"),
        ({"policy_arns": ("a",) * 10}, None),
        ({"policy_arns": ("a",) * 11}, "ValidationError"),
        ({"tags": {f"k{n}": "" for n in range(50)}}, None),
        ({"tags": {f"k{n}": "" for n in range(51)}}, "ValidationError"),
        ({"tags": {"k" * 128: "v" * 256}}, None),
        ({"tags": {"k" * 129: "v"}}, "ValidationError"),
        ({"tags": {"k": "v" * 257}}, "ValidationError"),
        ({"tags": {"": "v"}}, "ValidationError"),
        ({"tags": {"aws:x": "v"}}, "ValidationError"),
        ({"tags": {"AwS:x": "v"}}, "ValidationError"),
        ({"tags": {"awsx": "v", "xaws:": "v"}}, None),
        ({"tags": (("a", "1"), ("a", "1"))}, "InvalidParameterValue"),
        ({"tags": {"Team": "1", "tEAM": "2"}}, "InvalidParameterValue"),
        ({"tags": {"k": "1", "\u212a": "2"}}, None),  # the Kelvin sign is no k: only ASCII is folded
        ({"tags": {"s": "1", "\u017f": "2"}}, None),
        ({"tags": {"a": "1"}, "transitive": ("A", "a")}, None),
        ({"tags": {"a": "1"}, "transitive": ("b",)}, "InvalidParameterValue"),
        ({"transitive": ("b",)}, "InvalidParameterValue"),
        ({"source_identity": "aws:me"}, "ValidationError"),
        ({"source_identity": "AWS:me"}, "ValidationError"),
        ({"source_identity": "awsme"}, None),
    ],
)
def test_what_may_be_passed(passed: dict[str, Any], answer: str | None) -> None:
    if answer is None:
        carry(**passed)
    else:
        assert refusal(carry, **passed) == (answer, 400)


PARENT = session(tags=(("Cost", "1"), ("Team", "red")), transitive=("Team",), source_identity="me")


def test_transitive_tags_and_source_identity_are_inherited_and_others_are_not() -> None:
    assert carry(PARENT) == ("", (), (("Team", "red"),), ("Team",), "me")
    assert carry(PARENT, tags={"New": "2"}, transitive=("new",)) == ("", (), (("Team", "red"), ("New", "2")), ("Team", "New"), "me")


@pytest.mark.parametrize("key", ["Team", "team", "TEAM"])
@pytest.mark.parametrize("value", ["red", "blue"])
def test_an_inherited_tag_cannot_be_set_again(key: str, value: str) -> None:
    assert refusal(carry, PARENT, tags={key: value}) == ("InvalidParameterValue", 400)


def test_a_tag_that_was_not_transitive_can() -> None:
    assert carry(PARENT, tags={"Cost": "2"}).tags == (("Team", "red"), ("Cost", "2"))


def test_inherited_tags_count() -> None:
    parent = session(tags=tuple((f"i{n}", "") for n in range(30)), transitive=tuple(f"i{n}" for n in range(30)))
    assert len(carry(parent, tags={f"k{n}": "" for n in range(20)}).tags) == 50
    assert refusal(carry, parent, tags={f"k{n}": "" for n in range(21)}) == ("ValidationError", 400)


def test_the_source_identity_stays() -> None:
    assert carry(PARENT, source_identity="me").source_identity == "me"
    assert refusal(carry, PARENT, source_identity="another") == ("AccessDenied", 403)
    assert refusal(carry, PARENT, source_identity="Me") == ("AccessDenied", 403)
    assert carry(session(), source_identity="first").source_identity == "first"


def test_a_users_session_from_a_users_session_stays_what_it_was() -> None:
    parent = session(kind="user", policy="{}", policy_arns=("arn:a",), tags=(("A", "1"),), source_identity="me")
    assert narrow("user", parent, **NOTHING) == ("{}", ("arn:a",), (("A", "1"),), (), "me")
    for more in ({"policy": "{}"}, {"policy_arns": ("arn:b",)}, {"tags": {"A": "2"}}, {"source_identity": "me"}):
        assert refusal(narrow, "user", parent, **(NOTHING | more)) == ("AccessDenied", 403)


tag_keys = st.text(st.sampled_from("aAbB:kK\u212a"), min_size=1, max_size=3)


@given(
    first=st.dictionaries(tag_keys, st.sampled_from("12"), max_size=4),
    second=st.dictionaries(tag_keys, st.sampled_from("34"), max_size=4),
    marked=st.lists(tag_keys, max_size=3),
)
def test_along_a_chain_transitive_tags_stay_as_they_were(first: dict[str, str], second: dict[str, str], marked: list[str]) -> None:
    try:
        one = carry(tags=first, transitive=tuple(marked))
        parent = session(tags=one.tags, transitive=one.transitive)
        two = carry(parent, tags=second)
    except Refusal as refused:
        assert refused.code in ("InvalidParameterValue", "ValidationError")
        return
    kept = {key: value for key, value in one.tags if key in one.transitive}
    assert kept.items() <= dict(two.tags).items()
    assert set(two.transitive) == set(kept)
    folded = ["".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in key) for key, _ in two.tags]
    assert len(folded) == len(set(folded))


def test_the_limit_is_aws_s() -> None:
    assert MAX_SESSION_POLICY == 2048
