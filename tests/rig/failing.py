"""Has the k-th call of a store to its SQLite database fail, as SQLite itself would say it. Does not know what the calls are for."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Engine, event


class FailingDatabase:
    """Between SQLAlchemy and the driver: `at(k, name)` has the k-th statement or commit from now on raise that error, once."""

    def __init__(self, engine: Engine) -> None:
        self._left = 0
        self._name = ""
        self.calls = 0
        event.listen(engine, "do_execute", self._execute)
        event.listen(engine, "do_executemany", self._execute)
        commit = engine.dialect.do_commit
        engine.dialect.do_commit = lambda connection: self._count() or commit(connection)  # type: ignore[method-assign]  # no event is in its try

    def at(self, call: int, name: str) -> None:
        """Arm it."""
        self._left, self._name, self.calls = call, name, 0

    def disarm(self) -> bool:
        """No failure any more; says whether it came to one."""
        came, self._left = self._left == 0, -1
        return came

    def _execute(self, *_: Any) -> None:
        self._count()

    def _count(self) -> None:
        if self._left > 0:
            self.calls += 1
            self._left -= 1
            if self._left == 0:
                error = sqlite3.OperationalError(f"{self._name}, for this test")
                error.sqlite_errorname = self._name
                raise error
