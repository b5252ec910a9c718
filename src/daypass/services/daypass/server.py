"""DescribeServer and VerifyDatabase: what this node is, how it fares, and what in its database is damaged, for `daypass doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import daypass
from daypass.store import Store, StoreFailed
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.way.context import Context
from daypass.way.operation import Asks, Output, operation

MAX_PROBLEMS = 100  # shown


def on_account(action: str) -> Asks:
    """Asks for `daypass:<action>` on an account: an account's own principals may be allowed for it, all others are the management
    account's to see."""

    def asks(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
        yield ask_on(ctx, action, given.get("account"))

    return asks


def ask_on(ctx: Context, action: str, account: str | None) -> Ask:
    """The ask for `daypass:<action>` on `account`, or on all of them when it is None."""
    owner = ctx.account if account == ctx.account else ctx.node.rules.management_account
    return Ask(f"daypass:{action}", f"arn:aws:daypass::{account or owner}:{'account' if account else '*'}", owner)


@operation("daypass", asks=on_account("DescribeServer"))
def describe_server(ctx: Context) -> Output:
    """What this node is and how it stands; what its database is and how many sessions live only that knows."""
    node = ctx.node
    known = ctx.elsewhere(lambda: _of_database(node.store, ctx.now))
    return {
        "Version": daypass.__version__,
        "Url": node.rules.url,
        "DataDirectory": node.rules.data_directory,
        "Time": ctx.now,
        "Accounts": len(ctx.store.accounts),
        "FeedAgeSeconds": node.store.feed_age(ctx.now),
        "MaxStalenessSeconds": node.rules.max_staleness,
        "ClockLeadSeconds": node.store.lead,
        "LedgerLines": node.ledger.head.seq,
        "LedgerState": node.ledger.state,
        "ProcessId": node.rules.process_id,
        "Listeners": list(node.rules.listeners),
        **known,
    }


@operation("daypass", asks=on_account("VerifyDatabase"))
def verify_database(ctx: Context) -> Output:
    """Read every page and every row of the database, and name what is damaged; what it holds is not told (fault F-21)."""
    damage = ctx.elsewhere(lambda: _damage_of(ctx.node.store))
    if damage is None:
        raise Refusal("ServiceUnavailable", "The database does not answer.", 503)
    return {"Intact": not damage, "Problems": damage[:MAX_PROBLEMS]}


def _damage_of(store: Store) -> list[str] | None:
    try:
        return store.damage()
    except StoreFailed:
        return None


def _of_database(store: Store, now: datetime) -> dict[str, int | str]:
    try:
        name, used, most = store.describe()
        pool = {"DatabaseConnections": used, "MaxDatabaseConnections": most}
        return {"Database": name, **pool, "LiveSessions": store.count_live_passes(now)}
    except StoreFailed:  # whoever asks wants to know all the more what else there is
        return {}
