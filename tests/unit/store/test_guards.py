"""Guards: levels of SCPs and RCPs around an account; what limits nothing is left out, what cannot be found denies (C43)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.samples import ALLOW, HERE, NOW, THERE, account, guard, organization, role, unit
from daypass import policy
from daypass.store.guards import FULL_ACCESS_ARNS, RCP_SERVICES
from daypass.store.records import Organization, OrganizationalUnit, OrganizationPolicy, Record
from daypass.store.snapshot import Snapshot
from daypass.values.arn import root_arn
from daypass.values.caller import Caller
from daypass.values.decision import Ask

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
BOTH = (SCP, RCP)
DENY_STS = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:*","Resource":"*"}]}'
ROOT = organization(policy_types=BOTH)
MANAGER, MEMBER = account(HERE, parent=ROOT.root_id), account(THERE, parent=unit(1).id)
ADMINS = {at: role(n, account=at, name="admin", inline={"all": ALLOW}) for n, at in enumerate((HERE, THERE))}


def seen(*records: Record) -> Snapshot:
    """A snapshot of an organization of two accounts, one of them in a unit, with these records put over it."""
    snapshot = Snapshot()
    snapshot.apply([ROOT, MANAGER, unit(1), MEMBER, *ADMINS.values()], ())
    snapshot.apply(records, ())
    return snapshot


def admin(at: str, **more: Any) -> Caller:
    """The administrator of an account."""
    own = ADMINS[at]
    made: dict[str, Any] = {
        "kind": "role",
        "account": at,
        "arn": own.arn,
        "user_id": own.id,
        "principal_arn": own.arn,
        "principal_id": own.id,
    }
    return Caller(**made | more)


def names(levels: tuple[tuple[policy.Policy, ...], ...]) -> list[list[str]]:
    """The names of the policies of each level."""
    return [[one.name for one in level] for level in levels]


def allowed(snapshot: Snapshot, caller: Caller, action: str = "iam:GetUser", at: str = "") -> bool:
    """Whether `caller` may do `action` in its own account, or to something of `at` whose own policy lets everyone."""
    own = policy.read_policy(DENY_STS.replace("Deny", "Allow").replace("sts:*", "*"), "resource")
    arn = f"arn:aws:{action.partition(':')[0]}::{at or caller.account}:thing"
    ask = Ask(action, arn, at or caller.account, combine="either" if at else "none", policy=own if at else None)
    return policy.decide(ask, caller, {}, snapshot.layers_of(caller, ask)).allowed


def test_what_limits_nothing_costs_nothing() -> None:
    snapshot = seen()
    layers = snapshot.layers_of(admin(THERE))
    assert (layers.scps, layers.rcps) == ((), ())
    for action in ("iam:GetUser", "sts:AssumeRole"):
        assert snapshot.layers_of(admin(THERE), Ask(action, f"arn:aws:iam::{THERE}:role/x", THERE)) is layers  # not even a value is made


def test_levels_are_in_order_from_the_root() -> None:
    attached = unit(1, policies=(guard(2).id,))
    snapshot = seen(
        organization(policy_types=BOTH, policies=(guard(1).id,)), attached, account(THERE, parent=attached.id, policies=(guard(1).id,)),
        guard(1), guard(2), guard(3, DENY_STS, RCP),
    )  # fmt: skip
    full = FULL_ACCESS_ARNS[SCP]
    assert names(snapshot.layers_of(admin(THERE)).scps) == [[full, guard(1).arn], [full, guard(2).arn], [full, guard(1).arn]]
    assert snapshot.layers_of(admin(HERE)).scps == ()
    snapshot.apply([unit(1, policies=(guard(2).id, guard(3).id), full_access=False)], ())
    assert names(snapshot.layers_of(admin(THERE)).scps)[1] == [guard(2).arn]
    layers = snapshot.layers_of(admin(HERE), Ask("sts:AssumeRole", f"arn:aws:iam::{THERE}:role/x", THERE))
    assert names(layers.rcps) == [[FULL_ACCESS_ARNS[RCP], guard(3, DENY_STS, RCP).arn]] and layers.scps == ()


def test_a_type_that_is_not_enabled_guards_nothing() -> None:
    denied = unit(1, policies=(guard(1).id, guard(2).id))
    snapshot = seen(denied, guard(1), guard(2, DENY_STS, RCP))
    assert not allowed(snapshot, admin(THERE)) and not allowed(snapshot, admin(HERE), "sts:AssumeRole", THERE)
    snapshot.apply([organization(policy_types=(RCP,))], ())
    assert allowed(snapshot, admin(THERE)) and not allowed(snapshot, admin(HERE), "sts:AssumeRole", THERE)
    snapshot.apply([organization(policy_types=(SCP,))], ())
    assert not allowed(snapshot, admin(THERE)) and allowed(snapshot, admin(HERE), "sts:AssumeRole", THERE)


@pytest.mark.parametrize("broken", ["unit", "organization", "scp", "rcp", "text"])
def test_c43_a_guard_that_cannot_be_found_or_read_denies(broken: str, caplog: pytest.LogCaptureFixture) -> None:
    attached = unit(1, policies=(guard(1, ALLOW).id,))
    snapshot = seen(attached, guard(1, ALLOW))
    assert allowed(snapshot, admin(THERE))
    match broken:
        case "unit":
            snapshot.apply([], [(OrganizationalUnit, attached.id)])
        case "organization":
            snapshot.apply([], [(Organization, ROOT.id)])
        case "text":
            snapshot.apply([guard(1, ALLOW[:-1])], ())
        case _:
            snapshot.apply([], [(OrganizationPolicy, guard(1).id)])
    assert not allowed(snapshot, admin(THERE))
    assert not allowed(snapshot, admin(THERE), "sts:AssumeRole", THERE)
    if broken in ("scp", "rcp"):
        assert not allowed(snapshot, admin(HERE), "sts:AssumeRole", THERE)  # of which type it was, nobody knows
    assert caplog.records


def test_root_users_of_members_are_guarded_and_linked_roles_are_not() -> None:
    snapshot = seen(unit(1, policies=(guard(1).id,)), guard(1))
    root = Caller(kind="root", account=THERE, arn=root_arn(THERE), user_id=THERE, principal_arn=root_arn(THERE), principal_id=THERE)
    assert not allowed(snapshot, root)
    assert not allowed(snapshot, admin(THERE))
    linked = f"arn:aws:iam::{THERE}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
    assert allowed(snapshot, admin(THERE, principal_arn=linked))


@pytest.mark.parametrize("service", ["iam", "organizations", "daypass", *sorted(RCP_SERVICES)])
def test_rcps_guard_the_services_that_aws_names(service: str) -> None:
    everything = DENY_STS.replace("sts:*", "*")
    snapshot = seen(unit(1, policies=(guard(1).id,)), guard(1, everything, RCP))
    assert allowed(snapshot, admin(HERE), f"{service}:X", THERE) is (service not in RCP_SERVICES)


def test_rcps_leave_out_what_names_no_resource() -> None:
    snapshot = seen(unit(1, policies=(guard(1).id,)), guard(1, DENY_STS, RCP))
    assert snapshot.layers_of(admin(HERE), Ask("sts:AssumeRole", f"arn:aws:iam::{THERE}:role/x", THERE)).rcps
    assert snapshot.layers_of(admin(HERE), Ask("sts:GetSessionToken", "*", THERE)).rcps == ()


def test_what_others_ask_for_is_not_remembered() -> None:
    snapshot = seen()
    for number in range(100):
        snapshot.layers_of(admin(HERE), Ask("sts:AssumeRole", "arn:x", f"{number:012d}"))
    assert len(snapshot._layers._guards._held) <= 3


_levels = st.sampled_from(["root", "unit", "account"])
_statements = st.sampled_from(["iam:*", "*", "sts:*", "iam:Get*", "s3:*"])
_actions = st.sampled_from(["iam:GetUser", "sts:AssumeRole", "s3:GetObject", "daypass:ListSessions"])


@given(
    st.lists(st.tuples(_levels, st.sampled_from(["Allow", "Deny"]), _statements), max_size=5),
    st.dictionaries(_levels, st.booleans()),
    _actions,
)
def test_a_deny_at_any_level_stops_all_but_the_management_account(
    attached: list[tuple[str, str, str]], full: dict[str, bool], action: str
) -> None:
    """What SCPs allow is the rule itself: at each level something allows it, at none anything denies it."""
    policies = [
        guard(n, f'{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{actions}","Resource":"*"}}]}}')
        for n, (_, effect, actions) in enumerate(attached)
    ]

    def on(level: str) -> dict[str, Any]:
        own = tuple(one.id for one, (at, _, _) in zip(policies, attached, strict=True) if at == level)
        return {"policies": own, "full_access": full.get(level, True)}

    snapshot = seen(
        organization(policy_types=BOTH, **on("root")), unit(1, **on("unit")), account(THERE, parent=unit(1).id, **on("account")), *policies
    )

    def speaks(level: str, effect: str) -> bool:
        covers = {"*", action, action.partition(":")[0] + ":*"} | ({"iam:Get*"} if action == "iam:GetUser" else set())
        return any((at, what) == (level, effect) and actions in covers for at, what, actions in attached)

    expected = all((full.get(at, True) or speaks(at, "Allow")) and not speaks(at, "Deny") for at in ("root", "unit", "account"))
    assert allowed(snapshot, admin(THERE), action) is expected
    assert allowed(snapshot, admin(HERE), action)
    snapshot.apply([account(THERE)], ())  # outside of the organization nothing of it holds
    assert allowed(snapshot, admin(THERE), action)


def test_closed_accounts_are_known_at_once() -> None:
    snapshot = seen(account(THERE, parent=unit(1).id, status="SUSPENDED", closed=NOW))
    assert snapshot.closed_accounts == {THERE}
    snapshot.apply([MEMBER], ())
    assert snapshot.closed_accounts == set()
