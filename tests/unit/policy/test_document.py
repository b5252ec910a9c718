from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.policy import Kind, PolicyError
from daypass.policy.document import read_document
from unit.policy.people import HERE, statement

SYNTAX = "Syntax errors in policy."
SID = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
STS_ONLY = "AssumeRole policy may only specify STS AssumeRole actions."
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
TRUST = {"Effect": "Allow", "Principal": {"AWS": HERE}, "Action": "sts:AssumeRole"}


def _refusal(document: Any, kind: Kind = "identity") -> str:
    with pytest.raises(PolicyError) as caught:
        read_document(document if isinstance(document, str) else json.dumps(document), kind)
    return caught.value.message


def _with(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)} | more


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (statement(Effect=None), SYNTAX),
        (statement(Effect="allow"), "The policy failed legacy parsing"),
        (statement(Effect=["Allow"]), SYNTAX),
        (statement(Action=None), "Policy statement must contain actions."),
        (statement(Resource=None), "Policy statement must contain resources."),
        (statement(Action=[]), "Policy statement must contain actions."),
        (statement(Resource=[]), "Policy statement must contain resources."),
        (statement(Action=1), SYNTAX),
        (statement(Action={"a": "b"}), SYNTAX),
        (statement(NotAction="s3:*"), SYNTAX),
        (statement(NotResource="*"), SYNTAX),
        (statement(action="*"), SYNTAX),
        (statement(Principal="*"), "Policy document should not specify a principal."),
        (statement(NotPrincipal={"AWS": HERE}), "Policy document should not specify a principal."),
        (statement(Action="GetObject"), VENDOR),
        (statement(Action="s3"), VENDOR),
        (statement(Action="**"), VENDOR),
        (statement(Action=":Get"), VENDOR),
        (statement(Action="s*:Get"), "Vendor s* is not valid"),
        (statement(Action="*:Get"), VENDOR),
        (statement(Action="?:Get"), "Vendor ? is not valid"),
        (statement(Action="a b:Get"), "Vendor a b is not valid"),
        (statement(Action="\u017f3:Get"), "Vendor \u017f3 is not valid"),
        (statement(Action="s3:"), SYNTAX),
        (statement(Action="s3:Get:Object"), "Actions/Condition can contain only one colon."),
        (statement(Action="s3:Get\u212aey"), SYNTAX),
        (statement(Action="s3:${aws:username}"), "Actions/Condition can contain only one colon."),
        (statement(Resource=""), 'Resource  must be in ARN format or "*".'),
        (statement(Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (statement(Resource="**"), 'Resource ** must be in ARN format or "*".'),
        (statement(Resource="arn:aws:s3*"), 'Resource arn:aws:s3* must be in ARN format or "*".'),
        (statement(Resource="a*:aws:s3:::b"), 'Resource a*:aws:s3:::b must be in ARN format or "*".'),
        (statement(Resource="arn::s3:::b"), 'Partition "" is not valid for resource "arn::s3:::b".'),
        (statement(Resource="arn:error:s3:::b"), 'Partition "error" is not valid for resource "arn:error:s3:::b".'),
        (statement(Resource="arn:aws:iam:a::user/b"), "IAM resource arn:aws:iam:a::user/b cannot contain region information."),
        (statement(Resource="arn:aws:*:::b"), "Resource vendor must be fully qualified and cannot contain regexes."),
        (statement(Resource="arn:aws:s?:::b"), "Resource vendor must be fully qualified and cannot contain regexes."),
        (statement(Resource="arn:aws::::b"), "Resource vendor must be fully qualified and cannot contain regexes."),
        (statement(Resource="arn:${a}:s3:::b"), 'Partition "${a}" is not valid for resource "arn:${a}:s3:::b".'),
        (statement(Resource="arn:aws:s3:${a}::b"), 'Resource arn:aws:s3:${a}::b must be in ARN format or "*".'),
        (statement(Resource="arn:aws:s3::${a}:b"), 'Resource arn:aws:s3::${a}:b must be in ARN format or "*".'),
        *(
            (statement(Resource=f"arn:aws:s3:{place}:b"), f'Resource arn:aws:s3:{place}:b must be in ARN format or "*".')
            for place in ("${aws:PrincipalAccount}:", ":${aws:username}", ":1${aws:PrincipalAccount}", ":${aws:PrincipalAccount, '1'}")
        ),
        (statement(Effect="DENY"), "The policy failed legacy parsing"),
        (statement(Action=None) | {"Action": None}, SYNTAX),
        (statement(Action=None) | {"NotAction": None}, SYNTAX),
        (statement(Resource=None) | {"Resource": None}, SYNTAX),
        (statement(Action=[True]), SYNTAX),
        (statement(Resource="arn:aws:${a:b}:::b"), 'Resource arn:aws:${a:b}:::b must be in ARN format or "*".'),
        (statement(Sid="a b"), SID),
        (statement(Sid=5), SYNTAX),
        (statement(Condition=[]), SYNTAX),
        (statement(Condition={"StringEquals": {}}), SYNTAX),
        (statement(Condition={"StringEquals": "a"}), SYNTAX),
        (statement(Condition={"StringEquals": {"a:b": []}}), SYNTAX),
        (statement(Condition={"StringEquals": {"a:b": [["x"]]}}), SYNTAX),
        (statement(Condition={"StringEquals": {"nokey": "x"}}), VENDOR),
        (statement(Condition={"StringEquals": {"a:": "x"}}), VENDOR),
        ("text", SYNTAX),
        (None, SYNTAX),
        ([], SYNTAX),
    ],
)  # fmt: skip
def test_statements_that_aws_refuses(one: Any, message: str) -> None:
    for kind in ("identity", "boundary", "session", "scp"):
        assert _refusal(_with(statement(), one), kind) == message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], SYNTAX),
        ("x", SYNTAX),
        ("{", SYNTAX),
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', SYNTAX),
        ({"Version": "2012-10-17"}, SYNTAX),
        ({"Version": "2012-10-17", "Statement": []}, SYNTAX),
        (_with(statement(), Foo=1), SYNTAX),
        (_with(statement(), Id=1), SYNTAX),
        (_with(statement(), Version="2012-10-18"), SYNTAX),
        (_with(statement(), Version=["2012-10-17"]), SYNTAX),
        (_with(statement(Sid="a"), statement(Sid="a")), "Statement IDs (SID) in a single policy must be unique."),
    ],
)
def test_documents_that_aws_refuses(document: Any, message: str) -> None:
    assert _refusal(document) == message


