from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.policy.document import Kind, read_document
from daypass.policy.principal import ACCOUNT, DIRECT, NOT, ROLE, Closeness
from daypass.policy.rules import Rule, compile_rule
from daypass.values.caller import Caller
from unit.policy.people import ANYONE, HERE, PROVIDER, ROLE_ARN, SERVICE, SESSION, TOKEN, USER, statement


def _rule(kind: Kind = "identity", effect: str = "Allow", **more: Any) -> Rule:
    document = read_document(json.dumps({"Version": "2012-10-17", "Statement": statement(effect, **more)}), kind)
    return compile_rule(document.statements[0], True, "p", {})


@pytest.mark.parametrize(
    ("resources", "heads"),
    [
        ("arn:aws:s3:::a/*", {"arn:aws:s3:::a/"}),
        (["arn:aws:s3:::a", "arn:aws:s3:::b?c*"], {"arn:aws:s3:::a", "arn:aws:s3:::b"}),
        ("arn:aws:s3:::a/${aws:username}/b", {"arn:aws:s3:::a/"}),
        ("*", None),
        (["arn:aws:s3:::a", "*"], None),
    ],
)
def test_what_resources_begin_with(resources: Any, heads: set[str] | None) -> None:
    found = _rule(Resource=resources).target.heads
    assert (None if found is None else set(found)) == heads


def test_a_not_resource_may_mean_anything() -> None:
    target = _rule(Resource=None, NotResource=["arn:aws:s3:::a", "arn:aws:s3:::${aws:username}"]).target
    assert target.heads is None
    assert target.settle("arn:aws:s3:::a") is False
    assert not target.means("arn:aws:s3:::ann", {"aws:username": "ann"})
    assert target.means("arn:aws:s3:::ann", {"aws:username": "bob"})
    assert target.means("arn:aws:s3:::ann", {})


def test_what_no_context_can_change_is_settled() -> None:
    target = _rule(Resource=["arn:aws:s3:::a", "arn:aws:s3:::${aws:username}"]).target
    assert target.settle("arn:aws:s3:::a") is True
    assert _rule(Resource="arn:aws:s3:::a").target.settle("arn:aws:s3:::b") is False
    assert target.means("arn:aws:s3:::ann", {"aws:username": "ann"})
    assert not target.means("arn:aws:s3:::ann", {})
    assert not target.means("arn:aws:s3:::ann", {"aws:username": ("ann",)})


def test_labels_are_sids_or_positions() -> None:
    assert (_rule().label, _rule(Sid="Mine").label, _rule().policy) == ("1", "Mine", "p")


def test_actions_and_their_negation() -> None:
    assert _rule(Action="S3:Get*").covers("s3:getobject")
    assert not _rule(Action="S3:Get*").covers("s3:putobject")
    assert not _rule(Action=None, NotAction="S3:Get*").covers("s3:getobject")
    assert _rule(Action=None, NotAction="S3:Get*").covers("s3:putobject")


def test_whom_a_deny_means() -> None:
    listed = _rule("resource", "Deny", NotPrincipal={"AWS": [HERE, USER.arn]})
    assert not listed.means(USER, bounded=False)
    assert listed.means(USER, bounded=True)
    assert listed.means(SESSION, bounded=False)
    everyone = _rule("resource", "Deny", Principal="*")
    assert all(everyone.means(caller, bounded=False) for caller in (USER, SESSION, TOKEN, ANYONE))
    one = _rule("resource", "Deny", Principal={"AWS": USER.arn})
    assert [one.means(caller, bounded=True) for caller in (USER, SESSION, TOKEN, ANYONE)] == [True, False, False, False]
    assert _rule("identity", "Deny").means(TOKEN, bounded=False)


def test_how_closely_an_allow_names() -> None:
    narrowed = {"Condition": {"ArnLike": {"AWS:PrincipalArn": ROLE_ARN}}}
    open_ = {"Condition": {"ArnLike": {"aws:SourceArn": ROLE_ARN}}}
    assert _rule("resource", Principal="*", **narrowed).closeness(SESSION) is ROLE
    assert _rule("resource", Principal="*", **open_).closeness(SESSION) is DIRECT
    assert _rule("resource", Principal="*", **narrowed).closeness(USER) is DIRECT
    assert _rule("resource", Principal={"AWS": SESSION.arn}, **narrowed).closeness(SESSION) is DIRECT
    assert _rule("resource", Principal={"AWS": HERE}, **narrowed).closeness(SESSION) is ACCOUNT
    assert _rule("resource", Principal={"Federated": PROVIDER}).closeness(TOKEN) is DIRECT
    assert _rule("identity").closeness(USER) is NOT
    assert _rule("resource", "Deny", NotPrincipal={"AWS": THERE}).closeness(USER) is NOT


def test_an_allow_of_all_but_some_names_everybody_else() -> None:
    def names(listed: object, caller: Caller, **more: Any) -> Closeness:
        return _rule("resource", NotPrincipal=listed, **more).closeness(caller)

    there = {"AWS": THERE}
    assert [names(there, caller) for caller in (USER, SESSION, ANYONE)] == [DIRECT, DIRECT, DIRECT]
    assert [names(there, caller) for caller in (TOKEN, SERVICE)] == [NOT, NOT]  # as with "*": they are named by their own names alone
    assert names(there, SESSION, Condition={"ArnLike": {"aws:PrincipalArn": ROLE_ARN}}) is ROLE
    # whoever is listed in any way is left out: by the account, the role, the session
    for listed in ({"AWS": HERE}, {"AWS": ROLE_ARN}, {"AWS": SESSION.arn}, {"AWS": [THERE, SESSION.arn]}):
        assert names(listed, SESSION) is NOT
    assert names({"AWS": ROLE_ARN}, USER) is DIRECT
    assert names({"AWS": USER.arn}, USER) is NOT


THERE = "222222222222"
