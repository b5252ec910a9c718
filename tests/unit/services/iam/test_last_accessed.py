"""When services were last called, from the ledger: by whom, which actions, and nothing of other accounts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from daypass.services.iam.last_accessed import REPORTS_PER_ACCOUNT
from rig.node import Keys, Refused
from unit.way.town import Town, allow, policy

BOTH = policy(allow("iam:GetUser", "iam:ListUsers", "sts:*"))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("town"))
    yield made
    made.it.close()


def arn_of(town: Town, name: str) -> str:
    return f"arn:aws:iam::{town.account}:{name}"


def job(town: Town, arn: str, level: str = "SERVICE_LEVEL") -> str:
    made: str = town.iam("GenerateServiceLastAccessedDetails", Arn=arn, Granularity=level)["JobId"]
    return made


def details(town: Town, arn: str, level: str = "SERVICE_LEVEL") -> dict[str, dict[str, Any]]:
    answer = town.iam("GetServiceLastAccessedDetails", JobId=job(town, arn, level))
    assert (answer["JobStatus"], answer["JobType"], answer["IsTruncated"]) == ("COMPLETED", level, False)
    return {one["ServiceNamespace"]: one for one in answer["ServicesLastAccessed"]}


def call(town: Town, keys: Keys, service: str, operation: str, **parameters: Any) -> datetime:
    """Call at a time of its own, refused or not; gives the time."""
    town.it.pass_time(seconds=7)
    try:
        town.it.call(service, operation, parameters, keys)
    except Refused as error:
        assert error.code == "AccessDenied"
    return town.it.now


def test_a_user_has_the_services_that_its_policies_allow_with_their_last_call(town: Town) -> None:
    ann = town.user("ann", BOTH)
    call(town, ann, "iam", "GetUser")
    last = call(town, ann, "iam", "ListUsers")
    found = details(town, arn_of(town, "user/ann"))
    assert set(found) == {"iam", "sts"}
    assert found["iam"] == {
        "ServiceName": "AWS Identity and Access Management", "ServiceNamespace": "iam", "LastAuthenticated": last,
        "LastAuthenticatedEntity": arn_of(town, "user/ann"), "LastAuthenticatedRegion": "us-east-1", "TotalAuthenticatedEntities": 1,
    }  # fmt: skip
    assert found["sts"] == {
        "ServiceName": "AWS Security Token Service", "ServiceNamespace": "sts", "TotalAuthenticatedEntities": 0,
    }  # fmt: skip


def test_actions_are_told_when_asked_for_and_refused_calls_count(town: Town) -> None:
    bea = town.user("bea", BOTH)
    first, second = call(town, bea, "iam", "GetUser"), call(town, bea, "iam", "ListRoles")
    listed = details(town, arn_of(town, "user/bea"), "ACTION_LEVEL")["iam"]["TrackedActionsLastAccessed"]
    who = {"LastAccessedEntity": arn_of(town, "user/bea"), "LastAccessedRegion": "us-east-1"}
    assert listed == [
        {"ActionName": "GetUser", "LastAccessedTime": first} | who,
        {"ActionName": "ListRoles", "LastAccessedTime": second} | who,
    ]
    assert "TrackedActionsLastAccessed" not in details(town, arn_of(town, "user/bea"))["iam"]


def test_a_role_counts_its_sessions(town: Town) -> None:
    role = town.role("app", document=BOTH)
    session = town.session(town.operator, role)
    last = call(town, session, "iam", "ListUsers")
    found = details(town, role)["iam"]
    assert (found["LastAuthenticated"], found["LastAuthenticatedEntity"]) == (last, role)


def test_groups_and_policies_speak_of_all_who_have_them(town: Town) -> None:
    own = town.iam("CreatePolicy", PolicyName="shared", PolicyDocument=BOTH)["Policy"]["Arn"]
    town.iam("CreateGroup", GroupName="staff")
    town.iam("AttachGroupPolicy", GroupName="staff", PolicyArn=own)
    people = {name: town.user(name, "") for name in ("cat", "dan")}
    for name in people:
        town.iam("AddUserToGroup", GroupName="staff", UserName=name)
    times = {name: call(town, keys, "iam", "ListUsers") for name, keys in people.items()}
    for arn in (own, arn_of(town, "group/staff")):
        found = details(town, arn)["iam"]
        assert (found["TotalAuthenticatedEntities"], found["LastAuthenticatedEntity"]) == (2, arn_of(town, "user/dan"))
        answer = town.iam("GetServiceLastAccessedDetailsWithEntities", JobId=job(town, arn), ServiceNamespace="iam")
        shown = [(one["EntityInfo"]["Name"], one["EntityInfo"]["Type"], one["LastAuthenticated"]) for one in answer["EntityDetailsList"]]
        assert shown == [("dan", "USER", times["dan"]), ("cat", "USER", times["cat"])]


def test_entities_are_paged(town: Town) -> None:
    own = town.iam("CreatePolicy", PolicyName="paged", PolicyDocument=BOTH)["Policy"]["Arn"]
    for number in range(3):
        keys = town.user(f"paged-{number}", "")
        town.iam("AttachUserPolicy", UserName=f"paged-{number}", PolicyArn=own)
        call(town, keys, "iam", "ListUsers")
    asked = {"JobId": job(town, own), "ServiceNamespace": "iam", "MaxItems": 2}
    first = town.iam("GetServiceLastAccessedDetailsWithEntities", **asked)
    rest = town.iam("GetServiceLastAccessedDetailsWithEntities", **asked, Marker=first["Marker"])
    names = [one["EntityInfo"]["Name"] for page in (first, rest) for one in page["EntityDetailsList"]]
    assert names == ["paged-2", "paged-1", "paged-0"]


def test_reports_and_entities_that_are_not_there(town: Town) -> None:
    with pytest.raises(Refused, match="NoSuchEntity"):
        town.iam("GetServiceLastAccessedDetails", JobId="0" * 36)
    with pytest.raises(Refused, match="NoSuchEntity"):
        job(town, arn_of(town, "user/nobody"))
    town.user("eve", BOTH)
    with pytest.raises(Refused, match="NoSuchEntity"):
        town.iam("GetServiceLastAccessedDetailsWithEntities", JobId=job(town, arn_of(town, "user/eve")), ServiceNamespace="s3")


def test_a_report_is_kept_seven_days_and_so_many_at_most(town: Town) -> None:
    town.user("fay", BOTH)
    jobs = [job(town, arn_of(town, "user/fay"))]
    for _ in range(REPORTS_PER_ACCOUNT):
        town.it.pass_time(seconds=1)
        jobs.append(job(town, arn_of(town, "user/fay")))
    assert len(town.it.store.snapshot.access_reports) == REPORTS_PER_ACCOUNT
    with pytest.raises(Refused, match="NoSuchEntity"):
        town.iam("GetServiceLastAccessedDetails", JobId=jobs[0])
    assert town.iam("GetServiceLastAccessedDetails", JobId=jobs[-1])
    town.it.pass_time(days=7)
    town._operator = town.it.operator()
    with pytest.raises(Refused, match="NoSuchEntity"):
        town.iam("GetServiceLastAccessedDetails", JobId=jobs[-1])
    job(town, arn_of(town, "user/fay"))
    assert len(town.it.store.snapshot.access_reports) == 1
