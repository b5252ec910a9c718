"""A large installation in a data directory: so many roles over 100 accounts, so many live sessions, written as the store writes.

The server has made the directory and is not running. Sends no request.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.presign import Keys
from daypass import passes
from daypass.store import Changes, Store, open_store
from daypass.store.keys import root_key
from daypass.store.records import Account, ManagedPolicy, PolicyVersion, Record, Role
from daypass.values import ids
from daypass.values.session import Origin, Session

ACCOUNTS = 100
BATCH = 5000
DAY = 86400
VICTIMS = 60  # sessions with children, to be ended one after the other
CHILDREN = 3
UNIQUE_TRUST = 50  # one role in so many has a trust policy like no other
_HUB_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"


@dataclass(slots=True)
class Crowd:
    """Who is there. `sessions` are of roles that may look at and tag their own role, whose names are `names`, place by place."""

    hub: Keys
    roles: list[str] = field(default_factory=list)
    sessions: list[Keys] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    victims: list[str] = field(default_factory=list)
    seconds: float = 0.0


def fill(database: Path | str, key_file: Path, node: str, roles: int, sessions: int) -> Crowd:
    """Make the records and the passes, and give what clients need."""
    begun = time.perf_counter()
    now = datetime.now(UTC).replace(microsecond=0)
    store = open_store(database, root_key(key_file), now, alone=True, node=node)
    try:
        organization = store.own_organization()
        if organization is None:
            raise RuntimeError("the server has not made this installation")
        hub = _role(organization.account, "hub", now, _trust(organization.account, 0), (_HUB_POLICY,), {})
        accounts = [str(200_000_000_000 + number) for number in range(ACCOUNTS)]
        _write(store, [hub, *_accounts(accounts, organization.root_id, now)])
        made: list[Role] = []
        for some in _batches(organization.account, accounts, roles, now):
            _write(store, some)
            made.extend(some)
        crowd = Crowd(_keys(_mint(store, hub, "hub", now)), [role.arn for role in made])
        _sessions(store, crowd, made, hub, sessions, now)
    finally:
        store.close()
    crowd.seconds = time.perf_counter() - begun
    return crowd


def _batches(hub: str, accounts: Sequence[str], count: int, now: datetime) -> Iterator[list[Role]]:
    """The roles in batches: every account in turn."""
    for start in range(0, count, BATCH):
        yield [_one_of_many(hub, accounts[number % len(accounts)], number, now) for number in range(start, min(start + BATCH, count))]


def _one_of_many(hub: str, account: str, number: int, now: datetime) -> Role:
    """Two policies attached, one of its own inline, tags, a trust policy that has one of a handful of shapes or is its own."""
    name = f"team-{number % 37}-worker-{number:06d}"
    allow = {"Effect": "Allow"}
    inline = _document(
        [
            allow | {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::bucket-{number}/${{aws:username}}/*"},
            allow | {"Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:*:{account}:queue-{number}"},
        ]
    )
    tags = (("team", f"team-{number % 37}"), ("stage", ("dev", "test", "prod")[number % 3]), ("ticket", f"T-{number:06d}"))
    attached = (f"arn:aws:iam::{account}:policy/everyday", "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess")
    return _role(account, name, now, _trust(hub, number), attached, {"own": inline}, tags)


def _role(
    account: str, name: str, now: datetime, trust: str, policies: tuple[str, ...], inline: dict[str, str], tags: tuple[Any, ...] = ()
) -> Role:
    id = ids.unique_id(ids.ROLE, os.urandom(11))
    return Role(id=id, account=account, created=now, name=name, trust=trust, policies=policies, inline=inline, tags=tags, max_session=43200)


def _trust(hub: str, number: int) -> str:
    """Whom a role trusts: the hub's account always, else one of five shapes, or something of its own."""
    shapes: list[dict[str, Any]] = [
        {"Principal": {"Service": "ec2.amazonaws.com"}},
        {"Principal": {"Service": ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"]}},
        {"Principal": {"AWS": f"arn:aws:iam::{hub}:root"}, "Condition": {"StringEquals": {"sts:ExternalId": "acme"}}},
        {"Principal": {"AWS": "*"}, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}},
        {"Principal": {"AWS": f"arn:aws:iam::{hub}:root"}, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
    ]
    own = {"Principal": {"AWS": f"arn:aws:iam::{hub}:root"}, "Condition": {"StringEquals": {"sts:ExternalId": f"customer-{number}"}}}
    second = own if number % UNIQUE_TRUST == 7 else shapes[number % len(shapes)]
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    return _document([statement | {"Principal": {"AWS": f"arn:aws:iam::{hub}:root"}}, statement | second])


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _accounts(numbers: Sequence[str], parent: str, now: datetime) -> Iterator[Record]:
    everyday = _document([{"Effect": "Allow", "Action": ["iam:Get*", "iam:List*", "iam:TagRole", "sts:*"], "Resource": "*"}])
    for number in numbers:
        yield Account(id=number, account=number, created=now, name=f"account {number}", email=f"{number}@example.com", parent=parent)
        version = PolicyVersion(id="v1", document=everyday, created=now)
        yield ManagedPolicy(
            id=ids.unique_id(ids.MANAGED_POLICY, os.urandom(11)),
            account=number,
            created=now,
            name="everyday",
            versions=(version,),
            default="v1",
            next_version=2,
            updated=now,
        )


def _write(store: Store, records: Iterable[Record]) -> None:
    changes = Changes()
    for record in records:
        changes.put(record)
    store.write(changes)


# -- passes


def _sessions(store: Store, crowd: Crowd, roles: Sequence[Role], hub: Role, count: int, now: datetime) -> None:
    made: list[Session] = []
    for number in range(count):
        role = roles[number * max(len(roles) // count, 1) % len(roles)]
        minted = _mint(store, role, f"job-{number:06d}", now - timedelta(seconds=number % 3600))
        made.append(minted.session)
        crowd.sessions.append(_keys(minted))
        crowd.names.append(role.name)
    for number in range(VICTIMS):
        parent = _mint(store, hub, f"victim-{number}", now).session
        crowd.victims.append(parent.id.hex())
        made.append(parent)
        made.extend(_mint(store, roles[0], f"child-{number}-{child}", now, parent).session for child in range(CHILDREN))
    for start in range(0, len(made), BATCH):
        store.record_passes(made[start : start + BATCH])


def _mint(store: Store, role: Role, name: str, now: datetime, parent: Session | None = None) -> passes.Pass:
    """A pass as the server makes it. It was minted by nobody's request, so no ledger has its line."""
    return passes.mint(
        kind="role",
        account=role.account,
        principal_id=role.id,
        name=name,
        now=now,
        duration=3600 if parent else DAY // 2,
        origin=Origin("sigv4", "ASIABENCH"),
        random=os.urandom(passes.RANDOM_BYTES),
        key=store.snapshot.active_seal_key,
        parent=parent,
    )


def _keys(made: passes.Pass) -> Keys:
    return Keys(made.session.key_id, made.secret.reveal().decode(), made.token.reveal().decode())
