"""@operation is held against AWS's model: what disagrees does not even import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from daypass.way import operation as declared
from daypass.way.operation import OPERATIONS, Open, operation


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[Any, Any]]:
    """An operation table of this test's own."""
    own: dict[Any, Any] = {}
    monkeypatch.setattr(declared, "OPERATIONS", own)
    yield own


def no_asks(_ctx: object, _given: object) -> tuple[()]:
    """Asks nothing; only its presence matters here."""
    return ()


def get_user(ctx: object, *, user_name: str | None = None) -> None:
    """As the model has it."""


def test_what_agrees_with_the_model_is_offered(table: dict[Any, Any]) -> None:
    assert operation("iam", asks=no_asks)(get_user) is get_user
    made = table["iam", "GetUser"]
    assert (made.action, made.parameters, made.writes, made.proof) == ("iam:GetUser", {"UserName": "user_name"}, False, None)


def not_in_the_model(ctx: object) -> None:
    """No such operation."""


def _named(name: str, function: Callable[..., None]) -> Callable[..., None]:
    function.__name__ = name
    return function


def _unknown(ctx: object, *, user_nam: str | None = None) -> None: ...


def _missing(ctx: object, *, path: str = "/") -> None: ...


def _optional_without_default(ctx: object, *, user_name: str) -> None: ...


def _required_with_default(ctx: object, *, user_name: str = "x") -> None: ...


@pytest.mark.parametrize(
    ("name", "function", "complaint"),
    [
        ("get_user", _unknown, "the model has no"),
        ("create_user", _missing, "required by the model and not named"),
        ("get_user", _optional_without_default, "a default belongs"),
        ("create_user", _required_with_default, "a default belongs"),
    ],
)
def test_what_disagrees_is_refused(name: str, function: Callable[..., None], complaint: str, table: dict[Any, Any]) -> None:
    with pytest.raises(TypeError, match=complaint):
        operation("iam", asks=no_asks)(_named(name, function))
    assert table == {}


def test_an_operation_that_the_model_lacks_is_refused() -> None:
    with pytest.raises((KeyError, TypeError)):
        operation("iam", asks=no_asks)(not_in_the_model)


def assume_role_with_web_identity(ctx: object, *, role_arn: str, role_session_name: str, web_identity_token: str) -> None:
    """The model calls it unsigned."""


def test_an_unsigned_operation_needs_its_proof_in_a_parameter() -> None:
    with pytest.raises(TypeError, match="unsigned"):
        operation("sts", asks=no_asks)(assume_role_with_web_identity)


@pytest.mark.parametrize("asks", [Open.ANONYMOUS])
def test_a_signed_operation_is_not_for_anyone(asks: Open) -> None:
    with pytest.raises(TypeError, match="unsigned"):
        operation("iam", asks=asks)(get_user)


def test_the_real_table_is_left_alone() -> None:
    operation("iam", asks=no_asks)(get_user)
    assert ("iam", "GetUser") not in OPERATIONS or OPERATIONS["iam", "GetUser"].run is not get_user
