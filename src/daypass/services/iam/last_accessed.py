"""When services were last called by what an entity grants: GenerateServiceLastAccessedDetails and the two that show its reports.

The source is the ledger: what this installation served itself, as far back as its lines reach, refused calls included, as AWS counts
them. Services of AWS that daypass does not serve are not listed: nothing is known of them here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from daypass.services.iam import entities
from daypass.services.iam.asks import and_then, on_anything, on_arn
from daypass.services.iam.granting import policies_of, services_of
from daypass.services.iam.listing import PAGE, cut
from daypass.store.ledger import Reader, Wanted, read_line
from daypass.store.people import AccessReport, ActionUse, EntityUse
from daypass.store.records import Group, ManagedPolicy, Role, User
from daypass.values import ids
from daypass.way.operation import OPERATIONS, operation

if TYPE_CHECKING:
    from datetime import datetime

    from daypass.services.iam.asks import Parameters
    from daypass.store.ledger.shapes import Entry
    from daypass.way.context import Context, Node
    from daypass.way.operation import Output

TRACKED = timedelta(days=400)  # IAM User Guide: the tracking period
KEPT = timedelta(days=7)  # IAM API reference: how long a report can be asked for
REPORTS_PER_ACCOUNT = 50  # ours; the oldest goes
ENTITIES_PER_REPORT = 1000  # ours; those that called last; the total counts all
_CHUNK = 1000  # lines of all nodes that are read at once

NAMES = {
    "iam": "AWS Identity and Access Management",
    "sts": "AWS Security Token Service",
    "organizations": "AWS Organizations",
    "daypass": "daypass",
}

Uses = tuple[dict[tuple[str, str], EntityUse], dict[tuple[str, str], ActionUse]]


def _served() -> set[str]:
    return {offered.shape.service.signing_name for offered in OPERATIONS.values()}


def _texts(ctx: Context, entity: User | Group | Role | ManagedPolicy) -> list[str]:
    if isinstance(entity, ManagedPolicy):
        return [entity.document]
    return [held.text for held in policies_of(ctx, entity)]


def _callers(ctx: Context, entity: User | Group | Role | ManagedPolicy) -> frozenset[str]:
    """The unique ids of the users and roles that what was asked for speaks of."""
    holders = entities.attached_to(ctx, entity) if isinstance(entity, ManagedPolicy) else [entity]
    found: set[str] = set()
    for holder in holders:
        found.update((member.id for member in ctx.store.members(holder.id)) if isinstance(holder, Group) else (holder.id,))
    return frozenset(found)


def _entries(node: Node, since: datetime) -> Iterator[Entry]:
    """What was recorded since then: of this node, or of all that share the database, as far as they have shipped their lines."""
    if not node.store.shared:
        yield from (line.entry for line in Reader(node.ledger.directory).read(Wanted(since=since)) if line.entry is not None)
        return
    place = 0
    while chunk := node.store.lines_after(place, _CHUNK, since):
        yield from (entry for arrived in chunk if (entry := read_line(arrived.raw).entry) is not None)
        place = chunk[-1].arrival


def _uses(node: Node, account: str, callers: frozenset[str], since: datetime) -> Uses:
    """The last call of each service by each of `callers`, and of each action by any. Long: not for the loop or the storage thread."""
    by_entity: dict[tuple[str, str], EntityUse] = {}
    by_action: dict[tuple[str, str], ActionUse] = {}
    for entry in _entries(node, since):
        caller = entry.userIdentity.principalId.partition(":")[0]
        if caller not in callers or entry.userIdentity.accountId != account:
            continue
        service = entry.eventSource.partition(".")[0]
        known = by_entity.get((service, caller))
        if known is None or known.at <= entry.eventTime:
            by_entity[service, caller] = EntityUse(service=service, entity_id=caller, at=entry.eventTime, region=entry.awsRegion)
        latest = by_action.get((service, entry.eventName))
        if latest is None or latest.at <= entry.eventTime:
            by_action[service, entry.eventName] = ActionUse(
                service=service, action=entry.eventName, entity_id=caller, at=entry.eventTime, region=entry.awsRegion
            )
    return by_entity, by_action


def _found(ctx: Context, params: Parameters) -> Uses:
    callers = _callers(ctx, entities.get_by_arn(ctx, params["arn"]))
    node, account, since = ctx.node, ctx.account, ctx.now - TRACKED
    return ctx.elsewhere(lambda: _uses(node, account, callers, since))


@operation("iam", asks=and_then(on_arn("iam:GenerateServiceLastAccessedDetails"), _found), writes=True)
def generate_service_last_accessed_details(ctx: Context, *, arn: str, granularity: str = "SERVICE_LEVEL") -> Output:
    """Make a report for a user, group, role or policy; it is there when the answer comes."""
    entity = entities.get_by_arn(ctx, arn)
    by_entity, by_action = _found(ctx, {"arn": arn})
    services = services_of(_texts(ctx, entity), _served())
    latest = sorted((use for use in by_entity.values() if use.service in services), key=lambda use: use.at, reverse=True)
    report = AccessReport(
        id=ids.request_id(ctx.random(16)),
        account=ctx.account,
        created=ctx.now,
        arn=entity.arn,
        action_level=granularity == "ACTION_LEVEL",
        services=tuple(services),
        entities=tuple(latest[:ENTITIES_PER_REPORT]),
        actions=tuple(use for use in by_action.values() if use.service in services) if granularity == "ACTION_LEVEL" else (),
        totals={one: sum(1 for use in latest if use.service == one) for one in services},
    )
    mine = sorted(ctx.store.access_reports.of(ctx.account), key=lambda one: one.created, reverse=True)
    for number, old in enumerate(mine, 2):
        if number > REPORTS_PER_ACCOUNT or ctx.now - old.created >= KEPT:
            ctx.changes.delete(old)
    ctx.changes.put(report)
    return {"JobId": report.id}


def _report(ctx: Context, job_id: str) -> AccessReport:
    report = ctx.store.access_reports.find(job_id)
    if report is None or report.account != ctx.account or ctx.now - report.created >= KEPT:
        raise entities.no_such(f"No job with id {job_id} can be found.")
    return report


def _job(report: AccessReport) -> dict[str, Any]:
    return {"JobStatus": "COMPLETED", "JobCreationDate": report.created, "JobCompletionDate": report.created}


@operation("iam", asks=on_anything("iam:GetServiceLastAccessedDetails"))
def get_service_last_accessed_details(ctx: Context, *, job_id: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The services that the entity may use, each with its last call, if there was one."""
    report = _report(ctx, job_id)
    page, following = cut(
        ctx, "ServicesLastAccessed", report.services, key=str, marker=marker, max_items=max_items, of=job_id
    )
    level = "ACTION_LEVEL" if report.action_level else "SERVICE_LEVEL"
    return _job(report) | {"JobType": level, "ServicesLastAccessed": [_service(ctx, report, one) for one in page]} | following


