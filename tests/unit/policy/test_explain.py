from __future__ import annotations

from daypass.policy import Layers, decide, explain
from daypass.values.decision import Ask, Values
from daypass.values.why import Considered, Failed
from unit.policy.people import HERE, PROVIDER, ROOT, SESSION, THERE, TOKEN, USER, policy, statement, trust

ALL = policy("identity", statement(), name="all")
THE_ROLE = f"arn:aws:iam::{HERE}:role/target"


def test_the_failed_condition_with_both_values() -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/Team": ["red", "blue"]}, "Bool": {"aws:MultiFactorAuthPresent": "true"}}
    layers = Layers((policy("identity", statement(Sid="Team", Action="s3:*", Condition=condition), name="teams"),))
    context: dict[str, Values] = {"aws:principaltag/team": "green"}
    ask = Ask("s3:GetObject", "arn:aws:s3:::b/k", HERE)
    told = explain(ask, USER, context, layers)
    assert told.decision == decide(ask, USER, context, layers)
    identity = next(one for one in told.layers if one.layer == "identity")
    assert (identity.said, identity.needed, identity.matched) == ("nothing", True, ())
    assert identity.missed == (
        Considered(
            "identity", "teams", "Team", "Allow",
            (
                Failed("Condition", "StringEquals", "aws:PrincipalTag/Team", ("red", "blue"), ("green",)),
                Failed("Condition", "Bool", "aws:MultiFactorAuthPresent", ("true",), None),
            ),
            ("s3:*",), ("*",),
        ),
    )  # fmt: skip


def test_a_resource_and_a_principal_that_are_not_meant() -> None:
    own = trust({"AWS": THERE, "Federated": PROVIDER})
    layers = Layers((policy("identity", statement(Resource="arn:aws:iam::*:role/other"), name="mine"),))
    told = explain(Ask("sts:AssumeRole", THE_ROLE, HERE, combine="must", policy=own), USER, {}, layers)
    missed = {one.layer: one.missed[0].failed for one in told.layers if one.missed}
    assert missed == {
        "trust": (Failed("Principal", expected=(THERE, PROVIDER)),),
        "identity": (Failed("Resource", expected=("arn:aws:iam::*:role/other",), actual=(THE_ROLE,)),),
    }


def test_statements_of_other_actions_are_not_mentioned() -> None:
    told = explain(Ask("s3:Get", "*", HERE), USER, {}, Layers((policy("identity", statement(Action="kms:*")),)))
    assert [(one.layer, one.said, one.missed) for one in told.layers if one.needed] == [("identity", "nothing", ())] + [
        (layer, "absent", ()) for layer in ("boundary", "session")
    ]


def test_every_level_and_every_layer_has_its_say() -> None:
    deny = policy("scp", statement("Deny", Sid="No", Action="s3:Put*"), statement(), name="guard")
    full = policy("scp", statement())
    rcp = policy("rcp", statement(Principal="*"))
    layers = Layers((ALL,), ALL, (ALL,), ((full,), (full, deny)), ((rcp,),))
    told = explain(Ask("s3:PutObject", "*", HERE), SESSION, {}, layers)
    assert [(one.layer, one.level, one.said) for one in told.layers] == [
        ("rcp", 0, "allow"), ("scp", 0, "allow"), ("scp", 1, "deny"), ("resource", 0, "absent"), ("identity", 0, "allow"),
        ("boundary", 0, "allow"), ("session", 0, "allow"),
    ]  # fmt: skip
    assert (told.decision.explicit, told.decision.layer, told.decision.statement) == (True, "scp", "No")


def test_root_needs_no_statement() -> None:
    told = explain(Ask("s3:Get", "*", HERE), ROOT, {}, Layers())
    assert told.decision.allowed
    assert next(one.said for one in told.layers if one.layer == "identity") == "allow"


def test_a_policy_that_must_be_there_and_is_not() -> None:
    told = explain(Ask("s3:Get", "*", THERE), USER, {}, Layers((ALL,)))
    assert [(one.said, one.needed) for one in told.layers if one.layer == "resource"] == [("nothing", True)]


def test_whom_a_statement_means() -> None:
    own = policy(
        "resource",
        statement("Deny", Sid="Others", NotPrincipal={"AWS": [HERE, USER.arn]}),
        statement("Deny", Sid="Them", Principal={"AWS": THERE}),
        statement(Sid="All", Principal="*"),
    )
    for caller, bounded, applied in ((USER, None, {"All"}), (SESSION, None, {"Others", "All"}), (USER, ALL, {"Others", "All"})):
        told = explain(Ask("s3:Get", "*", HERE, combine="either", policy=own), caller, {}, Layers((ALL,), boundary=bounded))
        said = next(one for one in told.layers if one.layer == "resource")
        assert {one.statement for one in said.matched} == applied
        assert {one.statement for one in said.missed} == {"Others", "Them", "All"} - applied
        assert said.said == ("deny" if "Others" in applied else "allow")


def test_a_resource_control_policy_is_about_tokens_too() -> None:
    layers = Layers(rcps=((policy("rcp", statement(Principal="*")),), (policy("rcp", statement(Principal="*", Action="x:Y")),)))
    own = trust({"Federated": PROVIDER})
    told = explain(Ask("sts:AssumeRoleWithWebIdentity", THE_ROLE, HERE, combine="must", policy=own), TOKEN, {}, layers)
    assert [(one.layer, one.level, one.said, one.needed) for one in told.layers[:3]] == [
        ("rcp", 0, "allow", True), ("rcp", 1, "nothing", True), ("trust", 0, "allow", True),
    ]  # fmt: skip
    assert told.decision.layer == "rcp"


def test_a_role_without_a_trust_policy() -> None:
    told = explain(Ask("sts:AssumeRole", THE_ROLE, HERE, combine="must"), USER, {}, Layers((ALL,)))
    assert [(one.said, one.needed) for one in told.layers if one.layer == "resource"] == [("nothing", True)]
    told = explain(Ask("sts:AssumeRole", THE_ROLE, HERE, combine="none"), USER, {}, Layers((ALL,)))
    assert [(one.said, one.needed) for one in told.layers if one.layer == "resource"] == [("absent", False)]
