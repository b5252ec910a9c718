"""No sequence of operations gives a caller more than its policies and those of the roles that trust it allow.

Random accounts; one user who tries everything, with what it was given and with whatever it gains on the way. Each call is held against
spec/policy_spec.py on a model of the account, each that succeeds against the most that the user could ever have reached, and each pass
against the promise of `mint`: no child outlives its parent, none exceeds its principal and its session policies.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251  # hypothesis's own, which shrinks
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from daypass.store import Changes
from daypass.store import records as r
from escalation.account import ALL, Account, Asked, Credential, Document, Holder, Managed, allows, answer
from escalation.operations import (
    DOCUMENTS,
    Operation,
    entering,
    making,
    of_holder,
    of_policy,
    of_role,
    of_user,
    own_session,
    reads,
    trust_of,
)
from escalation.reach import FACTS, Reach
from rig.node import Keys, Refused, TestNode

LONG = bool(os.environ.get("DAYPASS_FUZZ"))
SEQUENCES, STEPS = 2000 if LONG else 120, 16
DENIED = frozenset({"AccessDenied", "InvalidClientTokenId", "ExpiredToken"})
ACTIONS = (
    "iam:Put*", "iam:Attach*", "iam:Create*", "iam:*Boundary", "iam:Update*", "iam:Get*", "iam:List*", "sts:*", "sts:AssumeRole",
    "iam:CreateAccessKey", "iam:AddUserToGroup", "iam:PassRole", "iam:AddRoleToInstanceProfile", "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion", "iam:PutUserPolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:De*",
    "iam:PutGroupPolicy", "iam:AttachGroupPolicy", "iam:DeleteGroupPolicy", "iam:Detach*",
)  # fmt: skip


class Draw:
    """Random accounts: every choice is hypothesis's."""

    def __init__(self, rng: Random, account: str, partner: str) -> None:
        self.rng = rng
        self.account = Account(account)
        self.partner = partner

    def id(self, prefix: str) -> str:
        return prefix + "".join(self.rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(17))

    def document(self) -> Document:
        return {"Version": "2012-10-17", "Statement": [self.statement() for _ in range(self.rng.randint(1, 3))]}

    def statement(self) -> dict[str, Any]:
        rng, number = self.rng, self.account.id
        users, roles, policies = f"user/u{rng.randint(0, 2)}", f"role/r{rng.randint(0, 2)}", f"policy/p{rng.randint(0, 1)}"
        names = [users, roles, policies, "group/g0", "user/*", "role/*", "*"]
        resources = ["*", *(f"arn:aws:iam::{number}:{name}" for name in names), f"arn:aws:iam::{self.partner}:role/*"]
        statement: dict[str, Any] = {
            "Effect": "Deny" if rng.random() < 0.15 else "Allow",
            "Action": rng.sample(ACTIONS, rng.randint(1, 3)) if rng.random() < 0.9 else rng.choice(("iam:*", "*")),
            "Resource": rng.sample(resources, rng.randint(1, 2)) if rng.random() < 0.7 else "*",
        }
        if rng.random() < 0.35:
            policy = f"arn:aws:iam::{number}:policy/p{rng.randint(0, 1)}"
            statement["Condition"] = rng.choice(
                [
                    {"StringEquals": {"iam:PermissionsBoundary": policy}},
                    {"ArnEquals": {"iam:PolicyARN": policy}},
                    {"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
                    {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{number}:user/u{rng.randint(0, 1)}"}},
                    {"Null": {"iam:PermissionsBoundary": "true"}},
                ]
            )
        return statement

    def whole(self) -> Account:
        made, rng = self.account, self.rng
        for number in range(2):
            versions = {"v1": self.document(), "v2": rng.choice([ALL, self.document()])}
            made.policies.append(Managed(f"arn:aws:iam::{made.id}:policy/p{number}", versions, "v1", 2))
        made.groups.append(self.holder("group", "g0"))
        made.users += [self.holder("user", f"u{number}") for number in range(3)]
        made.users[-1].inline["own"] = ALL
        for number in range(3):
            self.role(f"r{number}", made.id)
        self.role("r9", self.partner)
        made.roles[0].inline["own"] = ALL
        made.unborn = [Holder(kind, f"{kind[0]}-new", made.id, "") for kind in ("user", "role")]
        return made

    def holder(self, kind: str, name: str, account: str = "") -> Holder:
        rng, made = self.rng, self.account
        holder = Holder(kind, name, account or made.id, self.id({"user": "AIDA", "role": "AROA", "group": "AGPA"}[kind]))
        holder.inline = {"own": self.document()} if rng.random() < 0.8 else {}
        if holder.account == made.id:
            holder.attached = [rng.choice(made.policies)] if rng.random() < 0.4 else []
            holder.boundary = rng.choice(made.policies) if kind != "group" and rng.random() < 0.3 else None
            holder.groups = [made.groups[0]] if kind == "user" and rng.random() < 0.3 else []
        return holder

    def role(self, name: str, account: str) -> None:
        role = self.holder("role", name, account)
        known = known_principals(self.account)
        arn = self.rng.choice(list(known))
        role.trust, role.bound = trust_of(arn), {} if arn.endswith(":root") else {arn: known[arn]}
        self.account.roles.append(role)


def known_principals(account: Account) -> dict[str, str]:
    """Whom a trust policy may name, with their ids."""
    return {f"arn:aws:iam::{account.id}:root": "", **{one.arn: one.id for one in account.principals() if one.account == account.id}}


def operations(account: Account) -> list[Operation]:
    """Everything that anyone could try now, but for entering roles."""
    known = known_principals(account)
    own = [role for role in account.roles if role.account == account.id]
    found: list[Operation] = []
    for holder in (*account.users, *own, *account.groups):
        found += of_holder(account, holder, DOCUMENTS)
    for user in account.users:
        found += of_user(account, user)
    for role in own:
        found += of_role(account, role, known)
    for policy in account.policies:
        found += of_policy(account, policy, DOCUMENTS)
    return found


def unborn(account: Account, by: Holder) -> Iterator[Operation]:
    """What could be done to and with those who are not there yet, as if they were."""
    known = known_principals(account)
    for holder in account.unborn:
        yield from making(account, holder, by)
        yield from of_holder(account, holder, DOCUMENTS)
        yield from of_role(account, holder, known) if holder.kind == "role" else of_user(account, holder)
        if holder.kind == "role":
            yield entering(holder, None, 3600)


class Play:
    """One sequence against a real node."""

    def __init__(self, node: TestNode, rng: Random, number: int, counts: Counter[str]) -> None:
        self.node, self.rng, self.counts = node, rng, counts
        node.now = node.now.replace(hour=12)
        self.account = Draw(rng, f"{700000000000 + 2 * number}", f"{700000000001 + 2 * number}").whole()
        self.store()
        self.user = self.account.users[0]
        entries = [entering(role, None, 3600) for role in self.account.roles]
        universe = [*operations(self.account), *entries, *unborn(self.account, self.user)]
        self.reach = Reach(self.account, self.user, universe)
        counts["bounded"] += not all(map(self.reach.may, universe))
        made = node.call("iam", "CreateAccessKey", {"UserName": "u0"}, self.root())["AccessKey"]
        self.held = [Credential(self.user, Keys.of(made))]

    def root(self) -> Keys:
        """Of the account, to make the first key: by the role that the operator enters accounts through."""
        arn = f"arn:aws:iam::{self.account.id}:role/OrganizationAccountAccessRole"
        return Keys.of(self.node.call("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "me"}, self.node.operator())["Credentials"])

    def store(self) -> None:
        """Write the account as records: what it is made of is not what is tested here."""
        node, account = self.node, self.account
        organization = node.store.own_organization()
        assert organization is not None
        changes = Changes()
        for one in (account.id, account.roles[-1].account):
            email = f"{one}@example.org"
            changes.put(r.Account(id=one, account=one, created=node.now, name=one, email=email, parent=organization.root_id))
        entry = trust_of(f"arn:aws:iam::{node.account}:root")
        more: dict[str, Any] = {"trust": json.dumps(entry), "inline": {"all": json.dumps(ALL)}}
        changes.put(r.Role(id=f"AROA{account.id}ENTRY", account=account.id, created=node.now, name="OrganizationAccountAccessRole", **more))
        changes.put(r.InstanceProfile(id=f"AIPA{account.id}PROFI", account=account.id, created=node.now, name=account.profile))
        for policy in account.policies:
            versions = tuple(r.PolicyVersion(id=key, document=json.dumps(text), created=node.now) for key, text in policy.versions.items())
            name = policy.arn.rpartition("/")[2]
            more = {"created": node.now, "updated": node.now, "versions": versions, "default": policy.default, "next_version": 3}
            changes.put(r.ManagedPolicy(id=f"ANPA{account.id}{name.upper()}", account=account.id, name=name, **more))
        for holder in (*account.groups, *account.principals()):
            changes.put(self.record(holder))
        node.store.write(changes)

    def record(self, holder: Holder) -> r.Principal:
        fields: dict[str, Any] = {
            "id": holder.id, "account": holder.account, "created": self.node.now, "name": holder.name,
            "policies": tuple(policy.arn for policy in holder.attached), "boundary": holder.boundary.arn if holder.boundary else "",
            "inline": {name: json.dumps(text) for name, text in holder.inline.items()},
        }  # fmt: skip
        if holder.kind == "role":
            return r.Role(**fields, trust=json.dumps(holder.trust), trusted=holder.bound)
        if holder.kind == "user":
            return r.User(**fields, groups=tuple(group.id for group in holder.groups))
        return r.Group(**fields)

    def step(self) -> None:
        """One call by one of the credentials held: mostly one that should succeed, now and then any; or some minutes go by."""
        rng = self.rng
        by = rng.choice(self.held[-4:])
        offered = operations(self.account)
        if by.holder.account == self.account.id:
            offered += [one for holder in self.account.unborn for one in making(self.account, holder, by.holder)] * 3
        kind = rng.random()
        if kind < 0.06:
            self.node.pass_time(minutes=rng.choice((7, 21)))
        if kind < 0.3 or by.holder.account != self.account.id:  # what a partner's session does at home is its own affair
            offered = [entering(role, rng.choice([None, None, *DOCUMENTS]), rng.choice((900, 3600))) for role in self.account.roles]
        elif kind < 0.35 and by.holder.kind == "user":
            offered = [own_session(by)]
        elif kind < 0.4:
            offered = list(reads(self.account))
        elif kind < 0.5:  # the first is allowed, and what comes with it is what matters
            offered = [one for one in offered if len(one.asks) > 1 and allows(by, one.asks[:1])] or offered
            self.attempt(by, rng.choice(offered))
            return
        names = sorted({one.name for one in offered})  # each kind of operation is as likely as the next, however many ways it has
        for _ in range(rng.choice((1, 8))):
            name = rng.choice(names)
            operation = rng.choice([one for one in offered if one.name == name])
            if allows(by, operation.asks):
                break
        self.attempt(by, operation)

    def attempt(self, by: Credential, operation: Operation) -> None:
        """Do it, and hold the outcome against what the guide says and against the most that could be reached."""
        expected = self.expected(by, operation)
        try:
            answer = self.node.call(operation.service, operation.name, operation.parameters, by.keys)
        except Refused as refused:
            wanted = "denied" if refused.code in DENIED else "allowed"  # by policy: what else is wrong is only looked at afterwards
            assert wanted == expected, f"{by.holder.name} {by.kind} {operation.name} {operation.parameters}: {refused}"
            self.counts[wanted] += 1
            return
        where = f"{by.holder.name} {by.kind} {operation.name} {operation.parameters}"
        assert expected == "allowed", f"{where}: succeeded"
        assert self.reach.may(operation) or operation.name == "GetSessionToken", f"{where}: beyond what could be reached"
        self.counts["accepted"] += 1
        self.counts[operation.name] += 1
        gained = operation.effect(answer)
        if gained is not None:
            self.check(by, gained, operation.parameters)
            self.held.append(gained)

    def expected(self, by: Credential, operation: Operation) -> str:
        if by.ends is not None and self.node.now >= by.ends:
            return "denied"
        if operation.name == "GetSessionToken":
            return "denied" if by.kind == "user-session" or self.denied_session(by) else "allowed"
        return "allowed" if allows(by, operation.asks) else "denied"

    def denied_session(self, by: Credential) -> bool:
        return answer(by, Asked("sts:GetSessionToken", "*", self.account.id)) == "explicitDeny"

    def check(self, parent: Credential, child: Credential, asked: dict[str, Any]) -> None:
        """The promise of mint."""
        if child.kind != "key":
            assert child.ends is not None and child.ends <= self.node.now + timedelta(seconds=asked["DurationSeconds"])
            if parent.ends is not None:
                assert child.ends <= parent.ends, "a child outlives its parent"
                self.counts["chained"] += 1
        assert child.holder in self.reach.controlled, "a credential of someone who could not be reached"
        session = child.session
        for operation in reads(self.account) if child.holder.account == self.account.id else ():
            asks = operation.asks
            if session is not None and allows(child, asks):
                assert allows(Credential(child.holder, child.keys, child.kind), asks), "a session policy widens"
            self.attempt_read(child, operation)

    def attempt_read(self, by: Credential, operation: Operation) -> None:
        try:
            self.node.call("iam", operation.name, operation.parameters, by.keys)
        except Refused as refused:
            assert refused.code in DENIED and self.expected(by, operation) == "denied", f"{by.kind} {operation.name}: {refused}"
            return
        assert self.expected(by, operation) == "allowed", f"{by.holder.name} {by.kind} may {operation.name}"
        self.counts["reads"] += 1


@pytest.fixture(scope="module")
def node() -> Iterator[TestNode]:
    memory = "/dev/shm"  # noqa: S108  # thousands of writes, and no crash among them
    with TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as directory:
        made = TestNode(Path(directory))
        yield made
        made.close()


def test_no_sequence_gives_more_than_policies_and_trust_allow(node: TestNode) -> None:
    counts: Counter[str] = Counter()
    phases = tuple(Phase) if LONG else (Phase.generate,)  # to shrink takes minutes: `make fuzz`

    @settings(
        max_examples=SEQUENCES,
        deadline=None,
        database=None,
        derandomize=not LONG,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=True))
    def sequences(rng: Random) -> None:
        counts["sequences"] += 1
        play = Play(node, rng, counts["sequences"], counts)
        for _ in range(STEPS):
            play.step()

    sequences()
    assert counts["sequences"] >= SEQUENCES
    assert counts["accepted"] >= SEQUENCES * STEPS // 5
    assert counts["denied"] >= SEQUENCES * STEPS // 4
    assert counts["chained"] >= SEQUENCES // 10
    assert counts["bounded"] >= SEQUENCES // 4, "where everything can be reached there is no bound to break"
    assert {name for name in FACTS if not counts[name]} == set(), "an operation that never succeeded was not tested"
