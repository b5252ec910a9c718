"""ListGuardRails: how the guard rails of policies are set, and which stored policies they speak against. Changes none of them.

A policy may be older than a setting, or was only warned of when it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from daypass import policy
from daypass.policy import rails
from daypass.services.daypass.server import on_account
from daypass.store.records import Group, Role, User
from daypass.way.context import Context
from daypass.way.operation import Output, operation

MAX_FINDINGS = 1000  # shown; the rest is counted


class _Stored(NamedTuple):
    account: str
    arn: str  # of the user, group, role or managed policy
    name: str  # of an inline policy, "trust policy", or the version in force
    kind: policy.Kind
    text: str


@operation("daypass", asks=on_account("ListGuardRails"))
def list_guard_rails(ctx: Context, *, account: str | None = None) -> Output:
    """The rails, and their findings in the policies of `account`, or of all."""
    accounts = [account] if account else sorted(record.id for record in list(ctx.store.accounts))
    stored = [one for number in accounts for one in _stored(ctx, number)]
    settings = ctx.node.rules.rails
    findings = ctx.elsewhere(lambda: list(_findings(stored, settings)))
    return {
        "Rails": [{"Name": rail.name, "Setting": settings.get(rail.name, rail.default), "About": rail.about} for rail in rails.RAILS],
        "Findings": findings[:MAX_FINDINGS],
        "Omitted": max(0, len(findings) - MAX_FINDINGS),
        "Examined": len(stored),
    }


def _stored(ctx: Context, account: str) -> Iterator[_Stored]:
    store = ctx.store
    for role in store.roles.of(account):
        yield _Stored(account, role.arn, "trust policy", "trust", role.trust)
    holders: list[Role | User | Group] = [*store.roles.of(account), *store.users.of(account), *store.groups.of(account)]
    for holder in holders:
        for name, text in holder.inline.items():
            yield _Stored(account, holder.arn, name, "identity", text)
    for managed in store.policies.of(account):
        yield _Stored(account, managed.arn, managed.default, "identity", managed.document)


def _findings(stored: Iterable[_Stored], settings: rails.Settings) -> Iterator[dict[str, Any]]:
    for one in stored:
        try:
            read = policy.read_policy(one.text, one.kind)
        except policy.PolicyError:
            continue  # it denies everything, and the log says so (store/compiled.py)
        for found in rails.inspect(read.document, one.kind, one.account, settings):
            yield {
                "Account": one.account, "Arn": one.arn, "Policy": one.name, "Statement": found.statement, "Rail": found.rail,
                "Setting": found.setting, "Says": found.says,
            }  # fmt: skip
