"""MFA in STS: what a code opens, what it does not, and that it opens it once (fact sheet A §3.5; H16, M28)."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.way.throttle import GUESS_BURST, GUESS_RATE
from rig.authenticator import STEP, Authenticator
from rig.node import Keys, Refused
from unit.way.town import Town, allow, policy, trust

INVALID = "MultiFactorAuthentication failed with invalid MFA one time pass code."
UNKNOWN = "MultiFactorAuthentication failed, unable to validate MFA code."
BOTH = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."


class Person:
    """A user with a device, whose clock is the node's; each has a step of their own left to use."""

    def __init__(self, town: Town, name: str, document: str | None = None) -> None:
        self.town, self.name = town, name
        self.keys = town.user(name) if document is None else town.user(name, document)
        self.device = Authenticator(town.iam("CreateVirtualMFADevice", VirtualMFADeviceName=name))
        pair = self.device.pair(town.it.now)
        town.iam("EnableMFADevice", UserName=name, SerialNumber=self.device.serial, **pair)
        town.it.pass_time(seconds=STEP)  # the codes that enabled it are used up

    def proof(self, steps: int = 0) -> dict[str, str]:
        return self.device.proof(self.town.it.now, steps)

    def session(self) -> Keys:
        return Keys.of(self.town.sts("GetSessionToken", self.keys, **self.proof())["Credentials"])


def needs_mfa(town: Town, name: str, condition: dict[str, Any]) -> str:
    root = {"AWS": f"arn:aws:iam::{town.account}:root"}
    return town.role(name, trust(root, "sts:AssumeRole", Condition=condition))


PRESENT = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def denied(call: Any, text: str) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403), caught.value
    assert caught.value.message.startswith(text)
    return caught.value


def test_a_code_opens_a_role_that_wants_mfa(town: Town) -> None:
    ann, role = Person(town, "ann"), needs_mfa(town, "wants", PRESENT)
    denied(lambda: town.assume(ann.keys, role), "User: ")
    assert town.assume(ann.keys, role, **ann.proof())["Credentials"]


def test_the_age_of_a_code_is_none_and_that_of_a_session_grows(town: Town) -> None:
    bea, role = Person(town, "bea"), needs_mfa(town, "fresh", {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}})
    session = bea.session()
    assert town.assume(session, role)
    town.it.pass_time(seconds=299)
    assert town.assume(session, role)
    town.it.pass_time(seconds=1)
    denied(lambda: town.assume(session, role), "User: ")
    assert town.assume(session, role, **bea.proof())  # a code given now is newer than the session


def test_a_session_with_mfa_may_call_iam_and_one_without_may_not(town: Town) -> None:
    cat = Person(town, "cat")
    assert town.iam("GetUser", cat.session())["User"]["UserName"] == "cat"
    plain = Keys.of(town.sts("GetSessionToken", cat.keys)["Credentials"])
    with pytest.raises(Refused) as caught:
        town.iam("GetUser", plain)
    assert caught.value.code == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("operator", "by_key", "plain", "with_mfa", "role"),
    [("Bool", True, False, True, False), ("BoolIfExists", False, False, True, False)],
    ids=["Bool-absent-passes-a-deny", "BoolIfExists-denies-keys-too"],
)
def test_the_truth_table_of_a_deny(town: Town, operator: str, by_key: bool, plain: bool, with_mfa: bool, role: bool) -> None:
    """`Deny … {operator: {aws:MultiFactorAuthPresent: false}}`: whether each kind of caller may (fact sheet A §3.5)."""
    without = {operator: {"aws:MultiFactorAuthPresent": "false"}}
    guard = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*", "Condition": without}
    name = operator.lower()
    dan = Person(town, f"dan-{name}", policy(allow("*"), guard))
    target = town.role(f"target-{name}")
    middle = town.role(f"middle-{name}", document=policy(allow("*"), guard))
    own = Keys.of(town.sts("GetSessionToken", dan.keys)["Credentials"])
    strong = dan.session()
    through = town.session(town.operator, middle)
    for keys, may in ((dan.keys, by_key), (own, plain), (strong, with_mfa), (through, role)):
        if may:
            assert town.assume(keys, target)
        else:
            denied(lambda keys=keys: town.assume(keys, target), "User: ")


def test_a_role_session_carries_no_mfa(town: Town) -> None:
    eva, role = Person(town, "eva"), town.role("plain-role")
    target = needs_mfa(town, "behind", PRESENT)
    through = town.session(eva.keys, role, **eva.proof())
    denied(lambda: town.assume(through, target), "User: ")
    town.it.pass_time(seconds=STEP)
    denied(lambda: town.assume(through, target, **eva.proof()), UNKNOWN)  # nor has it a device


@pytest.mark.parametrize("operation", ["GetSessionToken", "AssumeRole"])
def test_H16_a_code_is_taken_once_on_whatever_way(town: Town, operation: str) -> None:
    name = f"fay-{operation.lower()}"
    fay, role = Person(town, name), town.role(name)
    ways = {
        "GetSessionToken": lambda **proof: town.sts("GetSessionToken", fay.keys, **proof),
        "AssumeRole": lambda **proof: town.assume(fay.keys, role, **proof),
    }
    used = fay.proof()
    assert ways[operation](**used)
    for way in ways.values():
        denied(lambda way=way: way(**used), INVALID)
    town.it.pass_time(seconds=STEP)
    denied(lambda: ways[operation](**used), INVALID)  # still in the window, and used
    assert ways[operation](**fay.proof())
    denied(lambda: ways[operation](**fay.proof(-1)), INVALID)  # an older one that never was
    synced = {"UserName": name, "SerialNumber": fay.device.serial, **fay.device.pair(town.it.now)}
    with pytest.raises(Refused, match="InvalidAuthenticationCode"):
        town.iam("ResyncMFADevice", **synced)


