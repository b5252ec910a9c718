"""Each rule of the evaluation logic by itself; every combination of them is in tests/differential."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.policy import Layers, Policy, decide, unreadable
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Combine, Decision, Values
from unit.policy.people import (
    ANYONE,
    FEDERATED,
    FEDERATED_ARN,
    HERE,
    OUTSIDER,
    PROVIDER,
    ROLE_ARN,
    ROLE_ID,
    ROOT,
    SERVICE,
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


# AWS Organizations User Guide, "Resource control policies (RCPs)"
OPEN_RCP = policy("rcp", statement(Principal="*"))
SHUT_RCP = policy("rcp", statement(Principal="*", Action="x:Y"))
NO_STS_RCP = policy("rcp", statement(Principal="*"), statement("Deny", Sid="NoSts", Principal="*", Action="sts:*"), name="guard")
EVERY_WAY = trust({"AWS": [HERE, THERE, USER.arn, ROLE_ARN, SESSION_ARN], "Federated": PROVIDER, "Service": "rolesanywhere.amazonaws.com"})


@pytest.mark.parametrize("caller", [USER, OUTSIDER, SESSION, ROOT, TOKEN, SERVICE])
def test_a_resource_control_policy_is_about_everyone(caller: Caller) -> None:
    for combine in ("must", "either"):
        assert ask(caller, Layers((ALL,)), EVERY_WAY, combine).allowed
        assert ask(caller, Layers((ALL,), rcps=((OPEN_RCP,), (SHUT_RCP, OPEN_RCP))), EVERY_WAY, combine).allowed
        for levels in (((OPEN_RCP,), (SHUT_RCP,)), ((SHUT_RCP,), (OPEN_RCP,)), ((),)):
            assert ask(caller, Layers((ALL,), rcps=levels), EVERY_WAY, combine) == Decision(False, False, "rcp")
        denied = Decision(False, True, "rcp", "guard", "NoSts")
        assert ask(caller, Layers((ALL,), rcps=((OPEN_RCP,), (NO_STS_RCP,))), EVERY_WAY, combine) == denied


def test_the_resource_s_guard_where_no_policy_of_it_is_asked() -> None:
    assert ask(USER, Layers((ALL,), rcps=((SHUT_RCP,),)), combine="none") == Decision(False, False, "rcp")
    assert ask(ANYONE, Layers(rcps=((SHUT_RCP,),)), trust("*")) == Decision(False, False, "rcp")


def _in_role(path: str) -> Caller:
    return Caller("role", HERE, SESSION_ARN, "AROAX:s", f"arn:aws:iam::{HERE}:role/{path}", "AROAX")


def test_service_linked_roles_are_beyond_the_organization_s_policies() -> None:
    shut = Layers((ALL,), scps=((NO_STS,),), rcps=((NO_STS_RCP,),))
    assert ask(_in_role("aws-service-role/x.amazonaws.com/AWSServiceRoleForX"), shut, combine="none").allowed
    for path in ("r", "aws-service-role", "aws-service-rolex/r", "a:role/aws-service-role/r", "x/role/aws-service-role/r"):
        assert ask(_in_role(path), shut, combine="none") == Decision(False, True, "rcp", "guard", "NoSts")
        assert ask(_in_role(path), Layers((ALL,), scps=((NO_STS,),)), combine="none").layer == "scp"
    linked_user = Caller("user", HERE, "", "AIDAX", f"arn:aws:iam::{HERE}:role/aws-service-role/x", "AIDAX")
    assert not ask(linked_user, shut, combine="none").allowed


# STS API reference, GetFederationToken: "the intersection of the IAM user policies and the session policies that you pass"
@pytest.mark.parametrize(
    ("identity", "session", "allowed"),
    [((ALL,), (ALL,), True), ((ALL,), None, False), ((ALL,), (), False), ((ALL,), (NOTHING,), False), ((NOTHING,), (ALL,), False)],
)
def test_a_federated_user_has_what_user_and_session_policies_allow(identity: Any, session: Any, allowed: bool) -> None:
    assert ask(FEDERATED, Layers(identity, session=session), combine="none").allowed is allowed


@pytest.mark.parametrize(
    ("principal", "boundary_limits", "session_limits"),
    [(FEDERATED_ARN, False, False), (USER.arn, True, True), (USER.principal_id, True, True), (HERE, True, True), ("*", False, False)],
)
def test_how_a_resource_s_policy_names_a_federated_user(principal: str, boundary_limits: bool, session_limits: bool) -> None:
    own = trust({"AWS": principal})
    identity = (ALL,) if principal == HERE else ()
    assert ask(FEDERATED, Layers(identity, session=(ALL,)), own, "either").allowed
    assert ask(FEDERATED, Layers(identity, boundary=NOTHING, session=(ALL,)), own, "either").allowed is not boundary_limits
    assert ask(FEDERATED, Layers(identity), own, "either").allowed is not session_limits


def test_a_federated_root_user_needs_session_policies_only() -> None:
    root = Caller("federated-user", HERE, FEDERATED_ARN, f"{HERE}:bob", ROOT.arn, HERE)
    assert ask(root, Layers(session=(ALL,)), combine="none").allowed
    assert not ask(root, Layers(), combine="none").allowed
    assert not ask(FEDERATED, Layers(session=(ALL,)), combine="none").allowed


def test_root_s_session_is_limited_by_its_policies() -> None:
    assert ask(ROOT, Layers(session=(ALL,)), combine="none").allowed
    assert ask(ROOT, Layers(session=(NOTHING,)), combine="none") == Decision(False, False, "session")


@pytest.mark.parametrize("caller", [TOKEN, SERVICE])
def test_who_has_no_account_needs_the_resource_s_policy_alone(caller: Caller) -> None:
    shut = Layers((NOTHING,), boundary=NOTHING, session=(NOTHING,), scps=((NOTHING,),))
    assert ask(caller, shut, EVERY_WAY) == Decision(True, False, "trust", "trust", "1")
    assert not ask(caller, Layers((ALL,)), trust({"AWS": HERE})).allowed
    assert not ask(caller, Layers((ALL,)), None, "none").allowed


def test_which_missing_layer_is_told() -> None:
    """The first in the order of evaluation."""
    layers = Layers((NOTHING,), boundary=NOTHING, session=(NOTHING,), scps=((NOTHING,),), rcps=((SHUT_RCP,),))
    assert ask(USER, layers, combine="none").layer == "rcp"
    assert ask(USER, Layers((NOTHING,), boundary=NOTHING, session=(NOTHING,), scps=((NOTHING,),)), combine="none").layer == "scp"
    assert ask(USER, Layers((NOTHING,), boundary=NOTHING, session=(NOTHING,)), combine="none").layer == "identity"
    assert ask(USER, Layers((ALL,), boundary=NOTHING, session=(NOTHING,)), combine="none").layer == "boundary"
    assert ask(USER, Layers((), boundary=NOTHING), trust({"AWS": THERE})).layer == "trust"


def test_a_deny_of_a_later_level_counts_though_an_earlier_one_is_silent() -> None:
    assert ask(USER, Layers((ALL,), scps=((NOTHING,), (NO_STS,))), combine="none") == Decision(False, True, "scp", "no-sts", "NoSts")
    assert ask(USER, Layers((ALL,), scps=((NO_STS,), (NOTHING,))), combine="none") == Decision(False, True, "scp", "no-sts", "NoSts")


def test_a_policy_of_another_kind_in_the_ask_is_no_policy() -> None:
    target = Ask("sts:AssumeRole", THE_ROLE, HERE, combine="must", policy="not compiled")
    assert decide(target, USER, {}, Layers((ALL,))) == Decision(False, False, "resource")


def test_everyone_may_be_nobody_in_particular() -> None:
    """IAM User Guide, "Principal: all principals": anonymous callers too, without any policy of theirs."""
    assert ask(ANYONE, Layers(), trust("*"), "either") == Decision(True, False, "trust", "trust", "1")
    assert not ask(ANYONE, Layers(), trust({"AWS": [HERE, THERE]}), "either").allowed
    assert not ask(ANYONE, Layers((ALL,)), None, "none").allowed


def test_who_is_named_directly_still_needs_the_resource_s_allow() -> None:
    """Naming by a statement that does not hold names nobody."""
    never = trust({"AWS": USER.arn}, Condition={"Bool": {"aws:SecureTransport": "true"}})
    assert ask(USER, Layers((ALL,)), never).layer == "trust"
    assert not ask(USER, Layers((ALL,)), never).allowed


def test_a_role_named_needs_all_guards() -> None:
    named = trust({"AWS": ROLE_ARN})
    assert ask(SESSION, Layers(), named).allowed
    for layers in (Layers(scps=((NOTHING,),)), Layers(rcps=((SHUT_RCP,),)), Layers(boundary=NOTHING), Layers(session=(NOTHING,))):
        assert not ask(SESSION, layers, named).allowed
