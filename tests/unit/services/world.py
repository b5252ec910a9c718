"""A small world for the services: the real snapshot in memory, and operations called as the way calls them, without wire and proof."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import daypass.services.iam
import daypass.services.organizations  # noqa: F401 - offers the operations
from daypass.policy.rails import DEFAULTS, Settings
from daypass.services.daypass.first_start import first_records
from daypass.store import Changes, Snapshot
from daypass.store.records import Account, Organization, Record
from daypass.values.arn import root_arn
from daypass.values.caller import Caller
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.way.context import Rules
from daypass.way.operation import OPERATIONS, Open
from daypass.way.throttle import Throttle, guesses

START = datetime(2026, 1, 1, tzinfo=UTC)
ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
OTHER = "999999999999"


def trust(*principals: str, kind: str = "AWS", action: str = "sts:AssumeRole") -> str:
    """A trust policy for these principals."""
    statement = {"Effect": "Allow", "Principal": {kind: list(principals)}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class World:
    """The state, the clock, and who is calling: the root of the management account unless told otherwise."""

    store: Snapshot = field(default_factory=Snapshot)
    now: datetime = START
    drawn: int = 0
    rails: Settings = field(default_factory=lambda: DEFAULTS)
    guesses: Throttle = field(default_factory=guesses)
    caller: Caller = field(init=False)

    def __post_init__(self) -> None:
        self.commit(first_records(self.now, self.random))
        organization = self.organization
        self.account = organization.account
        other = Account(id=OTHER, account=OTHER, created=self.now, name="other", email="other@example.org", parent=organization.root_id)
        self.commit_record(other)
        self.caller = self.root(self.account)

    @property
    def organization(self) -> Organization:
        """The one that the first start made."""
        return min(self.store.organizations, key=lambda one: (one.created, one.id))

    def random(self, count: int) -> bytes:
        """Bytes that never repeat."""
        self.drawn += 1
        return (b"%012d" % (self.drawn * 7919)).rjust(count, b"r")[-count:]

    def root(self, account: str) -> Caller:
        """The root of an account."""
        arn = root_arn(account)
        return Caller(kind="root", account=account, arn=arn, user_id=account, principal_arn=arn, principal_id=account)

    def user(self, name: str) -> Caller:
        """The user of this name in the management account, by a long-term key."""
        user = self.store.users.named(self.account, name)
        assert user is not None
        return Caller(kind="user", account=user.account, arn=user.arn, user_id=user.id, principal_arn=user.arn, principal_id=user.id)

    def session(self, role_name: str) -> Caller:
        """A session of a role in the management account."""
        role = self.store.roles.named(self.account, role_name)
        assert role is not None
        arn = f"arn:aws:sts::{role.account}:assumed-role/{role.name}/s"
        return Caller(kind="role", account=role.account, arn=arn, user_id=f"{role.id}:s", principal_arn=role.arn, principal_id=role.id)

    def commit_record(self, record: Record) -> None:
        """Store a record."""
        self.store.apply([record], [])

    def commit(self, changes: Changes) -> None:
        """Store what was staged."""
        self.store.apply(changes.records, [(type(record), record.id) for record in changes.deleted])

    def asks(self, name: str, *, by: Caller | None = None, service: str = "iam", **members: Any) -> list[Ask]:
        """What the operation asks for these parameters."""
        operation = OPERATIONS[service, name]
        if isinstance(operation.asks, Open):
            return []
        return list(operation.asks(self._context(by), self._keywords(name, service, members)))

    def call(self, name: str, *, by: Caller | None = None, service: str = "iam", **members: Any) -> dict[str, Any]:
        """Do the operation with members by their AWS names and commit what it stages; its asks are formed, not decided."""
        operation = OPERATIONS[service, name]
        self.asks(name, by=by, service=service, **members)
        ctx = self._context(by)
        output = operation.run(ctx, **self._keywords(name, service, members))
        assert operation.writes or not ctx.changes
        self.commit(ctx.changes)
        self.now += timedelta(seconds=1)
        return dict(output or {})

    def _keywords(self, name: str, service: str, members: dict[str, Any]) -> dict[str, Any]:
        parameters = OPERATIONS[service, name].parameters
        return {parameters[member]: value for member, value in members.items()}

    def _context(self, by: Caller | None) -> Any:
        caller = by or self.caller
        rules = Rules(frozenset(), self.account, rails=self.rails)
        return SimpleNamespace(
            store=self.store,
            now=self.now,
            caller=caller,
            account=caller.account,
            changes=Changes(),
            random=self.random,
            node=SimpleNamespace(rules=rules, guesses=self.guesses, store=SimpleNamespace(reading=nullcontext)),
            elsewhere=lambda work: work(),
            event=SimpleNamespace(warnings=()),
        )


@contextmanager
def refused(code: str, text: str = "") -> Iterator[None]:
    """The block must be refused with this code, and with `text` in its message."""
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.code == code
    assert text in caught.value.message
