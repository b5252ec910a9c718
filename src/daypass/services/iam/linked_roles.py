"""Service-linked roles: made for a service, which alone may assume and change them. No service here uses one.

They come without AWS's policies for them, since nothing here acts by them; entities.py keeps them from ordinary edits.
Source: IAM User Guide, "Create a service-linked role".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import Entity, Parameters, on, on_role
from daypass.services.iam.linked_names import LINKED, PREFIX, SUFFIXED
from daypass.services.iam.names import LINKED_PATH
from daypass.services.iam.show import show_role_fully
from daypass.services.iam.trust import read_trust
from daypass.store.holdings import DeletedRole
from daypass.store.records import Role
from daypass.values import ids
from daypass.values.arn import iam_arn
from daypass.values.decision import Values
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

KEPT_TASKS = 50  # deletions of one account whose status can be asked for; ours
_ROLE_NAME = 64  # characters; IAM model, `roleNameType`
_TASK = re.compile(r"task/aws-service-role/([\w+=,.@-]{1,128})/([\w+=,.@-]{1,64})/([0-9a-f-]{36})", re.ASCII)


def _name(params: Parameters) -> str:
    suffix = params.get("custom_suffix")
    return PREFIX + LINKED[params["aws_service_name"]] + (f"_{suffix}" if suffix else "")


def _new(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    service = params["aws_service_name"]
    name = _name(params) if service in LINKED else "*"
    return None, iam_arn(ctx.account, "role", f"{LINKED_PATH}{service}/", name)


def _service(params: Parameters, entity: Entity | None) -> Mapping[str, Values]:
    return {"iam:awsservicename": params["aws_service_name"]}


@operation("iam", asks=on(_new, "iam:CreateServiceLinkedRole", _service), writes=True)
def create_service_linked_role(ctx: Context, *, aws_service_name: str, description: str = "", custom_suffix: str | None = None) -> Output:
    """Make the role of a service."""
    if aws_service_name not in LINKED:
        raise Refusal("InvalidInput", f"Cannot find Service Linked Role template for {aws_service_name}")
    if custom_suffix is not None and aws_service_name not in SUFFIXED:
        raise Refusal("InvalidInput", f"Custom suffix is not allowed for {aws_service_name}")
    name = _name({"aws_service_name": aws_service_name, "custom_suffix": custom_suffix})
    if len(name) > _ROLE_NAME:
        raise Refusal("InvalidInput", f"The role name {name} is longer than {_ROLE_NAME} characters")
    if ctx.store.roles.named(ctx.account, name) is not None:
        raise Refusal("InvalidInput", f"Service role name {name} has been taken in this account, please try a different suffix.")
    quotas.within("RolesPerAccount", quotas.ROLES, len(ctx.store.roles.of(ctx.account)) + 1)
    statement = {"Effect": "Allow", "Principal": {"Service": aws_service_name}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = Role(
        id=ids.unique_id(ids.ROLE, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        name=name,
        path=f"{LINKED_PATH}{aws_service_name}/",
        trust=trust,
        trusted=read_trust(ctx, trust),
        description=description,
    )
    ctx.changes.put(role)
    return {"Role": show_role_fully(ctx, role)}


@operation("iam", asks=on_role("iam:DeleteServiceLinkedRole"), writes=True)
def delete_service_linked_role(ctx: Context, *, role_name: str) -> Output:
    """Delete the role of a service at once; its status says so to who asks later."""
    role = entities.get_role(ctx, role_name)
    if not entities.is_linked(role):
        raise entities.no_such(f"The role with name {role.name} is not a service-linked role.")
    entities.verify_unused(bool(ctx.store.profiles_of(role.id)), "remove roles from instance profile")
    deleted = DeletedRole(id=ids.request_id(ctx.random(16)), account=ctx.account, created=ctx.now, role_arn=role.arn)
    known = sorted(ctx.store.deleted_roles.of(ctx.account), key=lambda task: (task.created, task.id))
    for oldest in known[: max(0, len(known) + 1 - KEPT_TASKS)]:
        ctx.changes.delete(oldest)
    ctx.changes.put(deleted)
    ctx.changes.delete(role)
    return {"DeletionTaskId": f"task{role.path}{role.name}/{deleted.id}"}


def _of_task(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    found = _TASK.fullmatch(params["deletion_task_id"])
    return None, iam_arn(ctx.account, "role", f"{LINKED_PATH}{found[1]}/", found[2]) if found else "*"


@operation("iam", asks=on(_of_task, "iam:GetServiceLinkedRoleDeletionStatus"))
def get_service_linked_role_deletion_status(ctx: Context, *, deletion_task_id: str) -> Output:
    """Whether the deletion of a role is done. It always is: a task is known only once its role is gone."""
    _, arn = _of_task(ctx, {"deletion_task_id": deletion_task_id})
    task = ctx.store.deleted_roles.find(deletion_task_id.rpartition("/")[2])
    if task is None or task.account != ctx.account or task.role_arn != arn:
        raise entities.no_such(f"Deletion task {deletion_task_id} cannot be found.")
    return {"Status": "SUCCEEDED"}
