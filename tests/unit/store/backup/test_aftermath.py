"""store/backup/aftermath.py: what the ledger tells was ended stays ended, and what nobody can tell of is inactive."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from conformance.samples import HERE, NOW, account, device, key, login, profile, provider, role, seal_key, user
from daypass.store.backup.aftermath import Aftermath, aftermath
from daypass.store.ledger.shapes import Details, Entry, Identity
from daypass.store.records import AccessKey, Account, Record, Revocation, SealKey
from daypass.store.snapshot import Snapshot

LATER = NOW + timedelta(hours=1)


def line(name: str, parameters: dict[str, Any], *, error: str = "", service: str = "iam", by: str = "", read: bool = False) -> Entry:
    return Entry(
        userIdentity=Identity("IAMUser", userName=by), eventTime=NOW + timedelta(minutes=1), eventSource=f"{service}.amazonaws.com",
        eventName=name, awsRegion="", sourceIPAddress="", userAgent="", requestID="", eventID="", readOnly=read,
        recipientAccountId=HERE, daypass=Details(status=200), errorCode=error, requestParameters=parameters,
    )  # fmt: skip


def done(*later: Entry, records: tuple[Record, ...] = (), doubted: bool = False) -> Aftermath:
    seen = Snapshot()
    seen.apply([account(), user(), user(2), key(1), key(2, user(2)), login(), seal_key(), *records], ())
    return aftermath(seen, later, LATER, doubted=doubted)


def deleted(result: Aftermath) -> set[str]:
    return {record.id for record in result.changes.deleted}


def keys(result: Aftermath) -> dict[str, bool]:
    return {one.id: one.active for one in result.changes.records if isinstance(one, AccessKey)}


def test_every_pass_is_ended_and_every_seal_key_replaced() -> None:
    found = done(records=(seal_key(2, "retained"), seal_key(3, "pending"))).changes.records
    order = next(one for one in found if isinstance(one, Revocation))
    assert (order.scope, order.account, order.before) == ("issued-before", "", LATER)
    assert order.until - LATER >= timedelta(hours=36)
    assert sorted(one.state for one in found if isinstance(one, SealKey)) == ["active", "revoked", "revoked", "revoked"]


def test_without_doubt_and_lines_keys_stay_as_they_were() -> None:
    result = done()
    assert (keys(result), deleted(result), result.inactive, result.undone) == ({}, set(), [], [])


def test_in_doubt_keys_are_inactive_and_passwords_gone_and_devices_told_of() -> None:
    result = done(records=(device(1, user()), device(2)), doubted=True)
    assert keys(result) == {key(1).id: False, key(2).id: False}
    assert deleted(result) == {user().id}  # the password's id
    assert [(one.kind, one.owner) for one in result.inactive] == [
        ("access key", "user-1"), ("access key", "user-2"), ("password", "user-1"),
    ]  # fmt: skip
    assert [one.name for one in result.to_review] == ["device-1"]


def test_a_key_deleted_since_is_deleted_and_one_set_inactive_is_inactive() -> None:
    result = done(
        line("DeleteAccessKey", {"AccessKeyId": key(1).id}), line("UpdateAccessKey", {"AccessKeyId": key(2).id, "Status": "Inactive"})
    )
    assert (deleted(result), keys(result)) == ({key(1).id}, {key(2).id: False})
    assert [one.kind for one in result.ended] == ["access key", "access key"]


def test_the_last_word_counts() -> None:
    states = [line("UpdateAccessKey", {"AccessKeyId": key(1).id, "Status": status}) for status in ("Inactive", "Active")]
    assert keys(done(*states)) == {key(1).id: True}
    result = done(*states, line("DeleteAccessKey", {"AccessKeyId": key(1).id}), *states, doubted=True)
    assert key(1).id in deleted(result)
    assert keys(result) == {key(2).id: False}


@pytest.mark.parametrize("name", ["DeleteLoginProfile", "UpdateLoginProfile", "ChangePassword"])
def test_a_password_that_was_changed_or_deleted_since_is_gone(name: str) -> None:
    named = {} if name == "ChangePassword" else {"UserName": "USER-1"}
    assert deleted(done(line(name, named, by="user-1"))) == {user().id}


def test_a_user_renamed_and_then_deleted_is_deleted_with_its_keys() -> None:
    result = done(line("UpdateUser", {"UserName": "user-1", "NewUserName": "gone"}), line("DeleteUser", {"UserName": "gone"}))
    assert deleted(result) == {user().id, key(1).id}
    assert [one.kind for one in result.undone] == ["iam:UpdateUser"]
    other = done(line("UpdateUser", {"UserName": "user-1", "NewUserName": "x"}), line("DeleteUser", {"UserName": "user-1"}))
    assert deleted(other) == set()  # another one, made since by the name that had become free


def test_what_else_is_ended() -> None:
    phone, idp, held = device(1, user()), provider(), role()
    result = done(
        line("DeactivateMFADevice", {"UserName": "user-1", "SerialNumber": phone.arn}),
        line("DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": idp.arn}),
        line("DeleteRole", {"RoleName": "role-1"}),
        line("DeleteRole", {"RoleName": "role-1"}),
        line("CloseAccount", {"AccountId": HERE}, service="organizations"),
        records=(phone, idp, held, profile(1, held)),
    )
    assert deleted(result) == {phone.id, idp.id, held.id}
    assert [one.kind for one in result.ended] == ["MFA device", "identity provider", "role", "account"]
    assert next(one for one in result.changes.records if isinstance(one, Account)).status == "SUSPENDED"


def test_lines_that_changed_nothing_end_nothing() -> None:
    gone = {"AccessKeyId": key(1).id}
    result = done(
        line("DeleteAccessKey", gone, error="AccessDenied"),
        line("DeleteAccessKey", gone, read=True),
        line("RevokeSessions", {}, service="daypass"),
        line("DeleteAccessKey", {"AccessKeyId": "AKIAOFNOBODY"}),
    )
    assert (deleted(result), result.ended, result.undone) == (set(), [], [])


def test_what_was_changed_besides_is_told() -> None:
    result = done(line("DetachUserPolicy", {"UserName": "user-1", "PolicyArn": "arn:p"}))
    told = [(one.kind, one.name, one.account) for one in result.undone]
    assert told == [("iam:DetachUserPolicy", "UserName=user-1 PolicyArn=arn:p", HERE)]
