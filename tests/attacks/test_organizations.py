"""Attacks across organizations and out of one: by others' ids, by caches, by doors that a guard forgot, after an account is closed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL, policy, trust
from rig.node import Keys, Refused, TestNode

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
ENTRY = "OrganizationAccountAccessRole"
NO_IAM = policy({"Effect": "Deny", "Action": "iam:*", "Resource": "*"})
NO_STS = policy({"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*"})
GONE = ("ExpiredToken", "InvalidClientTokenId", "AccessDenied")


class Town:
    """A node with an organization, one member in a unit of it, and the words of these attacks."""

    def __init__(self, node: TestNode) -> None:
        self.node = node
        self.admin = node.operator()
        self.root = self.org("ListRoots")["Roots"][0]["Id"]
        self.member = self.account("member")
        self.unit = self.org("CreateOrganizationalUnit", ParentId=self.root, Name="unit")["OrganizationalUnit"]["Id"]
        self.org("MoveAccount", AccountId=self.member, SourceParentId=self.root, DestinationParentId=self.unit)
        for kind in (SCP, RCP):
            self.org("EnablePolicyType", RootId=self.root, PolicyType=kind)
        self.deny = self.policy("no iam", NO_IAM)

    def org(self, name: str, by: Keys | None = None, **members: Any) -> Any:
        """Call Organizations, as the operator unless told otherwise."""
        return self.node.call("organizations", name, members, by or self.admin)

    def iam(self, name: str, by: Keys, **members: Any) -> Any:
        """Call IAM."""
        return self.node.call("iam", name, members, by)

    def account(self, name: str) -> str:
        """A new account of the organization."""
        made = self.org("CreateAccount", Email=f"{name}@example.test", AccountName=name)["CreateAccountStatus"]
        return str(made["AccountId"])

    def policy(self, name: str, content: str, kind: str = SCP) -> str:
        """A new policy."""
        made = self.org("CreatePolicy", Content=content, Description="", Name=name, Type=kind)
        return str(made["Policy"]["PolicySummary"]["Id"])

    def enter(self, account: str, by: Keys | None = None) -> Keys:
        """A session of an account's administrator."""
        role = f"arn:aws:iam::{account}:role/{ENTRY}"
        made = self.node.call("sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": "sess"}, by or self.admin)
        return Keys.of(made["Credentials"])

    def stands(self, keys: Keys) -> str:
        """The code with which ListUsers is refused, "" when it is not."""
        try:
            self.iam("ListUsers", keys)
        except Refused as error:
            return error.code
        return ""


@pytest.fixture
def town(node: TestNode) -> Town:
    return Town(node)


def denied(town: Town, name: str, by: Keys, *codes: str, **members: Any) -> None:
    """The call is refused with one of `codes`."""
    with pytest.raises(Refused) as error:
        town.org(name, by, **members)
    assert error.value.code in codes, f"{name}: {error.value}"


# -- ids of others


