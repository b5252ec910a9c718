"""Service-linked roles: made by the table, changed by no one, deleted at once, the status told to who knows the task."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.services.iam import linked_roles
from daypass.services.iam.linked_names import LINKED, PREFIX, SUFFIXED
from unit.services.world import ALLOW_ALL, OTHER, World, refused, trust

NAME = "AWSServiceRoleForAutoScaling"


def make(world: World, service: str = "autoscaling.amazonaws.com", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = world.call("CreateServiceLinkedRole", AWSServiceName=service, **more)["Role"]
    return made


def test_the_role_is_the_services_own(world: World) -> None:
    role = make(world, Description="scales")
    assert (role["RoleName"], role["Path"], role["Description"]) == (NAME, "/aws-service-role/autoscaling.amazonaws.com/", "scales")
    assert role["Arn"] == f"arn:aws:iam::{world.account}:role/aws-service-role/autoscaling.amazonaws.com/{NAME}"
    (statement,) = json.loads(role["AssumeRolePolicyDocument"])["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "autoscaling.amazonaws.com"}, "sts:AssumeRole")
    assert world.call("GetRole", RoleName=NAME)["Role"] == role
    with refused("InvalidInput", f"Service role name {NAME} has been taken in this account"):
        make(world)
    assert make(world, CustomSuffix="blue")["RoleName"] == f"{NAME}_blue"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"AWSServiceName": "nothing.amazonaws.com"}, "Cannot find Service Linked Role template for nothing.amazonaws.com"),
        ({"AWSServiceName": "AutoScaling.amazonaws.com"}, "Cannot find"),
        ({"AWSServiceName": "ecs.amazonaws.com", "CustomSuffix": "x"}, "Custom suffix is not allowed for ecs.amazonaws.com"),
        ({"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "x" * 64}, "longer than 64"),
    ],
)
def test_what_no_service_has_is_refused(world: World, given: dict[str, str], text: str) -> None:
    with refused("InvalidInput", text):
        world.call("CreateServiceLinkedRole", **given)


def test_the_table_has_sound_names() -> None:
    names = [PREFIX + name for name in LINKED.values()]
    assert len(set(names)) == len(names) and max(map(len, names)) <= 64
    assert LINKED.keys() >= SUFFIXED and list(LINKED) == sorted(LINKED)


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("UpdateAssumeRolePolicy", {"PolicyDocument": trust("*")}),
    ("AttachRolePolicy", {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ("DetachRolePolicy", {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ("PutRolePolicy", {"PolicyName": "p", "PolicyDocument": ALLOW_ALL}),
    ("DeleteRolePolicy", {"PolicyName": "p"}),
    ("PutRolePermissionsBoundary", {"PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ("DeleteRolePermissionsBoundary", {}),
    ("UpdateRole", {"MaxSessionDuration": 7200}),
    ("DeleteRole", {}),
    ("AddRoleToInstanceProfile", {"InstanceProfileName": "machine"}),
]


@pytest.mark.parametrize(("name", "members"), CHANGES, ids=[name for name, _ in CHANGES])
def test_no_one_else_changes_it(world: World, name: str, members: dict[str, Any]) -> None:
    role = make(world)
    world.call("CreateInstanceProfile", InstanceProfileName="machine")
    with refused("UnmodifiableEntity", f"the protected role '{NAME}' - this role is only modifiable by AWS"):
        world.call(name, RoleName=NAME, **members)
    assert world.call("GetRole", RoleName=NAME)["Role"] == role


def test_its_description_and_tags_may_change(world: World) -> None:
    make(world)
    world.call("UpdateRole", RoleName=NAME, Description="one")
    world.call("UpdateRoleDescription", RoleName=NAME, Description="two")
    world.call("TagRole", RoleName=NAME, Tags=[{"Key": "a", "Value": "b"}])
    world.call("UntagRole", RoleName=NAME, TagKeys=["a"])
    assert world.call("GetRole", RoleName=NAME)["Role"]["Description"] == "two"


def test_no_one_makes_one_by_another_way(world: World) -> None:
    for given in ({"RoleName": "x", "Path": "/aws-service-role/autoscaling.amazonaws.com/"}, {"RoleName": NAME}):
        with refused("ValidationError"):
            world.call("CreateRole", **given, AssumeRolePolicyDocument=trust(world.account))


def test_deletion_is_done_and_its_task_known(world: World) -> None:
    make(world)
    task = world.call("DeleteServiceLinkedRole", RoleName=NAME)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/autoscaling.amazonaws.com/{NAME}/")
    assert world.call("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task) == {"Status": "SUCCEEDED"}
    with refused("NoSuchEntity"):
        world.call("GetRole", RoleName=NAME)
    for wrong in (task[:-1], task + "0", task.replace("AutoScaling", "ECS"), task.rpartition("/")[2], "x", task.replace("task/", "")):
        with refused("NoSuchEntity"):
            world.call("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=wrong)
    with refused("NoSuchEntity"):
        world.call("GetServiceLinkedRoleDeletionStatus", by=world.root(OTHER), DeletionTaskId=task)
    (ask,) = world.asks("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    assert ask.resource == f"arn:aws:iam::{world.account}:role/aws-service-role/autoscaling.amazonaws.com/{NAME}"


def test_an_ordinary_role_is_not_deleted_so(world: World) -> None:
    world.call("CreateRole", RoleName="plain", AssumeRolePolicyDocument=trust(world.account))
    with refused("NoSuchEntity", "not a service-linked role"):
        world.call("DeleteServiceLinkedRole", RoleName="plain")


def test_the_newest_tasks_are_kept(world: World) -> None:
    tasks = []
    for _ in range(linked_roles.KEPT_TASKS + 1):
        make(world)
        tasks.append(world.call("DeleteServiceLinkedRole", RoleName=NAME)["DeletionTaskId"])
    with refused("NoSuchEntity"):
        world.call("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=tasks[0])
    assert world.call("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=tasks[1]) == {"Status": "SUCCEEDED"}
    assert len(world.store.deleted_roles) == linked_roles.KEPT_TASKS


def test_the_ask_names_the_service_and_the_role_to_be(world: World) -> None:
    (ask,) = world.asks("CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")
    assert ask.context["iam:awsservicename"] == "autoscaling.amazonaws.com"
    assert ask.resource.endswith(f":role/aws-service-role/autoscaling.amazonaws.com/{NAME}_x")
    (ask,) = world.asks("CreateServiceLinkedRole", AWSServiceName="nothing.amazonaws.com")
    assert ask.resource.endswith(":role/aws-service-role/nothing.amazonaws.com/*")
