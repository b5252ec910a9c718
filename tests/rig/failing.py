"""Has the k-th call of a store to its database fail, as the database itself would say it. Does not know what the calls are for."""

from __future__ import annotations

import sqlite3
from typing import Any, Literal

import psycopg
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


AT_COMMIT, DISARMED = -1_000_000, -1
Broken = Literal["40001", "40P01", "57014", "cut", "answer lost"]


class FailingPostgres:
    """The same of a PostgreSQL: in the place of the k-th statement or commit the server raises an error of that SQLSTATE, or the connection
    is cut before it, or behind it."""

    def __init__(self, engine: Engine) -> None:
        self._left = DISARMED
        self._how: Broken = "cut"
        self.calls: list[str] = []  # the first word of each since `at`
        event.listen(engine, "do_execute", self._execute)
        event.listen(engine, "do_executemany", self._executemany)
        self._commit = engine.dialect.do_commit
        engine.dialect.do_commit = self._do_commit  # type: ignore[method-assign]  # there is no event for it

    def at(self, call: int, how: Broken = "cut") -> None:
        """Arm it; 0 counts only, and AT_COMMIT is the commit of the first change, whatever its number."""
        self._left, self._how, self.calls = call or DISARMED, how, []

    def disarm(self) -> bool:
        """No failure any more; says whether it came to one."""
        came, self._left = self._left == 0, DISARMED
        return came

    def _execute(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        return self._call(cursor.connection, statement, lambda: cursor.execute(statement, parameters))

    def _executemany(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        return self._call(cursor.connection, statement, lambda: cursor.executemany(statement, parameters))

    def _do_commit(self, connection: Any) -> None:
        if not self._call(connection, "COMMIT", connection.commit):
            self._commit(connection)

    def _call(self, connection: Any, statement: str, work: Any) -> bool:
        self.calls.append(statement.split(None, 1)[0])
        if self._left == AT_COMMIT:
            self._left = 0 if statement == "COMMIT" and "INSERT" in self.calls else AT_COMMIT
        else:
            self._left -= 1
        if self._left != 0:
            return False
        if self._how == "cut":
            connection.pgconn.finish()
        elif self._how == "answer lost":
            work()
            connection.pgconn.finish()
            raise psycopg.OperationalError("for this test")
        else:
            try:
                connection.execute(f"DO $$ BEGIN RAISE EXCEPTION 'for this test' USING ERRCODE = '{self._how}'; END $$")
            except psycopg.Error:
                if statement == "COMMIT":
                    connection.rollback()  # one that fails ends the transaction all the same
                raise
        work()
        raise AssertionError("a cut connection works")