def test_C46_ids_of_another_organization_open_nothing(town: Town) -> None:
    """The administrator of one organization calls everything with the ids of another."""
    stranger = town.account("stranger")
    town.org("RemoveAccountFromOrganization", AccountId=stranger)
    theirs = town.enter(stranger)
    invited = town.account("invited")
    town.org("RemoveAccountFromOrganization", AccountId=invited)
    handshake = town.org("InviteAccountToOrganization", Target={"Type": "ACCOUNT", "Id": invited})["Handshake"]["Id"]
    own = town.org("CreateOrganization", theirs)["Organization"]
    own_root = town.org("ListRoots", theirs)["Roots"][0]["Id"]
    town.org("EnablePolicyType", theirs, RootId=own_root, PolicyType=SCP)
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("DescribeAccount", {"AccountId": town.member}),
        ("CloseAccount", {"AccountId": town.member}),
        ("RemoveAccountFromOrganization", {"AccountId": town.member}),
        ("MoveAccount", {"AccountId": town.member, "SourceParentId": town.unit, "DestinationParentId": own_root}),
        ("MoveAccount", {"AccountId": stranger, "SourceParentId": own_root, "DestinationParentId": town.unit}),
        ("CreateOrganizationalUnit", {"ParentId": town.unit, "Name": "x"}),
        ("CreateOrganizationalUnit", {"ParentId": town.root, "Name": "x"}),
        ("DescribeOrganizationalUnit", {"OrganizationalUnitId": town.unit}),
        ("UpdateOrganizationalUnit", {"OrganizationalUnitId": town.unit, "Name": "x"}),
        ("DeleteOrganizationalUnit", {"OrganizationalUnitId": town.unit}),
        ("ListChildren", {"ParentId": town.root, "ChildType": "ACCOUNT"}),
        ("ListAccountsForParent", {"ParentId": town.unit}),
        ("ListOrganizationalUnitsForParent", {"ParentId": town.root}),
        ("ListParents", {"ChildId": town.member}),
        ("DescribePolicy", {"PolicyId": town.deny}),
        ("UpdatePolicy", {"PolicyId": town.deny, "Content": ALLOW_ALL}),
        ("DeletePolicy", {"PolicyId": town.deny}),
        ("AttachPolicy", {"PolicyId": town.deny, "TargetId": own_root}),
        ("AttachPolicy", {"PolicyId": "p-FullAWSAccess", "TargetId": town.unit}),
        ("DetachPolicy", {"PolicyId": "p-FullAWSAccess", "TargetId": town.unit}),
        ("ListPoliciesForTarget", {"TargetId": town.member, "Filter": SCP}),
        ("ListTargetsForPolicy", {"PolicyId": town.deny}),
        ("DisablePolicyType", {"RootId": town.root, "PolicyType": SCP}),
        ("TagResource", {"ResourceId": town.member, "Tags": [{"Key": "a", "Value": "b"}]}),
        ("UntagResource", {"ResourceId": town.deny, "TagKeys": ["a"]}),
        ("ListTagsForResource", {"ResourceId": town.unit}),
        ("RegisterDelegatedAdministrator", {"AccountId": town.member, "ServicePrincipal": "sso.amazonaws.com"}),
        ("DeregisterDelegatedAdministrator", {"AccountId": town.member, "ServicePrincipal": "sso.amazonaws.com"}),
        ("ListDelegatedServicesForAccount", {"AccountId": town.member}),
        ("DescribeHandshake", {"HandshakeId": handshake}),
        ("AcceptHandshake", {"HandshakeId": handshake}),
        ("DeclineHandshake", {"HandshakeId": handshake}),
        ("CancelHandshake", {"HandshakeId": handshake}),
    ]  # fmt: skip
    kinds = town.node.store.snapshot._records
    before = {kind: list(records) for kind, records in kinds.items()}
    seen = []
    for name, members in attempts:
        with pytest.raises(Refused) as error:
            town.org(name, theirs, **members)
        assert "NotFound" in error.value.code, f"{name}: {error.value}"
        seen.append(str(error.value))
    assert before == {kind: list(records) for kind, records in kinds.items()}
    assert not [text for text in seen if town.node.account in text or town.member in text or "no iam" in text]
    # what is listed is one's own
    told = json.dumps([town.org(name, theirs) for name in ("ListAccounts", "ListHandshakesForOrganization")], default=str)
    told += json.dumps(town.org("ListPolicies", theirs, Filter=SCP))
    assert not [id for id in (town.node.account, town.member, town.deny, handshake) if id in told] and own["Id"] in told
    # the benign twin: the same calls by whose ids they are
    for name, members in attempts[:1] + attempts[7:8] + attempts[14:15]:
        assert town.org(name, **members)


def test_C46_a_member_manages_nothing(town: Town) -> None:
    member = town.enter(town.member)
    for name, members in (
        ("ListAccounts", {}), ("ListRoots", {}), ("DescribeAccount", {"AccountId": town.member}), ("ListParents", {"ChildId": town.member}),
        ("AttachPolicy", {"PolicyId": "p-FullAWSAccess", "TargetId": town.member}), ("CloseAccount", {"AccountId": town.member}),
        ("MoveAccount", {"AccountId": town.member, "SourceParentId": town.unit, "DestinationParentId": town.root}),
        ("DetachPolicy", {"PolicyId": town.deny, "TargetId": town.member}), ("PutResourcePolicy", {"Content": NO_IAM}),
    ):  # fmt: skip
        denied(town, name, member, "AccessDeniedException", **members)
    assert town.org("DescribeOrganization", member)["Organization"]["MasterAccountId"] == town.node.account


# -- out of a guard


