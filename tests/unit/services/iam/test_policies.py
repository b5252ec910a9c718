"""Managed policies, their versions, and where they are used; inline policies; boundaries."""

from __future__ import annotations

import json

import pytest

from daypass.services.iam.documents import weight
from unit.services.world import ALLOW_ALL, OTHER, World, refused

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
HOLDERS = ["User", "Group", "Role"]


def make(world: World, name: str = "p", **members: object) -> str:
    """Make a managed policy and give its ARN."""
    return str(world.call("CreatePolicy", PolicyName=name, PolicyDocument=ALLOW_ALL, **members)["Policy"]["Arn"])


def holder(world: World, kind: str) -> dict[str, str]:
    """Make a user, group or role, and give the member that names it."""
    more = {"AssumeRolePolicyDocument": TRUST} if kind == "Role" else {}
    world.call(f"Create{kind}", **{f"{kind}Name": "h"}, **more)
    return {f"{kind}Name": "h"}


def sized(size: int) -> str:
    """An identity policy of exactly this many characters that are not white space."""
    text = ALLOW_ALL.replace('"Version"', '"Id": "", "Version"')
    return text.replace('"Id": ""', f'"Id": "{"x" * (size - weight(text))}"') + "\n" * 1000


def test_a_policy_is_made_and_shown(world: World) -> None:
    made = world.call(
        "CreatePolicy", PolicyName="P", Path="/a/", PolicyDocument=ALLOW_ALL, Description="d", Tags=[{"Key": "k", "Value": "v"}]
    )["Policy"]
    assert made["Arn"] == f"arn:aws:iam::{world.account}:policy/a/P"
    assert made["PolicyId"].startswith("ANPA")
    assert (made["DefaultVersionId"], made["AttachmentCount"], made["PermissionsBoundaryUsageCount"]) == ("v1", 0, 0)
    assert world.call("GetPolicy", PolicyArn=made["Arn"])["Policy"] == made
    listed = world.call("ListPolicies", Scope="Local")["Policies"]
    assert listed == [{name: value for name, value in made.items() if name not in ("Description", "Tags")}]
    with refused("EntityAlreadyExists", "A policy called p already exists."):
        make(world, "p")


def test_versions_are_numbered_for_ever_and_limited_to_five(world: World) -> None:
    arn = make(world)
    for number in range(2, 6):
        answer = world.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL, SetAsDefault=number == 3)
        assert answer["PolicyVersion"]["VersionId"] == f"v{number}"
    with refused("LimitExceeded"):
        world.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    with refused("DeleteConflict", "Cannot delete the default version of a policy."):
        world.call("DeletePolicyVersion", PolicyArn=arn, VersionId="v3")
    world.call("DeletePolicyVersion", PolicyArn=arn, VersionId="v5")
    assert world.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL)["PolicyVersion"]["VersionId"] == "v6"
    world.call("DeletePolicyVersion", PolicyArn=arn, VersionId="v4")
    assert world.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL)["PolicyVersion"]["VersionId"] == "v7"
    world.call("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v1")
    versions = world.call("ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in versions] == [
        ("v7", False), ("v6", False), ("v3", False), ("v2", False), ("v1", True),
    ]  # fmt: skip
    with refused("NoSuchEntity"):
        world.call("GetPolicyVersion", PolicyArn=arn, VersionId="v5")
    with refused("NoSuchEntity"):
        world.call("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v5")