def test_scp_needs_the_newest_version() -> None:
    assert read_document(json.dumps({"Statement": statement()}), "identity").variables is False
    assert _refusal({"Statement": statement()}, "scp") == "Policy document must be version 2012-10-17 or greater."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"NotResource": "*"}, "Has prohibited field NotResource"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Principal": None, "NotPrincipal": {"AWS": HERE}}, "Has prohibited field NotPrincipal"),
        ({"NotPrincipal": {"AWS": HERE}}, SYNTAX),
        ({"Principal": {"AWS": ["*", "arn:x"]}}, 'Invalid principal in policy: "AWS":"arn:x"'),
        ({"Principal": {"CanonicalUser": "a" * 64}}, f'Invalid principal in policy: "CANONICALUSER":"{"a" * 64}"'),
        ({"Action": None}, "Missing required field Action"),
        ({"Action": "*"}, STS_ONLY),
        ({"Action": "s3:GetObject"}, STS_ONLY),
        ({"Action": ["sts:AssumeRole", "iam:PassRole"]}, STS_ONLY),
        ({"Action": "sts:GetCallerIdentity"}, STS_ONLY),
        ({"Action": "\u017fts:AssumeRole"}, STS_ONLY),
        ({"Action": None, "NotAction": "sts:TagSession"}, STS_ONLY),
        ({"Effect": None}, "Missing required field Effect"),
        ({"Extra": 1}, "Unknown field Extra"),
    ],
)
def test_trust_policies_that_aws_refuses(change: dict[str, Any], message: str) -> None:
    one = {name: value for name, value in (TRUST | change).items() if value is not None}
    assert _refusal(_with(one), "trust") == message


def test_trust_policies_that_are_no_json() -> None:
    assert _refusal("{", "trust") == "This policy contains invalid Json"


@pytest.mark.parametrize("action", ["sts:*", "sts:Assume*", "STS:assumerole", ["sts:AssumeRole", "sts:TagSession"], "sts:SetContext"])
def test_trust_policies_that_aws_takes(action: Any) -> None:
    document = read_document(json.dumps(_with(TRUST | {"Action": action})), "trust")
    assert document.statements[0].principals == {("AWS", HERE)}


