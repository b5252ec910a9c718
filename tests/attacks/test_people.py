"""Attacks on passwords and MFA: one code used by many at once, other spellings, secrets in errors and ledger, costly hashes."""

from __future__ import annotations

import csv
import io
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL, Target, accepted, allow, keys_of, refused, trust
from daypass.proof import password
from daypass.way.handle import Pending, handle
from rig.authenticator import STEP, Authenticator
from rig.node import Keys, Refused, TestNode, request_for

FIRST, SECOND = "Att4ck-first-pass", "Att4ck-second-pass"


def device_of(target: Target, name: str) -> tuple[Keys, Authenticator]:
    """A user with a device whose codes of this step and the next are still to be used."""
    keys = target.user(name, allow("iam:*", "sts:*"))
    app = Authenticator(target.client("iam").create_virtual_mfa_device(VirtualMFADeviceName=name))
    now = datetime.now(UTC)
    accepted(target.iam("EnableMFADevice", UserName=name, SerialNumber=app.serial, **app.pair(now, -1)))
    return keys, app


def test_H16_of_many_at_once_one_has_the_code(target: Target) -> None:
    keys, app = device_of(target, "h16-many")
    proof = app.proof(datetime.now(UTC))
    replies: list[Any] = []
    start = threading.Barrier(8)

    def use() -> None:
        start.wait()
        replies.append(target.call("GetSessionToken", keys, **proof))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status for reply in replies) == [200, *[403] * 7]


@pytest.mark.parametrize("bend", ["upper", "colon", "blank", "name"])
def test_H16_a_device_has_one_spelling(target: Target, bend: str) -> None:
    keys, app = device_of(target, f"h16-spelling-{bend}")
    serial = {
        "upper": app.serial.upper(), "colon": app.serial + ":", "blank": app.serial.replace("spelling", "sPelling"),
        "name": app.serial.rsplit("/", 1)[1],
    }[bend]  # fmt: skip
    code = app.code(datetime.now(UTC))
    reply = target.call("GetSessionToken", keys, SerialNumber=serial, TokenCode=code)
    refused(reply, "AccessDenied", status=403)
    assert "unable to validate MFA code" in reply.text
    accepted(target.call("GetSessionToken", keys, SerialNumber=app.serial, TokenCode=code))


@pytest.mark.parametrize("code", ["{} ", " {}", "{}\n", "+{}", "{}%00", "{}0"])
def test_H16_a_code_has_one_spelling(target: Target, code: str) -> None:
    keys, app = device_of(target, f"h16-code-{len(code)}-{ord(code[0])}-{ord(code[-1])}")
    right = app.code(datetime.now(UTC))
    reply = target.call("GetSessionToken", keys, SerialNumber=app.serial, TokenCode=code.format(right))
    refused(reply, "ValidationError", status=400)
    assert right not in reply.text
    accepted(target.call("GetSessionToken", keys, SerialNumber=app.serial, TokenCode=right))


def test_H16_a_stolen_key_neither_adds_a_device_nor_takes_one_away(target: Target) -> None:
    keys, app = device_of(target, "h16-stolen")
    other = Authenticator(target.client("iam").create_virtual_mfa_device(VirtualMFADeviceName="h16-other"))
    pair = other.pair(datetime.now(UTC))
    mine = {"UserName": "h16-stolen"}
    refused(target.iam("EnableMFADevice", keys, **mine, SerialNumber=other.serial, **pair), "AccessDenied", status=403)
    refused(target.iam("DeactivateMFADevice", keys, **mine, SerialNumber=app.serial), "AccessDenied", status=403)
    strong = keys_of(target.call("GetSessionToken", keys, **app.proof(datetime.now(UTC))))
    accepted(target.iam("EnableMFADevice", strong, **mine, SerialNumber=other.serial, **pair))


def test_H16_another_accounts_administrator_cannot_use_a_device(target: Target) -> None:
    keys, app = device_of(target, "h16-foreign")
    proof = app.proof(datetime.now(UTC))
    present = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    role = target.plain_role("h16-foreign-role", trust({"AWS": [target.partner, target.account]}, condition=present))
    refused(target.assume(role, target.mallory, **proof), "AccessDenied", status=403)
    accepted(target.assume(role, keys, **proof))
    for operation in ("DeleteVirtualMFADevice", "ListMFADeviceTags"):
        refused(target.iam(operation, target.mallory, SerialNumber=app.serial), "NoSuchEntity", status=404)


def test_H75_neither_errors_nor_answers_tell_a_password(target: Target) -> None:
    keys = target.user("h75", allow("iam:*"))
    shown = [
        target.iam("CreateLoginProfile", UserName="h75", Password=FIRST + "\u2603"),
        target.iam("CreateLoginProfile", UserName="nobody-here", Password=FIRST),
        target.iam("CreateLoginProfile", UserName="h75", Password=FIRST),
        target.iam("GetLoginProfile", UserName="h75"),
        target.iam("ChangePassword", keys, OldPassword=SECOND, NewPassword=FIRST),
        target.iam("ChangePassword", keys, OldPassword=FIRST, NewPassword=SECOND),
    ]
    assert [reply.status for reply in shown] == [400, 404, 200, 200, 403, 200]
    for reply in shown:
        assert FIRST not in reply.text and SECOND not in reply.text and "argon2" not in reply.text


