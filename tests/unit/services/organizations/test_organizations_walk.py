"""Any sequence of changes to an organization: after each, what its accounts may do is what a simple reading of the rules says.

The reading knows no cache, no record and no index: places with a parent, and at each of them a set of statements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from unit.services.organizations.town import FULL, RCP, SCP, STRANGER, Town, document, statement
from unit.services.world import OTHER

ACTIONS = ("iam:GetUser", "sts:AssumeRole", "s3:GetObject")
ALLOW = [("Allow", "*"), ("Allow", "iam:*"), ("Allow", "sts:*")]
DENY = [("Deny", "iam:*"), ("Deny", "sts:*"), ("Deny", "s3:*")]
GUARDS = [*ALLOW, *DENY]
MEMBERS = (OTHER, STRANGER)
# How often each change is tried; what is refused changes nothing.
WEIGHTS = {
    "attach": 8,
    "detach full": 4,
    "move": 4,
    "rewrite": 2,
    "detach": 2,
    "unit": 2,
    "join": 1,
    "leave": 1,
    "enable": 1,
    "disable": 0.2,
}
STEPS = 25


@dataclass
class Reading:
    """The rules, read simply."""

    root: str
    parents: dict[str, str] = field(default_factory=dict)
    attached: dict[str, set[str]] = field(default_factory=dict)  # place -> policies, AWS's own among them
    says: dict[str, tuple[str, str]] = field(default_factory=dict)
    enabled: bool = False

    def allows(self, account: str, action: str) -> bool:
        """Whether all levels of `account` allow the action."""
        if not self.enabled or account not in self.parents:
            return True
        place, levels = account, []
        while place:
            levels.append([self.says[id] for id in self.attached[place]])
            place = self.parents.get(place, "")
        speak = [[effect for effect, what in level if what in ("*", action.partition(":")[0] + ":*")] for level in levels]
        return all("Allow" in level and "Deny" not in level for level in speak)


class Walk:
    """A town and its reading, changed in step."""

    def __init__(self) -> None:
        self.town = Town()
        self.read = Reading(self.town.root_id)
        for place in (self.town.root_id, OTHER, self.town.account):
            self.place(place, "" if place == self.town.root_id else self.town.root_id)
        self.read.says[FULL] = ("Allow", "*")
        self.policies = [self.town.policy(document(statement(*guard))) for guard in GUARDS]
        self.read.says.update(zip(self.policies, GUARDS, strict=True))

    def place(self, id: str, parent: str) -> None:
        """A new place in the reading."""
        if parent:
            self.read.parents[id] = parent
        self.read.attached[id] = {FULL}

    def step(self, what: str, one: int, other: int) -> None:
        """Change both; what the town refuses changes neither."""
        town, read = self.town, self.read
        units = [place for place in read.attached if place.startswith(("ou-", "r-"))]
        places, members = sorted(read.attached), [account for account in MEMBERS if account in read.parents]
        unit, target, policy = units[one % len(units)], places[one % len(places)], self.policies[other % len(self.policies)]
        match what:
            case "unit":
                self.place(town.unit(unit, name=f"u{town.drawn}"), unit)
            case "move" if members:
                town.move(members[other % len(members)], unit)
                read.parents[members[other % len(members)]] = unit
            case "leave" if members:
                account = members[one % len(members)]
                town.org("RemoveAccountFromOrganization", AccountId=account)
                del read.parents[account], read.attached[account]
            case "join":
                account = MEMBERS[one % 2]
                id = town.org("InviteAccountToOrganization", Target={"Type": "ACCOUNT", "Id": account})["Handshake"]["Id"]
                town.org("AcceptHandshake", by=account, HandshakeId=id)
                self.place(account, town.root_id)
            case "enable":
                town.enable()
                read.enabled = True
            case "disable":
                town.org("DisablePolicyType", RootId=town.root_id, PolicyType=SCP)
                read.enabled, read.attached = False, {place: {FULL} for place in read.attached}
            case "attach":
                town.attach(policy, target)
                read.attached[target].add(policy)
            case "detach":
                town.detach(policy, target)
                read.attached[target].discard(policy)
            case "detach full":
                town.detach(FULL, target)
                read.attached[target].discard(FULL)
            case "rewrite":
                town.org("UpdatePolicy", PolicyId=policy, Content=document(statement(*GUARDS[one % len(GUARDS)])))
                read.says[policy] = GUARDS[one % len(GUARDS)]


@settings(max_examples=40)
@given(st.randoms(use_true_random=True))  # weighed by WEIGHTS, not by what shrinks well
def test_after_any_changes_all_may_what_the_rules_say(chance: Any) -> None:
    walk = Walk()
    walk.step("enable", 0, 0)
    for what in chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=STEPS):
        step = what, chance.randrange(100), chance.randrange(100)
        try:
            walk.step(*step)
        except Refusal as refusal:
            assert refusal.code not in ("AccessDeniedException", "AccountNotFoundException"), step
        for account in (*MEMBERS, walk.town.account):
            for action in ACTIONS:
                expected = account == walk.town.account or walk.read.allows(account, action)
                assert walk.town.may(account, action) is expected, (step, account, action)


@given(st.lists(st.sampled_from(["root", "unit", "account", "outside"]), max_size=6), st.booleans())
@settings(max_examples=30)
def test_a_resource_control_policy_guards_wherever_the_account_goes(way: list[str], enabled: bool) -> None:
    """A deny on the unit only: the account's roles are out of reach exactly while it is there and the type is enabled."""
    town = Town()
    unit = town.unit()
    town.enable(RCP)
    town.attach(town.policy(document(statement("Deny", "sts:*", Principal="*")), kind=RCP), unit)
    if not enabled:
        town.org("DisablePolicyType", RootId=town.root_id, PolicyType=RCP)
    role: Any = town.store.roles.named(OTHER, "admin")
    ask = Ask("sts:AssumeRole", role.arn, OTHER, combine="must", policy=town.store.trust_of(role))
    for place in way:
        account: Any = town.store.accounts.find(OTHER)
        if place == "outside" and account.parent:
            town.org("LeaveOrganization", by=OTHER)
        elif place in ("root", "unit") and account.parent and account.parent != (goal := unit if place == "unit" else town.root_id):
            town.move(OTHER, goal)
        account = town.store.accounts.find(OTHER)
        assert town.decide(ask, town.admin()).allowed is not (enabled and account.parent == unit)
