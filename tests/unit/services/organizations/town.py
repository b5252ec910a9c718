"""The world of the tests of Organizations: calls whose asks are decided as the way decides them, and short words for what they need."""

from __future__ import annotations

import json
from typing import Any

from daypass import policy
from daypass.store.records import Account, Role
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision
from daypass.values.errors import Refusal
from unit.services.world import ALLOW_ALL, OTHER, World, trust

STRANGER = "888888888888"  # an account of this server that is in no organization
SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
FULL, RCP_FULL = "p-FullAWSAccess", "p-RCPFullAWSAccess"


def statement(effect: str, *actions: str, **more: Any) -> dict[str, Any]:
    """A statement about everything."""
    return {"Effect": effect, "Action": list(actions), "Resource": "*", **more}


def document(*statements: dict[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


DENY_IAM = document(statement("Deny", "iam:*"))
ALLOW_STS = document(statement("Allow", "sts:*"))
DENY_ASSUME = document(statement("Deny", "sts:AssumeRole", Principal="*"))


class Town(World):
    """A World with an administrator in each account, and a standalone account."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.commit_record(Account(id=STRANGER, account=STRANGER, created=self.now, name="stranger", email="stranger@example.org"))
        for account in (self.account, OTHER, STRANGER):
            self.add_admin(account)
        organization = self.organization
        self.root_id = organization.root_id
        self.organization_id = organization.id

    def add_admin(self, account: str) -> None:
        """A role in the account that may do everything and trusts the management account."""
        self.commit_record(
            Role(
                id=f"AROAADMIN{account}",
                account=account,
                created=self.now,
                name="admin",
                trust=trust(self.account),
                inline={"a": ALLOW_ALL},
            )
        )

    def admin(self, account: str = "") -> Caller:
        """A session of the administrator of an account, by default of the management account."""
        account = account or self.account
        role = self.store.roles.named(account, "admin")
        assert role is not None
        arn = f"arn:aws:sts::{account}:assumed-role/admin/s"
        return Caller(kind="role", account=account, arn=arn, user_id=f"{role.id}:s", principal_arn=role.arn, principal_id=role.id)

    def org(self, name: str, *, by: str = "", **members: Any) -> dict[str, Any]:
        """Call Organizations as the administrator of the account `by`; every ask must be allowed."""
        caller = self.admin(by)
        for ask in self.asks(name, by=caller, service="organizations", **members):
            if not self.decide(ask, caller).allowed:
                raise Refusal("AccessDeniedException", f"not allowed: {ask.action} on {ask.resource}")
        return self.call(name, by=caller, service="organizations", **members)

    def decide(self, ask: Ask, caller: Caller) -> Decision:
        """What the policies say, with the ask's own condition keys alone."""
        return policy.decide(ask, caller, ask.context, self.store.layers_of(caller, ask))

    def may(self, account: str, action: str, resource: str = "*") -> bool:
        """Whether the administrator of `account` may do that in its own account."""
        return self.decide(Ask(action, resource, account), self.admin(account)).allowed

    def enable(self, kind: str = SCP) -> None:
        """Enable a policy type."""
        self.org("EnablePolicyType", RootId=self.root_id, PolicyType=kind)

    def policy(self, content: str = DENY_IAM, *, name: str = "", kind: str = SCP, **more: Any) -> str:
        """Make a policy, and give its id."""
        name = name or f"policy {self.drawn}"
        made = self.org("CreatePolicy", Content=content, Description="", Name=name, Type=kind, **more)["Policy"]
        return str(made["PolicySummary"]["Id"])

    def unit(self, parent: str = "", name: str = "unit", **more: Any) -> str:
        """Make a unit, and give its id."""
        made = self.org("CreateOrganizationalUnit", ParentId=parent or self.root_id, Name=name, **more)
        return str(made["OrganizationalUnit"]["Id"])

    def move(self, account: str, destination: str) -> None:
        """Move an account from where it is."""
        source = self.org("ListParents", ChildId=account)["Parents"][0]["Id"]
        self.org("MoveAccount", AccountId=account, SourceParentId=source, DestinationParentId=destination)

    def attach(self, policy_id: str, target: str) -> None:
        """Attach a policy."""
        self.org("AttachPolicy", PolicyId=policy_id, TargetId=target)

    def detach(self, policy_id: str, target: str) -> None:
        """Detach a policy."""
        self.org("DetachPolicy", PolicyId=policy_id, TargetId=target)

    def attached(self, target: str, kind: str = SCP) -> list[str]:
        """The ids of the policies on a target."""
        listed = self.org("ListPoliciesForTarget", TargetId=target, Filter=kind)["Policies"]
        return sorted(str(one["Id"]) for one in listed)


def reason(refusal: Any) -> str:
    """The reason in a caught refusal."""
    return str(refusal.value.members["Reason"])