def test_the_document_comes_back_as_it_was_submitted(world: World) -> None:
    text = json.dumps(json.loads(ALLOW_ALL), indent=3) + "\n"
    arn = make(world)
    world.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=text)
    assert world.call("GetPolicyVersion", PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == text


def test_a_policy_in_use_or_with_versions_is_not_deleted(world: World) -> None:
    arn = make(world)
    name = holder(world, "User")
    world.call("AttachUserPolicy", **name, PolicyArn=arn)
    with refused("DeleteConflict", "Cannot delete a policy attached to entities."):
        world.call("DeletePolicy", PolicyArn=arn)
    world.call("DetachUserPolicy", **name, PolicyArn=arn)
    world.call("PutUserPermissionsBoundary", **name, PermissionsBoundary=arn)
    with refused("DeleteConflict"):
        world.call("DeletePolicy", PolicyArn=arn)
    world.call("DeleteUserPermissionsBoundary", **name)
    world.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    with refused("DeleteConflict", "more than one version"):
        world.call("DeletePolicy", PolicyArn=arn)
    world.call("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    world.call("DeletePolicy", PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found."):
        world.call("GetPolicy", PolicyArn=arn)


def test_a_managed_policy_is_of_the_newest_version(world: World) -> None:
    arn, old = make(world), ALLOW_ALL.replace("2012", "2008")
    for call in ("CreatePolicy", "CreatePolicyVersion"):
        members = {"PolicyName": "old"} if call == "CreatePolicy" else {"PolicyArn": arn}
        with refused("MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater."):
            world.call(call, **members, PolicyDocument=old)
    world.call("PutUserPolicy", **holder(world, "User"), PolicyName="inline", PolicyDocument=old)


@pytest.mark.parametrize(
    "document", ["", "{}", "null", ALLOW_ALL.replace('"Resource"', '"NoResource"'), TRUST, ALLOW_ALL.replace("Allow", "allow")]
)
def test_a_malformed_policy_is_refused_wherever_it_is_written(world: World, document: str) -> None:
    arn, name = make(world), holder(world, "User")
    with refused("MalformedPolicyDocument"):
        world.call("CreatePolicy", PolicyName="new", PolicyDocument=document)
    with refused("MalformedPolicyDocument"):
        world.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document)
    with refused("MalformedPolicyDocument"):
        world.call("PutUserPolicy", **name, PolicyName="i", PolicyDocument=document)


def test_the_size_of_a_managed_policy_is_counted_without_white_space(world: World) -> None:
    world.call("CreatePolicy", PolicyName="big", PolicyDocument=sized(6144))
    with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144"):
        world.call("CreatePolicy", PolicyName="bigger", PolicyDocument=sized(6145))


@pytest.mark.parametrize(("kind", "limit"), [("User", 2048), ("Group", 5120), ("Role", 10240)])
def test_all_inline_policies_share_one_size(world: World, kind: str, limit: int) -> None:
    name = holder(world, kind)
    put = f"Put{kind}Policy"
    world.call(put, **name, PolicyName="one", PolicyDocument=sized(limit - 200))
    world.call(put, **name, PolicyName="two", PolicyDocument=sized(200))
    with refused("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {kind.lower()} h"):
        world.call(put, **name, PolicyName="two", PolicyDocument=sized(201))
    world.call(put, **name, PolicyName="one", PolicyDocument=sized(limit - 201))
    world.call(put, **name, PolicyName="two", PolicyDocument=sized(201))


@pytest.mark.parametrize("kind", HOLDERS)
def test_inline_policies(world: World, kind: str) -> None:
    name = holder(world, kind)
    world.call(f"Put{kind}Policy", **name, PolicyName="Pol", PolicyDocument=ALLOW_ALL)
    shown = world.call(f"Get{kind}Policy", **name, PolicyName="pol")
    assert shown == {**name, "PolicyName": "Pol", "PolicyDocument": ALLOW_ALL}
    other = ALLOW_ALL.replace("Allow", "Deny")
    world.call(f"Put{kind}Policy", **name, PolicyName="POL", PolicyDocument=other)
    assert world.call(f"List{kind}Policies", **name)["PolicyNames"] == ["POL"]
    assert world.call(f"Get{kind}Policy", **name, PolicyName="POL")["PolicyDocument"] == other
    world.call(f"Delete{kind}Policy", **name, PolicyName="pol")
    with refused("NoSuchEntity", f"The {kind.lower()} policy with name Pol cannot be found."):
        world.call(f"Get{kind}Policy", **name, PolicyName="Pol")
    with refused("NoSuchEntity"):
        world.call(f"Delete{kind}Policy", **name, PolicyName="Pol")


