"""The reasons of a refusal: which statements, in which order, and never more than a ledger line should hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.policy import Kind, Layers, Policy, decide, read_policy
from daypass.policy.reasons import MAX_LOOKED_AT, MAX_MISSED, MAX_SIZE, MAX_TEXT, MAX_VALUES, reasons
from daypass.values.decision import Ask, Values
from daypass.values.why import Why
from unit.policy.people import HERE, OUTSIDER, USER

RESOURCE = "arn:aws:s3:::bucket/key"


def read(kind: Kind, *statements: dict[str, Any], name: str = "") -> Policy:
    return read_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), kind, name=name or kind)


def allow(sid: str, action: str = "s3:GetObject", resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource, **more}


def why(layers: Layers, context: dict[str, Values] | None = None, policy: Policy | None = None, **more: Any) -> Why:
    context = context or {}
    ask = Ask("s3:GetObject", RESOURCE, HERE, context, "either" if policy else "none", policy)
    caller = more.get("caller", USER)
    found = reasons("request", ask, caller, context, layers)
    decision = decide(ask, caller, context, layers)
    assert not decision.allowed
    assert (found.layer, found.explicit, found.request_id, found.owner) == (decision.layer, decision.explicit, "request", HERE)
    return found


def sids(found: Why) -> list[str]:
    return [one.statement for one in found.statements]


IF_RED = {"StringEquals": {"aws:PrincipalTag/Team": "red"}}
IF_BLUE = {"StringEquals": {"aws:PrincipalTag/Team": "blue"}}


def test_a_condition_is_nearer_than_another_resource() -> None:
    own = read(
        "identity",
        allow("far", resource="arn:aws:s3:::other/*"),
        allow("both", resource="arn:aws:s3:::x", Condition=IF_RED),
        allow("near", Condition=IF_RED),
    )
    found = why(Layers((own,)), {"aws:principaltag/team": "blue"})
    assert sids(found) == ["near", "far", "both"]
    [failed] = found.statements[0].failed
    assert (failed.key, failed.expected, failed.actual) == ("aws:PrincipalTag/Team", ("red",), ("blue",))


def test_denies_come_first_and_what_is_allowed_elsewhere_last() -> None:
    own = read("identity", allow("yes"), {"Sid": "no", "Effect": "Deny", "Action": "s3:*", "Resource": "*"})
    boundary = read("boundary", allow("bound", Condition=IF_RED))
    found = why(Layers((own,), boundary))
    assert [(one.layer, one.statement, one.effect) for one in found.statements] == [
        ("identity", "no", "Deny"), ("boundary", "bound", "Allow"), ("identity", "yes", "Allow"),
    ]  # fmt: skip
    assert found.statements[0].actions == ("s3:*",) and found.statements[1].actions == ()


def test_the_deciding_layer_comes_before_the_others() -> None:
    scp = read("scp", allow("guard", Condition=IF_RED))
    own = read("identity", allow("own", Condition=IF_RED))
    assert [one.layer for one in why(Layers((own,), scps=((scp,),))).statements] == ["scp", "identity"]
    granted = read("identity", allow("own"))
    found = why(Layers((granted,), scps=((scp,),)))
    assert [(one.layer, bool(one.failed)) for one in found.statements] == [("scp", True), ("identity", False)]


def test_a_deny_that_does_not_apply_is_no_reason() -> None:
    own = read("identity", {"Sid": "no", "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": IF_RED})
    assert sids(why(Layers((own,)))) == []


def test_who_is_not_meant_is_told_whom_the_statement_means() -> None:
    guest = {"AWS": f"arn:aws:iam::{HERE}:user/guest"}
    found = why(Layers((read("identity", allow("own")),)), policy=read("resource", allow("guests", Principal=guest)), caller=OUTSIDER)
    [statement] = [one for one in found.statements if one.layer == "resource"]
    assert statement.failed[0].element == "Principal" and statement.failed[0].expected == (f"arn:aws:iam::{HERE}:user/guest",)


def test_the_nearest_of_many_are_kept() -> None:
    own = read("identity", *(allow(f"s{n}", Condition=IF_RED) for n in range(20)))
    assert sids(why(Layers((own,)))) == [f"s{n}" for n in range(MAX_MISSED)]


def test_what_a_variable_stands_for_is_told() -> None:
    team, gone = "${aws:PrincipalTag/Team}", "${aws:PrincipalTag/gone}"
    own = read(
        "identity",
        allow("same", Condition={"StringEquals": {"aws:ResourceTag/Team": team}}),
        allow("home", resource=f"arn:aws:s3:::{gone}/*"),
        allow("odd", Condition={"StringEquals": {"aws:ResourceTag/Team": ["x" * 300 + team]}}),
    )
    context: dict[str, Values] = {"aws:principaltag/team": "red", "aws:other": "x"}
    found = reasons("r", Ask("s3:GetObject", RESOURCE, HERE), USER, context, Layers((own,)))
    assert dict(found.context) == {"aws:principaltag/team": ("red",), "aws:principaltag/gone": ()}


def test_too_many_statements_are_counted_and_not_looked_at() -> None:
    many = [allow(f"s{n}", Condition=IF_RED) for n in range(MAX_LOOKED_AT)]
    assert sids(why(Layers((read("identity", *many),)))) == ["s0", "s1", "s2", "s3"]
    more = read("identity", *many, name="many"), read("identity", allow("one"), name="p")
    bounded = Layers(more, read("boundary", allow("other", action="s3:PutObject")))
    found = why(bounded)
    assert (found.statements, found.omitted) == ((), MAX_LOOKED_AT + 2)
    denied = read("boundary", {"Sid": "no", "Effect": "Deny", "Action": "*", "Resource": "*"})
    found = why(Layers(more, denied))
    assert [(one.layer, one.policy, one.statement, one.failed) for one in found.statements] == [("boundary", "boundary", "no", ())]
    assert found.omitted == MAX_LOOKED_AT + 1


def test_long_values_are_cut_and_many_are_counted_by_an_ellipsis() -> None:
    values = [f"{n:03d}" + "é" * 300 for n in range(20)]
    own = read("identity", allow("long", Condition={"StringEquals": {"aws:PrincipalTag/Team": values[: MAX_VALUES + 1]}}))
    found = why(Layers((own,)), {"aws:principaltag/team": "x"})
    [failed] = found.statements[0].failed
    assert len(failed.expected) == MAX_VALUES + 1 and failed.expected[-1] == "…"
    assert all(len(value.encode()) <= MAX_TEXT for value in failed.expected) and failed.expected[0].startswith("000é")


_values = st.text(max_size=400).filter(lambda text: "${" not in text)  # such that does not begin a variable is refused at write


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=400), st.lists(_values, min_size=1, max_size=12)), max_size=12),
    st.dictionaries(st.text(max_size=300), st.one_of(st.text(max_size=400), st.lists(st.text(max_size=300)).map(tuple)), max_size=30),
)
def test_they_are_never_large(conditions: list[tuple[str, list[str]]], context: dict[str, Values]) -> None:
    statements = [allow(f"s{n}", Condition={"StringEquals": {f"aws:x{key}": values}}) for n, (key, values) in enumerate(conditions)]
    own = read("identity", *statements or [allow("none", action="s3:PutObject")])
    found = why(Layers((own,)), {key: value for key, value in context.items() if not key.startswith("aws:x")})
    texts = [text for one in found.statements for item in one.failed for text in (item.key, *item.expected, *(item.actual or ()))]
    texts += [text for key, values in found.context for text in (key, *values)]
    assert sum(len(text.encode()) for text in texts) <= MAX_SIZE
    assert len(found.statements) + found.omitted == min(len(conditions), MAX_MISSED)


@pytest.mark.parametrize("text", ["\ud800", "a" * 300, "é" * 121, "日" * 90])
def test_any_text_is_cut_to_what_can_be_written(text: str) -> None:
    ask = Ask("s3:GetObject", text, HERE, {text: text})
    found = reasons("r", ask, USER, {}, Layers())
    for one in (found.resource, *found.context[0][:1], *found.context[0][1]):
        assert 0 < len(one.encode()) <= MAX_TEXT
