"""Rows: a record as it stands in its table, and back. Does not read or write tables (store.py does).

A secret stands in no row but sealed and bound to that row; everything else of a record is JSON that an operator can read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from daypass import passes
from daypass.passes import identity_token
from daypass.store.holdings import TokenIssuer
from daypass.store.keys import Envelope, Unsealable
from daypass.store.records import AccessKey, Account, Record, Revocation, SealKey, UsedToken
from daypass.store.tables import TABLES, Row
from daypass.values.folding import fold
from daypass.values.secret import Secret

UNREADABLE = "unreadable"  # the name of an account whose row is damaged
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
_SESSION_ID = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_SECRETS: Mapping[type[Record], tuple[str, ...]] = {
    kind: tuple(field.name for field in msgspec.structs.fields(kind) if field.type is Secret) for kind in TABLES
}
# Whose whole row is bound to what is sealed in it: another state of a seal key would end nothing, or seal again; with another public key,
# or another's name, somebody else would speak as the issuer.
_BOUND = frozenset({SealKey, TokenIssuer})
_BODY = ""  # beside the secrets by their names: the digest of what else stands in the row
_DECODERS: Mapping[type[Record], msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in TABLES if not _SECRETS[kind]}


class Unreadable(Exception):
    """A row that is damaged or was tampered with: `table` and `id` name it, `why` says what is wrong."""

    def __init__(self, table: str, id: str, why: str) -> None:
        super().__init__(f"{table} {id}: {why}")
        self.table = table
        self.id = id
        self.why = why


def row_of(record: Record, envelope: Envelope) -> dict[str, Any]:
    """The row of `record`. Raises ValueError for a record that the snapshot could not take in."""
    _verify_sound(record)
    kind = type(record)
    fields = msgspec.structs.asdict(record)
    secrets: dict[str, bytes] = {name: fields.pop(name).reveal() for name in _SECRETS[kind]}
    name = fields.get("name")
    row: dict[str, Any] = {
        "id": record.id,
        "account": record.account,
        "unique_name": None if name is None else fold(name),
        "body": msgspec.json.encode(fields),
    }
    if kind in _BOUND:
        secrets[_BODY] = hashlib.sha256(row["body"]).digest()
    if secrets:
        row["sealed"] = envelope.seal(msgspec.msgpack.encode(secrets), TABLES[kind].name, record.account, record.id)
    if isinstance(record, AccessKey):
        row.update(user_id=record.user_id, slot=record.slot)
    return row


def read_row(kind: type[Record], row: Row, envelope: Envelope) -> Record:
    """The record in `row`. Raises Unreadable unless all of it fits together (attack row H72, fault F-21)."""
    table = TABLES[kind].name
    try:
        record: Record
        if _SECRETS[kind]:
            secrets = msgspec.msgpack.decode(envelope.open(row["sealed"], table, row["account"], row["id"]), type=dict[str, bytes])
            digest = secrets.pop(_BODY, None)
            fields = msgspec.json.decode(row["body"], type=dict[str, Any])
            record = msgspec.convert(fields | {name: Secret(value) for name, value in secrets.items()}, kind)
            if kind in _BOUND:
                _verify_bound(record, row["body"], digest)
        else:
            record = _DECODERS[kind].decode(row["body"])
        _verify_sound(record)
    except (msgspec.DecodeError, Unsealable, ValueError, TypeError) as error:
        raise Unreadable(table, row["id"], str(error)) from None
    name = getattr(record, "name", None)
    # INVARIANT: what the database keeps unique is what the snapshot goes by.
    if (record.id, record.account, None if name is None else fold(name)) != (row["id"], row["account"], row["unique_name"]):
        raise Unreadable(table, row["id"], "the row's columns do not belong to its body")
    if isinstance(record, AccessKey) and (record.user_id, record.slot) != (row["user_id"], row["slot"]):
        raise Unreadable(table, row["id"], "the row's columns do not belong to its body")
    return record


def stand_in(kind: type[Record], row: Row, now: datetime) -> Record | None:
    """What takes the place of an unreadable row whose absence would allow something: never default-allow (fault F-21).

    For an order to end passes: one that ends all passes of its account issued up to `now`. For the mark of a used token: the mark itself,
    which is its id. For an account: a closed one. For other kinds nothing: what is not there allows nothing, and what refers to it denies
    (layers.py, guards.py).
    """
    if kind is Revocation:
        return Revocation(id=row["id"], account=row["account"], created=now, scope="issued-before", value="", before=now, until=FOREVER)
    if kind is UsedToken:
        return UsedToken(id=row["id"], account=row["account"], created=now, until=FOREVER)
    if kind is Account:
        return Account(id=row["id"], account=row["account"], created=now, name=UNREADABLE, email="", status="SUSPENDED", closed=now)
    return None


def _verify_bound(record: Record, body: bytes, digest: bytes | None) -> None:
    """Raises ValueError unless `body` is what it was when its secrets were sealed (attack row H72).

    Before schema 0002 it was not bound, and a seal key was active all its life: such a row is read as an active one alone. An issuer's was
    not bound until later: such a row has to publish the very keys that it signs with.
    """
    if digest is None and isinstance(record, SealKey) and record.state == "active":
        return
    if digest is None and isinstance(record, TokenIssuer) and _publishes_its_own(record):
        return
    if digest != hashlib.sha256(body).digest():
        raise ValueError("altered beside what is sealed")


def _publishes_its_own(issuer: TokenIssuer) -> bool:
    own = identity_token.key_set(issuer.rsa, issuer.ec)
    return bool(msgspec.json.decode(issuer.keys) == msgspec.json.decode(own))


def _verify_sound(record: Record) -> None:
    """Raises ValueError for what the types let through and the snapshot could not take in."""
    if isinstance(record, Revocation) and record.scope in ("session", "subtree") and _SESSION_ID.fullmatch(record.value) is None:
        raise ValueError("a session id is 32 hex characters")
    if isinstance(record, SealKey):
        passes.SealKeyValue(record.id, record.secret, record.state)