def test_C59_no_answer_outlives_what_guarded_it(town: Town) -> None:
    """One live session; each change holds with the very next call, there and back."""
    session = town.enter(town.member)
    attach = {"PolicyId": town.deny, "TargetId": town.root}
    assert town.stands(session) == ""
    for target in (town.root, town.unit, town.member):
        town.org("AttachPolicy", PolicyId=town.deny, TargetId=target)
        assert town.stands(session) == "AccessDenied"
        town.org("DetachPolicy", PolicyId=town.deny, TargetId=target)
        assert town.stands(session) == ""
    town.org("AttachPolicy", **attach)
    town.org("UpdatePolicy", PolicyId=town.deny, Content=NO_IAM.replace("iam:", "s3:"))
    assert town.stands(session) == ""
    town.org("UpdatePolicy", PolicyId=town.deny, Content=NO_IAM)
    assert town.stands(session) == "AccessDenied"
    town.org("DisablePolicyType", RootId=town.root, PolicyType=SCP)
    assert town.stands(session) == ""
    town.org("EnablePolicyType", RootId=town.root, PolicyType=SCP)
    town.org("AttachPolicy", PolicyId=town.deny, TargetId=town.unit)
    assert town.stands(session) == "AccessDenied"
    town.org("MoveAccount", AccountId=town.member, SourceParentId=town.unit, DestinationParentId=town.root)
    assert town.stands(session) == ""
    town.org("MoveAccount", AccountId=town.member, SourceParentId=town.root, DestinationParentId=town.unit)
    assert town.stands(session) == "AccessDenied"
    town.org("RemoveAccountFromOrganization", AccountId=town.member)
    assert town.stands(session) == ""


def test_H01_a_members_administrator_finds_no_way_out(town: Town) -> None:
    session = town.enter(town.member)
    stay = town.policy("stay", policy({"Effect": "Deny", "Action": ["organizations:LeaveOrganization", "iam:ListUsers"], "Resource": "*"}))
    town.org("AttachPolicy", PolicyId=stay, TargetId=town.unit)
    denied(town, "LeaveOrganization", session, "AccessDeniedException")
    denied(town, "CreateOrganization", session, "AlreadyInOrganizationException")
    for path in ("/aws-service-role/x.amazonaws.com/", "/AWS-service-role/"):
        with pytest.raises(Refused, match="ValidationError"):
            town.iam("CreateRole", session, RoleName="free", Path=path, AssumeRolePolicyDocument=trust({"AWS": town.member}))
    town.iam("CreateRole", session, RoleName="aws-service-role", AssumeRolePolicyDocument=trust({"AWS": town.member}))
    town.iam("AttachRolePolicy", session, RoleName="aws-service-role", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    role = f"arn:aws:iam::{town.member}:role/aws-service-role"
    made = town.node.call("sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": "aws-service-role"}, session)
    assert town.stands(Keys.of(made["Credentials"])) == "AccessDenied"
    town.iam("CreateUser", session, UserName="free")
    town.iam("AttachUserPolicy", session, UserName="free", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert town.stands(Keys.of(town.iam("CreateAccessKey", session, UserName="free")["AccessKey"])) == "AccessDenied"
    assert town.stands(town.admin) == ""


def test_H12_a_deny_wins_over_every_allow(town: Town) -> None:
    session = town.enter(town.member)
    allow = town.policy("allow", ALLOW_ALL)
    for target in (town.root, town.unit, town.member):
        town.org("AttachPolicy", PolicyId=allow, TargetId=target)
    assert town.stands(session) == ""
    town.org("AttachPolicy", PolicyId=town.deny, TargetId=town.root)
    with pytest.raises(Refused, match="explicit deny in a service control policy"):
        town.iam("ListUsers", session)


def test_H12_what_no_level_allows_is_denied(town: Town) -> None:
    session = town.enter(town.member)
    only = town.policy("only s3", policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))
    town.org("AttachPolicy", PolicyId=only, TargetId=town.unit)
    town.org("DetachPolicy", PolicyId="p-FullAWSAccess", TargetId=town.unit)
    with pytest.raises(Refused, match="no service control policy allows"):
        town.iam("ListUsers", session)
    assert town.stands(town.admin) == ""


