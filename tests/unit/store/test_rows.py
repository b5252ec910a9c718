"""Rows: secrets are sealed into their row, and a row that does not fit together is not believed (H72, F-21)."""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec
import pytest

from conformance.holdings import HOLDINGS, saml_key, service_credential
from conformance.samples import (
    HERE,
    NOW,
    THERE,
    access_report,
    account,
    account_settings,
    device,
    group,
    guard,
    handshake,
    key,
    login,
    managed,
    order,
    organization,
    profile,
    provider,
    report,
    role,
    seal_key,
    unit,
    used,
    user,
)
from daypass.passes import identity_token
from daypass.store.holdings import Owned, TokenIssuer
from daypass.store.keys import Envelope
from daypass.store.keys.issuer import make_issuer_keys
from daypass.store.records import AccessKey, Account, Principal, Record, Revocation, SealKey, Target, UsedToken, User
from daypass.store.rows import FOREVER, Unreadable, read_row, row_of, stand_in
from daypass.store.tables import TABLES, Row

ENVELOPE = Envelope("aa", {"00000001": bytes(32)}, "00000001")
SAMPLES: list[Record] = [
    account(), organization(), unit(), guard(), handshake(), user(groups=("AGPA1",), tags=(("K", "v"),)),
    group(inline={"p": "{}"}), role(trusted={"arn": "AIDA"}), managed(), key(), profile(1, role()), provider(), used(),
    order("principal", "AIDA"), seal_key(), login(last_used=NOW), device(1, user()), account_settings(alias="acme"), report(),
    access_report(1, user()), *HOLDINGS,
]  # fmt: skip


def _row(record: Record, **changes: Any) -> Row:
    return cast(Row, row_of(record, ENVELOPE) | changes)


def test_every_kind_has_a_table_and_a_sample() -> None:
    shared = {Principal, Target, Owned}
    kinds = {kind for base in (Record, *shared) for kind in base.__subclasses__()} - shared
    assert set(TABLES) == kinds == {type(sample) for sample in SAMPLES}


@pytest.mark.parametrize("record", SAMPLES, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    row = _row(record)
    assert set(row) == set(TABLES[type(record)].columns.keys())
    assert read_row(type(record), row, ENVELOPE) == record


def test_a_body_is_json_without_the_secret() -> None:
    body = json.loads(_row(key(secret="canary-canary-canary"))["body"])
    assert body["slot"] == 1
    assert "secret" not in body
    assert b"canary" not in b"".join(str(value).encode("latin-1", "replace") for value in _row(key(secret="canary-canary")).values())


def test_the_unique_name_is_folded_in_ascii_only() -> None:
    assert _row(user(name="\u212aIM"))["unique_name"] == "\u212aim"
    assert _row(key())["unique_name"] is None


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (user(), {"id": user(2).id}),
        (user(), {"account": THERE}),
        (user(), {"unique_name": "another"}),
        (user(), {"body": b"{}"}),
        (user(), {"body": b"\xff"}),
        (user(), {"body": row_of(role(), ENVELOPE)["body"][:-1]}),
        (key(), {"account": THERE}),
        (key(), {"user_id": user(2).id}),
        (key(), {"slot": 2}),
        (key(), {"sealed": row_of(key(2), ENVELOPE)["sealed"]}),
        (key(), {"sealed": b""}),
        (saml_key(), {"sealed": row_of(saml_key(2), ENVELOPE)["sealed"]}),
        (service_credential(), {"account": THERE}),
        (key(), {"body": row_of(key(2), ENVELOPE)["body"]}),
        (order("session", "00" * 16), {"body": row_of(order("session", "00" * 16), ENVELOPE)["body"].replace(b'"00', b'"xx')}),
    ],
)
def test_h72_a_row_that_does_not_fit_together_is_unreadable(record: Record, changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as damage:
        read_row(type(record), _row(record, **changes), ENVELOPE)
    assert damage.value.table == TABLES[type(record)].name
    assert damage.value.why


def _issuer(n: int) -> TokenIssuer:
    rsa, ec = make_issuer_keys()
    name = f"00000000-0000-4000-8000-{n:012d}"
    return TokenIssuer(id=HERE, account=HERE, created=NOW, issuer=name, keys=identity_token.key_set(rsa, ec), rsa=rsa, ec=ec)


@pytest.fixture(scope="module")
def issuers() -> tuple[TokenIssuer, TokenIssuer]:
    """Two of one account, of which one writes into the other's row what it can without the root key."""
    return _issuer(1), _issuer(2)


@pytest.mark.parametrize("field", ["keys", "issuer", "enabled"])
def test_h72_nobody_else_speaks_as_an_issuer(issuers: tuple[TokenIssuer, TokenIssuer], field: str) -> None:
    ours, theirs = issuers
    assert read_row(TokenIssuer, _row(ours), ENVELOPE) == ours
    other = False if field == "enabled" else getattr(theirs, field)
    forged = json.loads(_row(ours)["body"]) | {field: other}
    with pytest.raises(Unreadable, match="altered"):
        read_row(TokenIssuer, _row(ours, body=json.dumps(forged).encode()), ENVELOPE)


def test_h72_an_issuer_of_before_publishes_the_keys_it_signs_with(issuers: tuple[TokenIssuer, TokenIssuer]) -> None:
    """Its row was not bound yet; it is when it is written the next time."""
    ours, theirs = issuers
    secrets = {"rsa": ours.rsa.reveal(), "ec": ours.ec.reveal()}
    sealed = ENVELOPE.seal(msgspec.msgpack.encode(secrets), "token_issuers", HERE, HERE)
    assert read_row(TokenIssuer, _row(ours, sealed=sealed), ENVELOPE) == ours
    forged = json.loads(_row(ours)["body"]) | {"keys": theirs.keys}
    with pytest.raises(Unreadable, match="altered"):
        read_row(TokenIssuer, _row(ours, sealed=sealed, body=json.dumps(forged).encode()), ENVELOPE)


@pytest.mark.parametrize("record", [order("session", "xyz"), order("subtree", ""), seal_key().__class__(
    id="not hex!", account="", created=NOW, state="active", secret=seal_key().secret)])  # fmt: skip
def test_a_record_that_the_snapshot_could_not_take_is_not_written(record: Record) -> None:
    with pytest.raises(ValueError):
        row_of(record, ENVELOPE)


def test_f21_an_unreadable_order_to_end_ends_all_of_its_account() -> None:
    instead = stand_in(Revocation, _row(order("session", "00" * 16), body=b""), NOW)
    assert isinstance(instead, Revocation)
    assert (instead.scope, instead.account, instead.before, instead.until) == ("issued-before", HERE, NOW, FOREVER)


def test_f21_an_unreadable_mark_of_a_used_token_still_marks_it() -> None:
    instead = stand_in(UsedToken, _row(used(), body=b""), NOW)
    assert isinstance(instead, UsedToken) and instead.id == used().id and instead.until == FOREVER


def test_f21_an_unreadable_account_is_a_closed_one() -> None:
    instead = stand_in(Account, _row(account(parent="r-0001"), body=b""), NOW)
    assert isinstance(instead, Account) and (instead.id, instead.status, instead.parent) == (HERE, "SUSPENDED", "")


@pytest.mark.parametrize("record", [key(), user(), seal_key()])
def test_f21_other_unreadable_rows_are_nothing(record: AccessKey | User | SealKey) -> None:
    assert stand_in(type(record), _row(record, body=b""), NOW) is None
