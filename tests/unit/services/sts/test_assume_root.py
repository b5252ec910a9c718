"""AssumeRoot: who enters whose account as root, for what, and for how long (fact sheet A §3.12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rig.node import Keys, Refused
from unit.way.town import Town, allow, policy

TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"


@pytest.fixture(scope="module")
def rooted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose organization has root sessions switched on."""
    made = Town(Path(tmp_path_factory.mktemp("rooted")))
    made.it.call("organizations", "EnableAWSServiceAccess", {"ServicePrincipal": "iam.amazonaws.com"}, made.operator)
    made.iam("EnableOrganizationsRootSessions")
    yield made
    made.it.close()


@pytest.fixture(scope="module")
def member(rooted: Town) -> str:
    given = {"Email": "m@example.test", "AccountName": "member"}
    return str(rooted.it.call("organizations", "CreateAccount", given, rooted.operator)["CreateAccountStatus"]["AccountId"])


def enter(town: Town, keys: Keys, target: str, **more: Any) -> Any:
    return town.sts("AssumeRoot", keys, **{"TargetPrincipal": target, "TaskPolicyArn": {"arn": TASK}, **more})


def test_it_is_the_root_for_fifteen_minutes(rooted: Town, member: str) -> None:
    for target in (member, f"arn:aws:iam::{member}:root"):
        made = enter(rooted, rooted.operator, target)
        assert made["Credentials"]["Expiration"] == rooted.it.now + timedelta(minutes=15)
        who = rooted.sts("GetCallerIdentity", Keys.of(made["Credentials"]))
        assert who == {"Account": member, "Arn": f"arn:aws:iam::{member}:root", "UserId": member}


def test_it_may_what_the_task_says_and_no_more(rooted: Town, member: str) -> None:
    keys = Keys.of(enter(rooted, rooted.operator, member)["Credentials"])
    assert rooted.iam("GetAccountSummary", keys)
    for operation, more in (("ListUsers", {}), ("CreateUser", {"UserName": "mine"})):
        with pytest.raises(Refused, match="AccessDenied"):
            rooted.iam(operation, keys, **more)
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    with pytest.raises(Refused, match="AccessDenied"):
        rooted.assume(keys, role)
    with pytest.raises(Refused, match="AccessDenied"):
        rooted.sts("GetSessionToken", keys)


def test_it_is_over_in_time_and_never_after_its_parent(rooted: Town, member: str) -> None:
    admin = rooted.session(rooted.operator, rooted.role("admin"), DurationSeconds=900)
    rooted.it.pass_time(seconds=600)
    made = enter(rooted, admin, member)
    assert made["Credentials"]["Expiration"] == rooted.it.now + timedelta(seconds=300)
    rooted.it.pass_time(seconds=300)
    with pytest.raises(Refused, match="ExpiredToken"):
        rooted.sts("GetCallerIdentity", Keys.of(made["Credentials"]))


def test_it_needs_permission_for_that_task(rooted: Town, member: str) -> None:
    condition = {"StringEquals": {"sts:TaskPolicyArn": TASK}}
    auditor = rooted.user("auditor", policy(allow("sts:AssumeRoot", resource=f"arn:aws:iam::{member}:root", Condition=condition)))
    assert enter(rooted, auditor, member)
    with pytest.raises(Refused, match="not authorized to perform: sts:AssumeRoot"):
        enter(rooted, auditor, member, TaskPolicyArn={"arn": TASK.replace("IAMAudit", "IAMDelete")})
    with pytest.raises(Refused, match="not authorized to perform: sts:AssumeRoot"):
        enter(rooted, rooted.user("nobody", ""), member)


def test_only_members_can_be_entered(rooted: Town, member: str) -> None:
    for target in (rooted.account, "999999999999"):
        with pytest.raises(Refused, match="AccessDenied"):
            enter(rooted, rooted.operator, target)
    for target in ("arn:aws:iam::999999999999:user/x", f"arn:aws:iam::{member}:root/", "1234567890123"):
        with pytest.raises(Refused, match="ValidationError"):
            enter(rooted, rooted.operator, target)


def test_a_member_enters_nobody(rooted: Town, member: str) -> None:
    inside = rooted.it.operator(member)
    with pytest.raises(Refused, match="Only the management account or a delegated administrator"):
        enter(rooted, inside, rooted.account)


@pytest.mark.parametrize("arn", ["arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/root-task/Another"])
def test_only_task_policies(rooted: Town, member: str, arn: str) -> None:
    with pytest.raises(Refused, match="TaskPolicyArn must be one of"):
        enter(rooted, rooted.operator, member, TaskPolicyArn={"arn": arn})


def test_the_ledger_says_who_became_root(rooted: Town, member: str) -> None:
    keys = Keys.of(enter(rooted, rooted.operator, member)["Credentials"])
    found = rooted.it.call("daypass", "ListSessions", {}, rooted.operator)["Sessions"]
    assert [item["PrincipalArn"] for item in found if item["AccessKeyId"] == keys.id] == [f"arn:aws:iam::{member}:root"]


def test_switched_off_nobody_is_root(town: Town) -> None:
    with pytest.raises(Refused, match=r"enable-aws-service-access|AccessDenied"):
        enter(town, town.operator, "999999999999")