def _service(ctx: Context, report: AccessReport, namespace: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ServiceName": NAMES.get(namespace, namespace),
        "ServiceNamespace": namespace,
        "TotalAuthenticatedEntities": report.totals.get(namespace, 0),
    }
    last = next((use for use in report.entities if use.service == namespace), None)  # the latest comes first
    if last is not None:
        who = _arn(ctx, last.entity_id)
        shown |= {"LastAuthenticated": last.at, "LastAuthenticatedRegion": last.region, "LastAuthenticatedEntity": who}
    if report.action_level:
        shown["TrackedActionsLastAccessed"] = [
            {"ActionName": use.action, "LastAccessedTime": use.at, "LastAccessedRegion": use.region}
            | {"LastAccessedEntity": _arn(ctx, use.entity_id)}
            for use in sorted(report.actions, key=lambda use: use.action)
            if use.service == namespace
        ]
    return {name: value for name, value in shown.items() if value is not None}


def _arn(ctx: Context, unique_id: str) -> str | None:
    principal = ctx.store.principal(unique_id)
    return principal.arn if principal else None


@operation("iam", asks=on_anything("iam:GetServiceLastAccessedDetailsWithEntities"))
def get_service_last_accessed_details_with_entities(
    ctx: Context, *, job_id: str, service_namespace: str, marker: str | None = None, max_items: int = PAGE
) -> Output:
    """The users and roles that called a service, the last one first; those that are deleted by now are left out."""
    report = _report(ctx, job_id)
    if service_namespace not in report.services:
        raise entities.no_such(f"No service with namespace {service_namespace} is in the report {job_id}.")
    uses = [use for use in report.entities if use.service == service_namespace]
    placed = [(number, principal, use) for number, use in enumerate(uses) if (principal := ctx.store.principal(use.entity_id))]
    scope = f"{job_id}/{service_namespace}"
    page, following = cut(
        ctx, "EntityDetailsList", placed, key=lambda one: f"{one[0]:04}", marker=marker, max_items=max_items, of=scope
    )
    listed = [{"EntityInfo": _entity(principal), "LastAuthenticated": use.at} for _, principal, use in page]
    return _job(report) | {"EntityDetailsList": listed} | following


def _entity(principal: User | Role) -> dict[str, Any]:
    kind = "USER" if isinstance(principal, User) else "ROLE"
    return {"Arn": principal.arn, "Name": principal.name, "Type": kind, "Id": principal.id, "Path": principal.path}