@pytest.mark.parametrize("kind", HOLDERS)
def test_attaching_twice_is_no_error_and_detaching_twice_is(world: World, kind: str) -> None:
    name, arn = holder(world, kind), make(world, Path="/x/")
    world.call(f"Attach{kind}Policy", **name, PolicyArn=arn)
    world.call(f"Attach{kind}Policy", **name, PolicyArn=arn)
    world.call(f"Attach{kind}Policy", **name, PolicyArn=ADMINISTRATOR)
    attached = world.call(f"ListAttached{kind}Policies", **name)["AttachedPolicies"]
    assert attached == [
        {"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}, {"PolicyName": "p", "PolicyArn": arn},
    ]  # fmt: skip
    assert world.call(f"ListAttached{kind}Policies", **name, PathPrefix="/x/")["AttachedPolicies"] == attached[1:]
    assert world.call("GetPolicy", PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    world.call(f"Detach{kind}Policy", **name, PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found."):
        world.call(f"Detach{kind}Policy", **name, PolicyArn=arn)


@pytest.mark.parametrize("kind", HOLDERS)
def test_an_eleventh_attached_policy_is_over_the_quota(world: World, kind: str) -> None:
    name = holder(world, kind)
    arns = [make(world, f"p{number}") for number in range(11)]
    for arn in arns[:10]:
        world.call(f"Attach{kind}Policy", **name, PolicyArn=arn)
    with refused("LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind}: 10"):
        world.call(f"Attach{kind}Policy", **name, PolicyArn=arns[10])


def test_whom_a_policy_concerns_is_told_for_the_own_account_only(world: World) -> None:
    user, group, role = (holder(world, kind) for kind in HOLDERS)
    theirs = world.root(OTHER)
    world.call("CreateUser", by=theirs, UserName="theirs")
    world.call("AttachUserPolicy", by=theirs, UserName="theirs", PolicyArn=ADMINISTRATOR)
    world.call("AttachUserPolicy", **user, PolicyArn=ADMINISTRATOR)
    world.call("AttachGroupPolicy", **group, PolicyArn=ADMINISTRATOR)
    world.call("PutRolePermissionsBoundary", **role, PermissionsBoundary=ADMINISTRATOR)

    def told(**members: str) -> dict[str, list[str]]:
        answer = world.call("ListEntitiesForPolicy", PolicyArn=ADMINISTRATOR, **members)
        return {kind: [one[f"{kind}Name"] for one in answer[f"Policy{kind}s"]] for kind in HOLDERS}

    assert {kind: set(names) for kind, names in told().items()} == {"User": {"h"}, "Group": {"h"}, "Role": {"h", "DaypassOperator"}}
    assert told(PolicyUsageFilter="PermissionsBoundary") == {"User": [], "Group": [], "Role": ["h"]}
    assert told(PolicyUsageFilter="PermissionsPolicy")["Role"] == ["DaypassOperator"]
    assert told(EntityFilter="Group") == {"User": [], "Group": ["h"], "Role": []}
    assert told(PathPrefix="/none/") == {"User": [], "Group": [], "Role": []}
    counted = world.call("GetPolicy", by=theirs, PolicyArn=ADMINISTRATOR)["Policy"]
    assert (counted["AttachmentCount"], counted["PermissionsBoundaryUsageCount"]) == (1, 0)


@pytest.mark.parametrize("kind", HOLDERS)
def test_a_policy_for_service_linked_roles_is_attached_to_nothing_else(world: World, kind: str) -> None:
    target = holder(world, kind)
    with refused("PolicyNotAttachable", "Service Role Policy"):
        world.call(f"Attach{kind}Policy", **target, PolicyArn="arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy")


def test_list_policies_by_scope_path_and_use(world: World) -> None:
    user = holder(world, "User")
    used, bound, idle = make(world, "used"), make(world, "bound", Path="/x/"), make(world, "idle")
    world.call("AttachUserPolicy", **user, PolicyArn=used)
    world.call("PutUserPermissionsBoundary", **user, PermissionsBoundary=bound)

    def listed(**members: object) -> set[str]:
        found, marker = [], {}
        while True:
            answer = world.call("ListPolicies", **members, **marker, MaxItems=1000)
            found += [one["Arn"] for one in answer["Policies"]]
            if not answer["IsTruncated"]:
                assert len(set(found)) == len(found)
                return set(found)
            marker = {"Marker": answer["Marker"]}

    assert listed(Scope="Local") == {used, bound, idle}
    assert ADMINISTRATOR in listed(Scope="AWS") and not listed(Scope="AWS") & {used, bound, idle}
    assert listed() == listed(Scope="All") == listed(Scope="AWS") | listed(Scope="Local")
    assert listed(Scope="Local", PathPrefix="/x/") == {bound}
    assert listed(OnlyAttached=True) == {used, ADMINISTRATOR}  # the operator's role has that one
    assert listed(Scope="Local", PolicyUsageFilter="PermissionsPolicy") == {used}
    assert listed(Scope="Local", PolicyUsageFilter="PermissionsBoundary") == {bound}
    assert listed(Scope="Local", by=world.root(OTHER)) == set()


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("CreatePolicyVersion", {"PolicyDocument": ALLOW_ALL}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
        ("DeletePolicy", {}),
        ("TagPolicy", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("UntagPolicy", {"TagKeys": ["a"]}),
    ],
)
def test_awss_policies_are_shown_and_never_changed(world: World, name: str, members: dict[str, object]) -> None:
    with refused("AccessDenied"):
        world.call(name, PolicyArn=ADMINISTRATOR, **members)
    shown = world.call("GetPolicy", PolicyArn=ADMINISTRATOR)["Policy"]
    version = world.call("GetPolicyVersion", PolicyArn=ADMINISTRATOR, VersionId=shown["DefaultVersionId"])["PolicyVersion"]
    assert json.loads(version["Document"])["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def test_another_accounts_policy_does_not_exist(world: World) -> None:
    arn = make(world)
    theirs = world.root(OTHER)
    world.call("CreateUser", by=theirs, UserName="u")
    for name, members in (
        ("GetPolicy", {}),
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": ALLOW_ALL}),
        ("GetPolicyVersion", {"VersionId": "v1"}),
        ("ListPolicyVersions", {}),
        ("ListEntitiesForPolicy", {}),
        ("ListPolicyTags", {}),
        ("TagPolicy", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("AttachUserPolicy", {"UserName": "u"}),
    ):
        with refused("NoSuchEntity"):
            world.call(name, by=theirs, PolicyArn=arn, **members)
    with refused("NoSuchEntity"):
        world.call("PutUserPermissionsBoundary", by=theirs, UserName="u", PermissionsBoundary=arn)
    with refused("NoSuchEntity"):
        world.call("CreateUser", by=theirs, UserName="v", PermissionsBoundary=arn)


@pytest.mark.parametrize(
    "arn",
    ["not-an-arn-at-all-but-long", "arn:aws:iam::123456789012:role/AdministratorAccess", "arn:aws:s3:::bucket/policy/xxxxxxx",
     "arn:aws:s3::123456789012:policy/x", "arn:aws:iam:us-east-1:aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy"],
)  # fmt: skip
def test_what_is_no_policy_arn_is_refused(world: World, arn: str) -> None:
    name = holder(world, "User")
    with refused("InvalidInput", f"ARN {arn} is not valid."):
        world.call("AttachUserPolicy", **name, PolicyArn=arn)
    with refused("InvalidInput"):
        world.call("DetachUserPolicy", **name, PolicyArn=arn)
    with refused("InvalidInput"):
        world.call("GetPolicy", PolicyArn=arn)
    with refused("InvalidInput"):
        world.call("PutUserPermissionsBoundary", **name, PermissionsBoundary=arn)
    with refused("ValidationError", "Invalid ARN partition"):
        world.call("AttachUserPolicy", **name, PolicyArn="arn:aws-cn:iam::aws:policy/AdministratorAccess")
    with refused("NoSuchEntity", "does not exist or is not attachable"):
        world.call("AttachUserPolicy", **name, PolicyArn="arn:aws:iam::aws:policy/administratoraccess")


@pytest.mark.parametrize("kind", ["User", "Role"])
def test_a_boundary_is_put_replaced_and_taken_away(world: World, kind: str) -> None:
    name, arn = holder(world, kind), make(world)
    with refused("NoSuchEntity"):
        world.call(f"Delete{kind}PermissionsBoundary", **name)
    for boundary in (ADMINISTRATOR, arn):
        world.call(f"Put{kind}PermissionsBoundary", **name, PermissionsBoundary=boundary)
        assert world.call(f"Get{kind}", **name)[kind]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert world.call("GetPolicy", PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    world.call(f"Delete{kind}PermissionsBoundary", **name)
    assert "PermissionsBoundary" not in world.call(f"Get{kind}", **name)[kind]