@pytest.mark.parametrize("change", [{"Principal": {"AWS": HERE}}, {"Principal": {"AWS": ["*", HERE]}}, {"Principal": {"Service": "a.b"}}])
def test_a_resource_control_policy_is_about_everyone(change: dict[str, Any]) -> None:
    for principal in ("*", {"AWS": "*"}, {"AWS": ["*"]}):
        assert read_document(json.dumps(_with(statement("Deny", Principal=principal))), "rcp").statements[0].principals == {("AWS", "*")}
    assert _refusal(_with(statement("Deny", **change)), "rcp") == SYNTAX
    assert _refusal(_with(statement("Deny", Principal=None, NotPrincipal={"AWS": HERE})), "rcp") == SYNTAX
    assert _refusal({"Statement": statement("Deny", Principal="*")}, "rcp") == "Policy document must be version 2012-10-17 or greater."


@pytest.mark.parametrize("resource", ["arn:*:s3:::b", "arn:aws*:s3:::b", "arn:a?s:s3:::b", "arn:aws:iam::*:*", "arn:aws:s3:*:*:a/b"])
def test_resources_that_aws_takes(resource: str) -> None:
    assert read_document(json.dumps(_with(statement(Resource=resource))), "identity").statements[0].resources == (resource,)


def test_sids_of_a_resource_s_policy_may_have_any_letters() -> None:
    one = statement(Sid="a b", Principal="*")
    assert read_document(json.dumps(_with(one)), "resource").statements[0].sid == "a b"
    assert _refusal(_with(TRUST | {"Sid": "a b"}), "trust") == SID
    assert _refusal(_with(statement("Deny", Sid="a b", Principal="*")), "rcp") == SID


def test_a_principal_or_its_negation() -> None:
    one = statement("Deny", Principal="*", NotPrincipal={"AWS": HERE})
    assert _refusal(_with(one), "resource") == SYNTAX
    assert _refusal(_with(statement("Deny") | {"Principal": None}), "resource") == SYNTAX
    assert _refusal(_with(statement("Deny")), "resource") == "Missing required field Principal"
    assert _refusal(_with(statement("Deny", NotPrincipal={"AWS": [HERE, "*"]})), "resource") == SYNTAX


@pytest.mark.parametrize(
    "action", ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
)
def test_each_action_of_a_trust_policy(action: str) -> None:
    assert read_document(json.dumps(_with(TRUST | {"Action": action})), "trust").statements[0].actions == (action,)
    assert _refusal(_with(TRUST | {"Action": action + "x"}), "trust") == STS_ONLY


@pytest.mark.parametrize(
    ("one", "position"),
    [
        (statement(Action=["s3:Get", "x"]), "Statement[1].Action"),
        (statement(Action=[1]), "Statement[1].Action"),
        (statement(Resource=["*", "x"]), "Statement[1].Resource"),
        (statement(Resource=[1]), "Statement[1].Resource"),
        (statement(Sid="a b"), "Statement[1].Sid"),
        (statement(Condition=[]), "Statement[1].Condition"),
        (statement(Condition={"Bool": {}}), "Statement[1].Condition.Bool"),
        (statement(Condition={"Bool": {"a:b": []}}), "Statement[1].Condition.Bool.a:b"),
        (statement(Condition={"Bool": {"ab": "true"}}), "Statement[1].Condition.Bool.ab"),
        (statement(Extra=1), "Statement[1].Extra"),
    ],
)
def test_where_it_is_wrong(one: Any, position: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_document(json.dumps(_with(one)), "identity")
    assert caught.value.position == position


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_not_principal_leaves_somebody(effect: str) -> None:
    one = statement(effect, NotPrincipal={"AWS": HERE})
    assert read_document(json.dumps(_with(one)), "resource").statements[0].not_principal
    assert _refusal(_with(one | {"NotPrincipal": "*"}), "resource") == SYNTAX
    assert _refusal(_with(one), "identity") == "Policy document should not specify a principal."


def test_scalars_stand_for_lists_and_empty_sids_may_repeat() -> None:
    condition = {"Bool": {"aws:SecureTransport": True}, "NumericEquals": {"s3:max-keys": [1.50, 2]}}
    one = statement(Sid="", Action="s3:Get*", Condition=condition)
    document = read_document(json.dumps(_with(one, one, Id="x")), "identity")
    first = document.statements[0]
    assert first.actions == ("s3:Get*",)
    assert first.condition == {"Bool": {"aws:SecureTransport": ("true",)}, "NumericEquals": {"s3:max-keys": ("1.5", "2")}}
    assert [(s.sid, s.position) for s in document.statements] == [("", 1), ("", 2)]
    assert document.variables


def test_the_place_of_an_error() -> None:
    with pytest.raises(PolicyError) as caught:
        read_document(json.dumps(_with(statement(), statement(Effect="x"))), "identity")
    assert caught.value.position == "Statement[2].Effect"