def test_M14_a_megabyte_is_refused_before_any_hash(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = node.operator()
    node.call("iam", "CreateUser", {"UserName": "bob"}, keys)
    monkeypatch.setattr(password, "Argon2id", None)
    with pytest.raises(Refused) as caught:
        node.call("iam", "CreateLoginProfile", {"UserName": "bob", "Password": "Aa1" * 350_000}, keys)
    assert caught.value.status in (400, 413)
    with pytest.raises(Refused, match="ValidationError"):
        node.call("iam", "CreateLoginProfile", {"UserName": "bob", "Password": "Aa1x" * 33}, keys)


def test_M14_hashes_are_made_where_they_hold_nobody_up_and_for_nobody_who_may_not(node: TestNode) -> None:
    admin = node.operator()
    node.call("iam", "CreateUser", {"UserName": "bob"}, admin)
    given = {"UserName": "bob", "Password": FIRST}
    outcome: Any = handle(node.node, request_for("iam", "CreateLoginProfile", given, admin, node.now), node.now)
    rooms = []
    while isinstance(outcome, Pending):
        rooms.append(outcome.room)
        if outcome.room == "storage":
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(password, "Argon2id", None)
                outcome = outcome.then(outcome.work())
        else:
            outcome = outcome.then(outcome.work())
    assert (rooms, outcome.response.status) == (["outside", "storage"], 200)
    node.call("iam", "CreateUser", {"UserName": "eve"}, admin)
    eve = Keys.of(node.call("iam", "CreateAccessKey", {"UserName": "eve"}, admin)["AccessKey"])
    denied: Any = handle(node.node, request_for("iam", "UpdateLoginProfile", given, eve, node.now), node.now)
    assert not isinstance(denied, Pending) and denied.response.status == 403


def test_H69_a_password_that_was_changed_meanwhile_is_not_overwritten(node: TestNode) -> None:
    """Two who know the old password, at once: one hash is made of a profile that is gone when its turn comes."""
    admin = node.operator()
    node.call("iam", "CreateUser", {"UserName": "bob"}, admin)
    node.call("iam", "CreateLoginProfile", {"UserName": "bob", "Password": FIRST}, admin)
    given = {"UserName": "bob", "Password": SECOND}
    first: Any = handle(node.node, request_for("iam", "UpdateLoginProfile", given, admin, node.now), node.now)
    made = first.work()
    node.call("iam", "UpdateLoginProfile", {"UserName": "bob", "Password": "Th1rd-and-last"}, admin)
    outcome = first.then(made)
    while isinstance(outcome, Pending):
        outcome = outcome.then(outcome.work())
    assert outcome.event.error_code == "ConcurrentModification"
    profile = next(iter(node.store.snapshot.login_profiles))
    assert password.matches("Th1rd-and-last", profile.hashes.reveal().decode())


def test_M28_a_clients_date_does_not_move_the_window(node: TestNode) -> None:
    """A request signed at the edge of the skew brings its own date; codes go by the server's clock."""
    admin = node.operator()
    node.call("iam", "CreateUser", {"UserName": "bob"}, admin)
    keys = Keys.of(node.call("iam", "CreateAccessKey", {"UserName": "bob"}, admin)["AccessKey"])
    app = Authenticator(node.call("iam", "CreateVirtualMFADevice", {"VirtualMFADeviceName": "bob"}, admin))
    node.call("iam", "EnableMFADevice", {"UserName": "bob", "SerialNumber": app.serial, **app.pair(node.now)}, admin)
    signed_at = node.now
    node.pass_time(seconds=STEP * 5)
    then, later = app.proof(signed_at, 1), app.proof(node.now)
    answers = [node.send(request_for("sts", "GetSessionToken", proof, keys, signed_at)) for proof in (then, later)]
    assert [answer.response.status for answer in answers] == [403, 200]


def test_M05_a_report_keeps_names_as_they_are_and_cells_in_their_place(target: Target) -> None:
    for name in ("=1+1", "@x", "-2+3", "+3,4"):
        accepted(target.iam("CreateUser", UserName=name))
    target.client("iam").generate_credential_report()
    content = target.client("iam").get_credential_report()["Content"].decode()
    rows = list(csv.reader(io.StringIO(content, newline=""), strict=True))
    assert {len(row) for row in rows} == {22}


def test_H75_seeds_and_passwords_are_in_no_file(node: TestNode) -> None:
    admin = node.operator()
    node.call("iam", "CreateUser", {"UserName": "bob"}, admin)
    node.call("iam", "PutUserPolicy", {"UserName": "bob", "PolicyName": "p", "PolicyDocument": ALLOW_ALL}, admin)
    node.call("iam", "CreateLoginProfile", {"UserName": "bob", "Password": FIRST}, admin)
    app = Authenticator(node.call("iam", "CreateVirtualMFADevice", {"VirtualMFADeviceName": "bob"}, admin))
    node.call("iam", "EnableMFADevice", {"UserName": "bob", "SerialNumber": app.serial, **app.pair(node.now)}, admin)
    files = [path.read_bytes() for path in node.directory.rglob("*") if path.is_file()]
    for secret in (FIRST, app.seed, app.pair(node.now)["AuthenticationCode1"], "$argon2id$"):
        assert not any(secret.encode() in data for data in files), secret
