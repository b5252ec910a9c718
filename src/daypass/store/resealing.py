"""Seal rows again under the active data key, a batch at a time, and count what rests on which. Does not say when (rotation.py does)."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, LargeBinary, bindparam, func, literal, literal_column, select, update

from daypass.store.keys import Envelope, Unsealable
from daypass.store.keys.envelope import KEY_ID_BYTES
from daypass.store.tables import TABLES, settings
from daypass.store.vault import SECRETS

ROWS_AT_ONCE = 200  # in one transaction, which holds up other changes for some 20 ms

# No parameters: what is grouped by has to be seen to be the same.
_FIRST: ColumnElement[int] = literal_column("1")
_LENGTH: ColumnElement[int] = literal_column(str(KEY_ID_BYTES))

log = logging.getLogger(__name__)


class _Place(NamedTuple):
    """Columns that hold what is sealed: which row, whose, and the sealed itself."""

    id: Column[str]
    account: ColumnElement[str]
    sealed: Column[bytes]
    where: ColumnElement[bool]

    @property
    def data_key(self) -> ColumnElement[bytes]:
        """The id of the data key in a row, as bytes."""
        return func.substr(self.sealed, _FIRST, _LENGTH, type_=LargeBinary)


_PLACES = (
    *(_Place(table.c.id, table.c.account, table.c.sealed, literal(True)) for table in TABLES.values() if "sealed" in table.c),
    _Place(settings.c.key, literal(""), settings.c.value, settings.c.key.startswith(SECRETS, autoescape=True)),
)


def count(connection: Connection) -> dict[str, int]:
    """How many rows rest on each data key, by its id."""
    found: Counter[str] = Counter()
    for place in _PLACES:
        for key, rows in connection.execute(select(place.data_key, func.count()).where(place.where).group_by(place.data_key)):
            found[bytes(key).hex()] += rows
    return dict(found)


class Resealing:
    """A way through all that is sealed. Where it was broken off nothing is half done, and a new one finds the rest."""

    def __init__(self) -> None:
        self._under = b""
        self._at = 0
        self._after = ""
        self._told: set[str] = set()

    def batch(self, connection: Connection, envelope: Envelope) -> bool:
        """Seal the next rows again that are not under the active key, in this transaction; says whether there is more to come.

        A row that cannot be opened stays as it is, and with it its key: it may be brought back from a backup.
        """
        if envelope.active != self._under:  # what was passed by is to be sealed again as well
            self._under, self._at, self._after = envelope.active, 0, ""
        place = _PLACES[self._at]
        query = select(place.id, place.account, place.sealed).where(place.where, place.id > self._after, place.data_key != envelope.active)
        rows = connection.execute(query.order_by(place.id).limit(ROWS_AT_ONCE)).all()
        again = [new for row in rows if (new := self._again(place, envelope, *row)) is not None]
        if again:
            statement = update(place.id.table).where(place.id == bindparam("row")).values({place.sealed: bindparam("new")})
            connection.execute(statement, again)
        if len(rows) == ROWS_AT_ONCE:
            self._after = rows[-1][0]
            return True
        self._at, self._after = (self._at + 1) % len(_PLACES), ""
        return self._at != 0

    def _again(self, place: _Place, envelope: Envelope, id: str, account: str, sealed: bytes) -> dict[str, Any] | None:
        table = place.id.table.name
        try:
            return {"row": id, "new": envelope.seal(envelope.open(sealed, table, account, id), table, account, id)}
        except Unsealable as error:
            if id not in self._told:
                self._told.add(id)
                log.error("a row cannot be sealed again", extra={"table": table, "id": id, "error": str(error)})
            return None