def test_a_code_survives_a_restart_as_used(town: Town) -> None:
    guy = Person(town, "guy")
    used = guy.proof()
    assert town.sts("GetSessionToken", guy.keys, **used)
    town.it.store._load(town.it.now)  # the snapshot from the database, as a start makes it
    denied(lambda: town.sts("GetSessionToken", guy.keys, **used), INVALID)


def test_a_call_that_is_denied_uses_up_no_code(town: Town) -> None:
    hal, role = Person(town, "hal", policy(allow("sts:AssumeRole", resource="arn:aws:iam::*:role/other"))), town.role("hals")
    over_tls = {"Bool": {"aws:SecureTransport": "true"}}
    closed = town.role("closed", trust({"AWS": f"arn:aws:iam::{town.account}:user/hal"}, Condition=over_tls))
    proof = hal.proof()
    denied(lambda: town.assume(hal.keys, closed, **proof), "User: ")
    denied(lambda: town.assume(hal.keys, role, **proof), "User: ")
    assert town.sts("GetSessionToken", hal.keys, **proof)


@pytest.mark.parametrize("steps", [-2, 2, 3, 100])
def test_M28_the_servers_clock_alone_counts(town: Town, steps: int) -> None:
    ivy = Person(town, f"ivy{steps}".replace("-", "m"))
    denied(lambda: town.sts("GetSessionToken", ivy.keys, **ivy.proof(steps)), INVALID)


def test_both_or_none(town: Town) -> None:
    jan, role = Person(town, "jan"), town.role("jans")
    for part in ("SerialNumber", "TokenCode"):
        only = {part: jan.proof()[part]}
        denied(lambda only=only: town.sts("GetSessionToken", jan.keys, **only), BOTH)
        denied(lambda only=only: town.assume(jan.keys, role, **only), BOTH)


def test_another_users_device_is_as_unknown_as_none(town: Town) -> None:
    kim, leo = Person(town, "kim"), Person(town, "leo")
    spare = Authenticator(town.iam("CreateVirtualMFADevice", VirtualMFADeviceName="spare"))
    nowhere = {"SerialNumber": kim.device.serial + "x", "TokenCode": "123456"}
    texts = {
        denied(lambda proof=proof: town.sts("GetSessionToken", kim.keys, **proof), UNKNOWN).message
        for proof in (leo.proof(), spare.proof(town.it.now), nowhere, {"SerialNumber": "GAHT12345678", "TokenCode": "123456"})
    }
    assert len(texts) == 1
    assert town.sts("GetSessionToken", leo.keys, **leo.proof())


def test_a_deactivated_device_proves_nothing(town: Town) -> None:
    mia = Person(town, "mia")
    town.iam("DeactivateMFADevice", UserName="mia", SerialNumber=mia.device.serial)
    denied(lambda: town.sts("GetSessionToken", mia.keys, **mia.proof()), UNKNOWN)


def test_H16_guessing_is_slowed_for_the_device_and_for_nobody_else(town: Town) -> None:
    ned, ola = Person(town, "ned"), Person(town, "ola")
    right = ned.proof()
    wrong = [code for code in (f"{number:06d}" for number in range(20)) if code != right["TokenCode"]][: int(GUESS_BURST)]
    for code in wrong:
        denied(lambda code=code: town.sts("GetSessionToken", ned.keys, **(right | {"TokenCode": code})), INVALID)
    with pytest.raises(Refused) as caught:
        town.sts("GetSessionToken", ned.keys, **right)
    assert caught.value.code == "Throttling"
    assert town.sts("GetSessionToken", ned.keys)  # without a code the user goes on
    assert town.sts("GetSessionToken", ola.keys, **ola.proof())
    town.it.pass_time(seconds=1 / GUESS_RATE)
    assert town.sts("GetSessionToken", ned.keys, **ned.proof())


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", " 12345", "１２３４５６"])
def test_a_code_that_is_none_is_refused_by_the_model(town: Town, code: str) -> None:
    with pytest.raises(Refused, match="ValidationError"):
        town.sts("GetSessionToken", town.operator, SerialNumber="arn:aws:iam::123456789012:mfa/x", TokenCode=code)


def test_neither_seed_nor_code_is_in_the_ledger(town: Town) -> None:
    pia = Person(town, "pia")
    proof = pia.proof()
    assert town.sts("GetSessionToken", pia.keys, **proof)
    lines = b"".join(path.read_bytes() for path in (town.it.directory / "ledger").rglob("*") if path.is_file())
    assert pia.device.serial.encode() in lines
    assert pia.device.seed.encode() not in lines and f'"{proof["TokenCode"]}"'.encode() not in lines
    database = b"".join(path.read_bytes() for path in town.it.directory.glob("daypass.db*"))
    assert pia.device.seed.encode() not in database
