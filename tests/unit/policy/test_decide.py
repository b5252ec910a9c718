"""Each rule of the evaluation logic by itself; every combination of them is in tests/differential."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.policy import Layers, Policy, decide, unreadable
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Combine, Decision, Values
from unit.policy.people import (
    ANYONE,
    HERE,
    OUTSIDER,
    PROVIDER,
    ROLE_ARN,
    ROLE_ID,
    ROOT,
    SESSION,
    SESSION_ARN,
    THERE,
    TOKEN,
    USER,
    policy,
    statement,
    trust,
)  # fmt: skip

ALL = policy("identity", statement(), name="all")
NOTHING = policy("identity", statement(Action="x:Y"), name="nothing")
NO_STS = policy("identity", statement(), statement("Deny", Sid="NoSts", Action="sts:*"), name="no-sts")
THE_ROLE = f"arn:aws:iam::{HERE}:role/target"


def ask(caller: Caller, layers: Layers, own: Policy | None = None, combine: Combine = "must", **context: Values) -> Decision:
    """May `caller` assume the role of HERE whose trust policy is `own`?"""
    return decide(Ask("sts:AssumeRole", THE_ROLE, HERE, combine=combine, policy=own), caller, context, layers)


def test_denied_by_default() -> None:
    """Attacks row C43."""
    assert ask(USER, Layers(), combine="none") == Decision(False, False, "identity")
    assert ask(USER, Layers((NOTHING,)), combine="none") == Decision(False, False, "identity")


def test_allowed_by_an_identity_policy_that_is_named() -> None:
    assert ask(USER, Layers((NOTHING, ALL)), combine="none") == Decision(True, False, "identity", "all", "1")


@pytest.mark.parametrize("first", [True, False])
def test_an_explicit_deny_wins_wherever_it_stands(first: bool) -> None:
    """Attacks rows C44 and H12."""
    open_trust = trust({"AWS": [HERE, USER.arn]})
    identity = (NO_STS, ALL) if first else (ALL, NO_STS)
    denied = {
        "identity": (Layers(identity), open_trust),
        "boundary": (Layers((ALL,), boundary=NO_STS), open_trust),
        "session": (Layers((ALL,), session=(ALL, NO_STS)), open_trust),
        "scp": (Layers((ALL,), scps=((ALL,), (ALL, NO_STS))), open_trust),
    }
    for layer, (layers, own) in denied.items():
        assert ask(USER, layers, own) == Decision(False, True, layer, "no-sts", "NoSts")  # type: ignore[arg-type]  # the keys are layers
    refuse = statement("Deny", Sid="Not", Principal={"AWS": USER.arn}, Action="sts:*", Resource=None)
    mixed = policy("trust", statement(Principal={"AWS": HERE}, Action="sts:*", Resource=None), refuse, name="t")
    assert ask(USER, Layers((ALL,)), mixed) == Decision(False, True, "trust", "t", "Not")


def test_an_unreadable_policy_denies() -> None:
    assert ask(USER, Layers((ALL, unreadable("identity", "bad"))), combine="none") == Decision(False, True, "identity", "bad", "Unreadable")


# IAM User Guide, "Cross account resource access" and fact sheet A §5.6: trust names → identity allows → the answer
@pytest.mark.parametrize(
    ("principal", "caller", "identity", "allowed"),
    [
        (HERE, USER, ALL, True),
        (HERE, USER, NOTHING, False),
        (USER.arn, USER, NOTHING, True),
        (USER.principal_id, USER, NOTHING, True),
        (ROLE_ARN, SESSION, NOTHING, True),
        (SESSION_ARN, SESSION, NOTHING, True),
        (ROLE_ARN, USER, ALL, False),
        (THERE, USER, ALL, False),
        ("*", USER, NOTHING, True),
        (THERE, OUTSIDER, ALL, True),
        (THERE, OUTSIDER, NOTHING, False),
        (OUTSIDER.arn, OUTSIDER, ALL, True),
        (OUTSIDER.arn, OUTSIDER, NOTHING, False),
        ("*", OUTSIDER, NOTHING, False),
        ("*", OUTSIDER, ALL, True),
        (HERE, OUTSIDER, ALL, False),
        (HERE, ROOT, NOTHING, True),
        (THERE, ROOT, ALL, False),
    ],
)
def test_who_must_allow_an_assume_role(principal: str, caller: Caller, identity: Policy, allowed: bool) -> None:
    decision = ask(caller, Layers((identity,)), trust({"AWS": principal}))
    assert decision.allowed is allowed
    assert not decision.explicit


def test_a_role_that_assumes_itself_must_be_named() -> None:
    target = Ask("sts:AssumeRole", ROLE_ARN, HERE, combine="must", policy=trust({"AWS": THERE}))
    assert not decide(target, SESSION, {}, Layers((ALL,))).allowed


def test_a_role_without_a_trust_policy_lets_nobody_in() -> None:
    for caller in (USER, SESSION, ROOT, OUTSIDER, TOKEN, ANYONE):
        assert not ask(caller, Layers((ALL,)), None).allowed


# IAM User Guide, "Permissions boundaries" and "Session policies"; fact sheet A §5.8: what an implicit deny of them limits
@pytest.mark.parametrize(
    ("principal", "caller", "boundary_limits", "session_limits"),
    [
        ({"AWS": USER.arn}, USER, False, False),
        ({"AWS": ROLE_ARN}, SESSION, True, True),
        ({"AWS": ROLE_ID}, SESSION, True, True),
        ({"AWS": SESSION_ARN}, SESSION, False, False),
        ({"AWS": HERE}, USER, True, True),
        ({"AWS": HERE}, SESSION, True, True),
        ("*", SESSION, False, False),
        ("*", USER, False, False),
        ({"AWS": THERE}, OUTSIDER, True, True),
        ({"AWS": OUTSIDER.arn}, OUTSIDER, True, True),
        ("*", OUTSIDER, True, True),
    ],
)
@pytest.mark.parametrize("combine", ["must", "either"])
def test_what_boundary_and_session_policies_limit(
    principal: Any, caller: Caller, boundary_limits: bool, session_limits: bool, combine: Combine
) -> None:
    own = trust(principal)
    assert ask(caller, Layers((ALL,)), own, combine).allowed
    assert ask(caller, Layers((ALL,), boundary=NOTHING), own, combine).allowed is not boundary_limits
    assert ask(caller, Layers((ALL,), session=(NOTHING,)), own, combine).allowed is not session_limits
    assert not ask(caller, Layers((ALL,), scps=((NOTHING,),)), own, combine).allowed


def test_everyone_with_a_principal_arn_condition_names_the_role_not_the_session() -> None:
    condition = {"ArnEquals": {"aws:PrincipalArn": ROLE_ARN}}
    own = policy("trust", statement(Principal="*", Action="sts:*", Resource=None, Condition=condition))
    target = Ask("sts:AssumeRole", THE_ROLE, HERE, combine="must", policy=own)
    context = {"aws:principalarn": ROLE_ARN}
    assert decide(target, SESSION, context, Layers()).allowed
    assert not decide(target, SESSION, context, Layers(boundary=NOTHING)).allowed
    assert not decide(target, SESSION, {"aws:principalarn": THE_ROLE}, Layers((ALL,))).allowed


def test_either_side_suffices_for_other_resources_of_the_account() -> None:
    own = policy("resource", statement(Principal={"AWS": USER.arn}), name="secret")
    assert ask(USER, Layers(), own, "either") == Decision(True, False, "resource", "secret", "1")
    assert ask(USER, Layers((ALL,)), None, "either") == Decision(True, False, "identity", "all", "1")
    elsewhere = policy("resource", statement(Principal={"AWS": HERE}))
    assert not ask(USER, Layers(), elsewhere, "either").allowed  # naming the account only delegates
    assert ask(USER, Layers((ALL,)), elsewhere, "either").layer == "identity"


def test_a_foreign_resource_without_a_policy_is_out_of_reach() -> None:
    assert ask(OUTSIDER, Layers((ALL,)), None, "none") == Decision(False, False, "resource")


def test_every_level_of_the_organization_must_allow() -> None:
    assert ask(USER, Layers((ALL,), scps=((ALL,), (NOTHING, ALL))), combine="none").allowed
    assert ask(USER, Layers((ALL,), scps=((NOTHING,), (ALL,))), combine="none") == Decision(False, False, "scp")
    assert ask(USER, Layers((ALL,), scps=((ALL,), ())), combine="none") == Decision(False, False, "scp")
    assert ask(ROOT, Layers(scps=((NOTHING,),)), combine="none") == Decision(False, False, "scp")


def test_session_policies_are_a_union_that_only_narrows() -> None:
    assert ask(SESSION, Layers((ALL,), session=(NOTHING, ALL)), combine="none").allowed
    assert ask(SESSION, Layers((NOTHING,), session=(ALL,)), combine="none") == Decision(False, False, "identity")
    assert ask(SESSION, Layers((ALL,), session=()), combine="none") == Decision(False, False, "session")
    assert ask(SESSION, Layers((ALL,), boundary=NOTHING), combine="none") == Decision(False, False, "boundary")


def test_root_needs_no_policy_in_its_own_account_only() -> None:
    assert ask(ROOT, Layers(), combine="none") == Decision(True, False, "identity")
    assert not decide(Ask("s3:Get", "*", THERE), ROOT, {}, Layers()).allowed


def test_a_token_needs_the_trust_policy_alone() -> None:
    own = trust({"Federated": PROVIDER}, Condition={"StringEquals": {"idp.example:sub": "me"}})
    web = Ask("sts:AssumeRoleWithWebIdentity", THE_ROLE, HERE, combine="must", policy=own)
    assert decide(web, TOKEN, {"idp.example:sub": "me"}, Layers()) == Decision(True, False, "trust", "trust", "1")
    assert not decide(web, TOKEN, {"idp.example:sub": "you"}, Layers((ALL,))).allowed
    for principal in ("*", {"AWS": HERE}, {"Federated": PROVIDER + "2"}):
        assert not ask(TOKEN, Layers((ALL,)), trust(principal)).allowed


def test_a_deny_of_everyone_means_tokens_too() -> None:
    own = policy(
        "trust",
        statement(Principal={"Federated": PROVIDER}, Action="sts:*", Resource=None),
        statement("Deny", Principal="*", Action="sts:*", Resource=None, Condition={"Bool": {"aws:SecureTransport": False}}),
    )
    target = Ask("sts:AssumeRoleWithWebIdentity", THE_ROLE, HERE, combine="must", policy=own)
    assert decide(target, TOKEN, {"aws:securetransport": "true"}, Layers()).allowed
    assert decide(target, TOKEN, {"aws:securetransport": "false"}, Layers()).explicit


def test_external_id() -> None:
    own = trust({"AWS": THERE}, Condition={"StringEquals": {"sts:ExternalId": "7"}})
    target = Ask("sts:AssumeRole", THE_ROLE, HERE, combine="must", policy=own)
    contexts: list[dict[str, Values]] = [{"sts:externalid": "7"}, {"sts:externalid": "8"}, {}]
    assert [decide(target, OUTSIDER, context, Layers((ALL,))).allowed for context in contexts] == [True, False, False]


def test_older_sessions_are_denied_by_issue_time() -> None:
    """Fact sheet A, §3.14, AWSRevokeOlderSessions."""
    before = {"DateLessThan": {"aws:TokenIssueTime": "2026-11-24T12:00:00Z"}}
    layers = Layers((ALL, policy("identity", statement("Deny", Condition=before), name="AWSRevokeOlderSessions")))
    for issued, allowed in (("2026-11-24T11:59:59Z", False), ("2026-11-24T12:00:00Z", True), ("2026-11-24T12:00:01Z", True)):
        assert decide(Ask("s3:Get", "*", HERE), SESSION, {"aws:tokenissuetime": issued}, layers).allowed is allowed
    assert decide(Ask("s3:Get", "*", HERE), USER, {}, layers).allowed


@pytest.mark.parametrize(
    ("listed", "caller", "boundary", "denied"),
    [
        ([HERE, ROLE_ARN, SESSION_ARN], SESSION, None, False),
        ([HERE, ROLE_ARN], SESSION, None, True),
        ([HERE, USER.arn], USER, None, False),
        ([HERE, USER.arn], USER, ALL, True),
        ([HERE, USER.arn], ANYONE, None, True),
    ],
)
def test_not_principal(listed: list[str], caller: Caller, boundary: Policy | None, denied: bool) -> None:
    """Attacks row H12."""
    own = policy("resource", statement("Deny", NotPrincipal={"AWS": listed}), statement(Principal="*"))
    assert ask(caller, Layers((ALL,), boundary=boundary), own, "either").explicit is denied
