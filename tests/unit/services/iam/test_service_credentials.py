"""Credentials for single services: the password is shown once and kept as a digest."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from unit.services.world import World, refused

GIT, BEDROCK = "codecommit.amazonaws.com", "bedrock.amazonaws.com"


@pytest.fixture
def users(world: World) -> World:
    for name in ("bob", "eve"):
        world.call("CreateUser", UserName=name)
    return world


def make(world: World, service: str = GIT, user: str = "bob", **more: Any) -> dict[str, Any]:
    made = world.call("CreateServiceSpecificCredential", UserName=user, ServiceName=service, **more)
    credential: dict[str, Any] = made["ServiceSpecificCredential"]
    return credential


def test_the_password_is_shown_once_and_only_its_digest_is_kept(users: World) -> None:
    made = make(users)
    assert (made["ServiceUserName"], made["Status"], made["ServiceName"]) == (f"bob-at-{users.account}", "Active", GIT)
    password = made.pop("ServicePassword")
    assert len(password) == 40
    (kept,) = users.store.service_credentials
    assert kept.digest.reveal() == hashlib.sha256(password.encode()).digest()
    assert users.call("ListServiceSpecificCredentials", UserName="bob")["ServiceSpecificCredentials"] == [made]
    name = {"ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    again = users.call("ResetServiceSpecificCredential", by=users.user("bob"), **name)
    assert again["ServiceSpecificCredential"]["ServicePassword"] != password
    (kept,) = users.store.service_credentials
    assert kept.digest.reveal() != hashlib.sha256(password.encode()).digest()


def test_a_credential_is_switched_off_and_goes_before_its_user(users: World) -> None:
    name = {"ServiceSpecificCredentialId": make(users)["ServiceSpecificCredentialId"], "UserName": "bob"}
    users.call("UpdateServiceSpecificCredential", **name, Status="Inactive")
    assert users.call("ListServiceSpecificCredentials", UserName="bob")["ServiceSpecificCredentials"][0]["Status"] == "Inactive"
    with refused("DeleteConflict", "must delete service-specific credentials first"):
        users.call("DeleteUser", UserName="bob")
    with refused("NoSuchEntity"):
        users.call("DeleteServiceSpecificCredential", **{**name, "UserName": "eve"})
    users.call("DeleteServiceSpecificCredential", **name)
    users.call("DeleteUser", UserName="bob")


def test_two_for_each_service_under_names_of_their_own(users: World) -> None:
    first, second = make(users), make(users)
    assert second["ServiceUserName"] == f"bob+1-at-{users.account}"
    with refused("LimitExceeded"):
        make(users)
    make(users, "cassandra.amazonaws.com")
    users.call("DeleteServiceSpecificCredential", UserName="bob", ServiceSpecificCredentialId=first["ServiceSpecificCredentialId"])
    assert make(users)["ServiceUserName"] == first["ServiceUserName"]


def test_an_api_key_has_an_age(users: World) -> None:
    made = make(users, BEDROCK, CredentialAgeDays=1)
    assert made["ServiceCredentialSecret"].startswith("ABSK") and "ServicePassword" not in made
    begin = users.now - timedelta(seconds=1)
    assert made["ExpirationDate"] == begin + timedelta(days=1)
    for second, status in ((-1, "Active"), (0, "Expired"), (1, "Expired")):
        users.now = begin + timedelta(days=1, seconds=second)
        assert users.call("ListServiceSpecificCredentials", UserName="bob")["ServiceSpecificCredentials"][0]["Status"] == status
    with refused("InvalidInput"):
        make(users, CredentialAgeDays=1)


def test_lists_are_of_one_user_of_one_service_or_of_all(users: World) -> None:
    make(users)
    make(users, BEDROCK)
    make(users, user="eve")
    count = lambda **asked: len(users.call("ListServiceSpecificCredentials", **asked)["ServiceSpecificCredentials"])  # noqa: E731  # three uses
    assert (count(UserName="bob"), count(UserName="bob", ServiceName=GIT), count(AllUsers=True)) == (2, 1, 3)
    assert users.asks("ListServiceSpecificCredentials", AllUsers=True)[0].resource == "*"
    with refused("InvalidInput"):
        count(UserName="bob", AllUsers=True)


def test_the_asks_name_the_service(users: World) -> None:
    key = "iam:servicespecificcredentialservicename"
    (ask,) = users.asks("CreateServiceSpecificCredential", UserName="bob", ServiceName=BEDROCK, CredentialAgeDays=7)
    assert (ask.context[key], ask.context["iam:servicespecificcredentialagedays"]) == (BEDROCK, "7")
    name = {"ServiceSpecificCredentialId": make(users)["ServiceSpecificCredentialId"]}
    for operation in ("Reset", "Update", "Delete"):
        more = {"Status": "Inactive"} if operation == "Update" else {}
        (ask,) = users.asks(f"{operation}ServiceSpecificCredential", UserName="bob", **name, **more)
        assert ask.context[key] == GIT
    (ask,) = users.asks("DeleteServiceSpecificCredential", UserName="bob", ServiceSpecificCredentialId="A" * 20)
    assert key not in ask.context


def test_an_unknown_service_is_not_supported(users: World) -> None:
    for call in ("CreateServiceSpecificCredential", "ListServiceSpecificCredentials"):
        with refused("NotSupportedService"):
            users.call(call, UserName="bob", ServiceName="s3.amazonaws.com")
