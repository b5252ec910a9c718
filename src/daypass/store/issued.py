"""Which passes were made: the table behind `daypass sessions`. Holds nothing that a pass could be used or made with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy import Connection, Row, Select, delete, func, select, tuple_

from daypass.store.engine import insert_or_ignore, plain
from daypass.store.tables import passes
from daypass.values.session import Ancestor, Origin, Session, SessionKind

MAX_PAGE = 1000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Ancestor, ...]).decode


class IssuedPass(NamedTuple):
    """A pass as it was issued. `session` has its lineage but not what narrowed it (policies and tags stand in the token alone);
    `principal_arn` is the ARN that its principal had then."""

    session: Session
    principal_arn: str


class Filter(NamedTuple):
    """What to look for; what is None does not count. `live_at` leaves out what is expired then; times are UTC."""

    live_at: datetime | None = None
    session_id: bytes | None = None
    parent: bytes | None = None
    root: bytes | None = None
    account: str | None = None
    principal_id: str | None = None
    key_id: str | None = None
    issuer: str | None = None
    subject: str | None = None
    source_key: str | None = None


ALL = Filter()


def record_passes(connection: Connection, sessions: Iterable[Session], arn_of: Callable[[str], str]) -> None:
    """Note `sessions`; one that is noted already stays as it is. `arn_of` gives the ARN of a principal's unique id, or ""."""
    rows = [_row(session, arn_of(session.principal_id)) for session in sessions]
    if rows:
        insert_or_ignore(connection, passes, rows)


def find_passes(
    connection: Connection, wanted: Filter, *, limit: int = MAX_PAGE, after: tuple[int, bytes] | None = None
) -> list[IssuedPass]:
    """The newest `limit` passes first; `after` is (issued, id) of the last one of the page before."""
    query = _filtered(select(passes), wanted)
    if after is not None:
        query = query.where(tuple_(passes.c.issued, passes.c.session_id) < tuple_(*after))
    query = query.order_by(passes.c.issued.desc(), passes.c.session_id.desc()).limit(min(limit, MAX_PAGE))
    return [_issued(row) for row in connection.execute(query)]


def find_descendants(connection: Connection, session_id: bytes) -> list[IssuedPass]:
    """Everything that descends from a session, parents before children."""
    below = select(passes.c.session_id).where(passes.c.parent == session_id).cte("below", recursive=True)
    below = below.union(select(passes.c.session_id).join(below, passes.c.parent == below.c.session_id))
    query = select(passes).where(passes.c.session_id.in_(select(below.c.session_id)))
    return [_issued(row) for row in connection.execute(query.order_by(passes.c.depth, passes.c.issued, passes.c.session_id))]


def count_passes(connection: Connection, wanted: Filter) -> int:
    """How many passes fit."""
    number: int = connection.execute(_filtered(select(func.count()).select_from(passes), wanted)).scalar_one()
    return number


def live_between(connection: Connection, now: datetime, first: datetime, last: datetime | None) -> tuple[int, datetime | None]:
    """Of the passes that were issued from `first` to `last` (None: until now): how many are not expired, and when the last of them is."""
    query = select(func.count(), func.max(passes.c.expires)).where(passes.c.expires > int(now.timestamp()))
    query = query.where(passes.c.issued >= int(first.timestamp()))
    if last is not None:
        query = query.where(passes.c.issued <= int(last.timestamp()))
    number, expires = connection.execute(query).one()
    return number, None if expires is None else datetime.fromtimestamp(expires, UTC)


def collect_passes(connection: Connection, now: datetime) -> int:
    """Forget what is expired. A child never outlives its parent, so no lineage is broken."""
    return connection.execute(delete(passes).where(passes.c.expires <= int(now.timestamp()))).rowcount


def _filtered(query: Select[Any], wanted: Filter) -> Select[Any]:
    columns = {
        passes.c.session_id: wanted.session_id,
        passes.c.parent: wanted.parent,
        passes.c.root: wanted.root,
        passes.c.account: wanted.account,
        passes.c.principal_id: wanted.principal_id,
        passes.c.key_id: wanted.key_id,
        passes.c.origin_issuer: wanted.issuer,
        passes.c.origin_subject: wanted.subject,
        passes.c.source_key: wanted.source_key,
    }
    if wanted.live_at is not None:
        query = query.where(passes.c.expires > int(wanted.live_at.timestamp()))
    return query.where(*(column == value for column, value in columns.items() if value is not None))


def _row(session: Session, arn: str) -> tuple[Any, ...]:
    """A row in the order of the table's columns: bound as it is, since one is made for every pass."""
    ancestors: Sequence[Ancestor] = session.ancestors
    return (
        session.id, ancestors[-1].id if ancestors else None, ancestors[0].id if ancestors else session.id, session.account,
        session.principal_id, arn, session.kind, session.name, session.key_id, session.issued, session.expires, *map(plain, session.origin),
        session.source_identity, session.source_key, len(ancestors), _encode(ancestors),
    )  # fmt: skip


def _issued(row: Row[Any]) -> IssuedPass:
    session = Session(
        id=row.session_id,
        key_id=row.key_id,
        kind=cast(SessionKind, row.kind),
        account=row.account,
        principal_id=row.principal_id,
        name=row.name,
        issued=row.issued,
        expires=row.expires,
        origin=Origin(row.origin_kind, row.origin_issuer, row.origin_subject, row.origin_audience, row.origin_token_id),
        source_identity=row.source_identity,
        ancestors=_decode(row.ancestors),
        source_key=row.source_key,
    )
    return IssuedPass(session, row.principal_arn)