def test_C44_a_resource_control_policy_closes_the_doors(town: Town) -> None:
    """AssumeRole from outside and from inside; the door of tokens is in tests/unit/services/organizations/test_through_boto.py."""
    member = town.enter(town.member)
    town.iam("CreateRole", member, RoleName="door", AssumeRolePolicyDocument=trust({"AWS": [town.member, town.node.account]}))
    door = {"RoleArn": f"arn:aws:iam::{town.member}:role/door", "RoleSessionName": "sess"}
    for keys in (member, town.admin):
        assert town.node.call("sts", "AssumeRole", door, keys)
    guard = town.policy("no sts", NO_STS, RCP)
    town.org("AttachPolicy", PolicyId=guard, TargetId=town.unit)
    for keys in (member, town.admin):
        with pytest.raises(Refused, match="AccessDenied"):
            town.node.call("sts", "AssumeRole", door, keys)
    with pytest.raises(Refused, match="AccessDenied"):
        town.enter(town.member)
    assert town.stands(member) == ""  # IAM is no service that RCPs guard
    town.org("DetachPolicy", PolicyId=guard, TargetId=town.unit)
    assert town.node.call("sts", "AssumeRole", door, member)


# -- closed, damaged


def test_H88_with_an_account_all_that_came_of_it_is_over(town: Town) -> None:
    """Closed: its sessions, keys, sessions of sessions in other accounts; no way into it, no way back."""
    partner = town.account("partner")
    session = town.enter(town.member)
    town.iam("CreateUser", session, UserName="left")
    town.iam("AttachUserPolicy", session, UserName="left", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = Keys.of(town.iam("CreateAccessKey", session, UserName="left")["AccessKey"])
    own = Keys.of(town.node.call("sts", "GetSessionToken", {}, key)["Credentials"])
    elsewhere = town.enter(partner)
    town.iam("CreateRole", elsewhere, RoleName="guest", AssumeRolePolicyDocument=trust({"AWS": town.member}))
    town.iam("AttachRolePolicy", elsewhere, RoleName="guest", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    guest = {"RoleArn": f"arn:aws:iam::{partner}:role/guest", "RoleSessionName": "sess"}
    chained = [Keys.of(town.node.call("sts", "AssumeRole", guest, keys)["Credentials"]) for keys in (key, session)]
    held = {"session": session, "key": key, "guest by key": chained[0], "guest by session": chained[1]}
    assert {name: town.stands(keys) for name, keys in held.items()} == dict.fromkeys(held, "")
    town.org("CloseAccount", AccountId=town.member)
    assert {name: code for name, keys in held.items() if (code := town.stands(keys)) not in GONE[:2]} == {}
    for keys in (*held.values(), own):
        with pytest.raises(Refused):
            town.node.call("sts", "GetCallerIdentity", {}, keys)
    with pytest.raises(Refused, match="AccessDenied"):
        town.enter(town.member)
    assert town.stands(elsewhere) == "" and town.stands(town.admin) == ""
    denied(town, "CloseAccount", town.admin, "AccountAlreadyClosedException", AccountId=town.member)
    town.org("RemoveAccountFromOrganization", AccountId=town.member)  # and outside of the organization it stays closed
    assert town.stands(session) in GONE
    town.node.pass_time(days=1)
    assert town.stands(key) in GONE


@pytest.mark.parametrize("table", ["organizational_units", "organization_policies", "organizations", "accounts"])
def test_C43_a_damaged_row_frees_nobody(town: Town, table: str) -> None:
    """The row of what guards a member, or of the member itself, is damaged on disk: the member is locked in, never let out."""
    session = town.enter(town.member)
    town.org("AttachPolicy", PolicyId=town.deny, TargetId=town.unit)
    assert town.stands(session) == "AccessDenied"
    now = town.node.now
    town.node.close()
    id = {"organizational_units": town.unit, "organization_policies": town.deny, "accounts": town.member}.get(table)
    with closing(sqlite3.connect(town.node.directory / "daypass.db")) as file, file as database:
        where, values = (" WHERE id = ?", (id,)) if id else ("", ())
        assert database.execute(f"UPDATE {table} SET body = x'7b7d'{where}", values).rowcount == 1
    if table == "organizations":
        with pytest.raises(AssertionError):  # the node cannot know whose the organization was, and does not start
            TestNode(town.node.directory)
        return
    again = TestNode(town.node.directory)
    again.now = now
    town.node = again
    try:
        assert town.stands(session) in ("AccessDenied", "ExpiredToken")
        assert town.stands(town.admin) == ""
    finally:
        again.close()
