from __future__ import annotations

import pytest

from daypass.wire.catalogue import get_operation
from daypass.wire.faults import Malformed
from daypass.wire.query import MAX_DEPTH, MAX_ITEMS, read_parameters

ASSUME_ROLE = get_operation("sts", "assume_role").input


def test_scalars_lists_and_structures() -> None:
    pairs = [("Tags.member.2.Key", "b"), ("Tags.member.1.Value", "1"), ("DurationSeconds", "900"), ("Tags.member.1.Key", "a")]
    pairs.append(("Tags.member.2.Value", "2"))
    assert read_parameters(ASSUME_ROLE, pairs) == (
        {"DurationSeconds": 900, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}, 0, []
    )  # fmt: skip


def test_member_names_keep_the_case_of_the_model() -> None:
    assert read_parameters(ASSUME_ROLE, [("PolicyArns.member.1.arn", "x")])[0] == {"PolicyArns": [{"arn": "x"}]}


def test_an_empty_list_comes_as_a_bare_name() -> None:
    assert read_parameters(ASSUME_ROLE, [("Tags", "")])[0] == {"Tags": []}


def test_unknown_parameters_are_counted() -> None:
    assert read_parameters(ASSUME_ROLE, [("Colour", "red"), ("Shape.member.1", "x"), ("rolearn", "y")]) == ({}, 3, [])
    assert read_parameters(ASSUME_ROLE, [("Tags.member.1.Key", "k"), ("Tags.member.1.Hue", "x")]) == ({"Tags": [{"Key": "k"}]}, 1, [])


@pytest.mark.parametrize(
    "pairs",
    [
        [("Tags.member.2.Key", "a")],
        [("Tags.member.0.Key", "a")],
        [("Tags.member.01.Key", "a")],
        [("Tags.member.-1.Key", "a")],
        [("Tags.member.999999999.Key", "a")],
        [("Tags.member.1.Key", "a"), ("Tags.member.3.Key", "b")],
        [("Tags.member.١.Key", "a")],
        [("Tags.member.x.Key", "a")],
        [("Tags.member." + "9" * 5000 + ".Key", "a")],
        [("Tags.member.1", "x"), ("Tags.member.1.Key", "a")],
        [("Tags.member.1.Key", "a"), ("Tags.member.1", "x")],
        [("Tags", ""), ("Tags.member.1.Key", "a")],
        [("Tags." + "x." * MAX_DEPTH + "x", "a")],
        [(f"TransitiveTagKeys.member.{number}", "a") for number in range(1, MAX_ITEMS + 2)],
    ],
)
def test_names_that_make_no_tree_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(Malformed):
        read_parameters(ASSUME_ROLE, pairs)


@pytest.mark.parametrize(
    ("pair", "member"),
    [
        (("DurationSeconds", "900 "), "DurationSeconds"),
        (("DurationSeconds", ""), "DurationSeconds"),
        (("DurationSeconds.member.1", "1"), "DurationSeconds"),
        (("Tags", "x"), "Tags"),
        (("Tags.entry.1.Key", "x"), "Tags"),
        (("Tags.member", "x"), "Tags"),
        (("Tags.member.1", "x"), "Tags"),
        (("Tags.", "x"), "Tags"),
        (("RoleArn.x", "y"), "RoleArn"),
    ],
)
def test_wrong_types_name_their_member(pair: tuple[str, str], member: str) -> None:
    values, unknown, wrong = read_parameters(ASSUME_ROLE, [pair])
    assert (values, unknown, [name for name, _ in wrong]) == ({}, 0, [member])


def test_maps() -> None:
    shape = get_operation("iam", "acquire_role").input
    pairs = [("ReplacementValues.entry.1.key", "k"), ("ReplacementValues.entry.1.value.Values.member.1", "v")]
    assert read_parameters(shape, pairs)[0] == {"ReplacementValues": {"k": {"Values": ["v"]}}}
    twice = [*pairs, ("ReplacementValues.entry.2.key", "k"), ("ReplacementValues.entry.2.value.Values.member.1", "w")]
    with pytest.raises(Malformed):
        read_parameters(shape, twice)


@pytest.mark.parametrize("name", ["ReplacementValues.entry.1.key", "ReplacementValues.entry.1", "ReplacementValues"])
def test_no_map(name: str) -> None:
    assert [member for member, _ in read_parameters(get_operation("iam", "acquire_role").input, [(name, "k")])[2]] == ["ReplacementValues"]
