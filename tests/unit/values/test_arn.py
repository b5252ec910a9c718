"""ARNs: read, written, and refused."""

from __future__ import annotations

import pytest

from daypass.values.arn import MAX_ARN, Arn, iam_arn, read_arn, role_session_arn, root_arn


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::123456789012:role/path/name",
        "arn:aws:s3:::bucket/key:with:colons",
        "arn:aws-cn:sts:cn-north-1:123456789012:assumed-role/r/s",
        "arn:aws:iam::123456789012:oidc-provider/127.0.0.1:8443/tenant",
    ],
)
def test_an_arn_is_given_back_as_it_was(text: str) -> None:
    read = read_arn(text)
    assert read is not None
    assert str(read) == text


def test_the_parts_are_in_their_places() -> None:
    assert read_arn("arn:aws:iam::123456789012:user/a:b") == Arn("aws", "iam", "", "123456789012", "user/a:b")


@pytest.mark.parametrize(
    "text", ["", "arn", "arn:aws:iam::1", "ARN:aws:iam::1:x", "arn::iam::1:x", "arn:aws:::1:x", "arn:aws:iam::1:", "xarn:aws:iam::1:x"]
)
def test_what_has_not_the_shape_is_none(text: str) -> None:
    assert read_arn(text) is None


def test_the_longest_arn_is_read_and_one_more_is_not() -> None:
    longest = "arn:aws:iam::1:".ljust(MAX_ARN, "x")
    assert read_arn(longest) is not None
    assert read_arn(longest + "x") is None


def test_arns_are_formed_as_aws_forms_them() -> None:
    assert iam_arn("123456789012", "role", "/team/", "deploy") == "arn:aws:iam::123456789012:role/team/deploy"
    assert root_arn("123456789012") == "arn:aws:iam::123456789012:root"
    assert role_session_arn("123456789012", "deploy", "build-7") == "arn:aws:sts::123456789012:assumed-role/deploy/build-7"
