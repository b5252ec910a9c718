"""Layers: the policies of a caller, live; what cannot be read denies, it never drops out (C43)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from conformance.samples import ALLOW, DENY, HERE, THERE, TRUST, group, managed, role, session, user
from daypass import policy
from daypass.store.records import Record, Role, User
from daypass.store.snapshot import Snapshot
from daypass.values.caller import ANONYMOUS, Caller
from daypass.values.decision import Ask, Decision
from daypass.values.session import Session

BROKEN = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"'
ASK = Ask("iam:GetUser", "*", HERE)


def _seen(*records: Record) -> Snapshot:
    snapshot = Snapshot()
    snapshot.apply(records, ())
    return snapshot


def _caller(principal: User | Role, session: Session | None = None) -> Caller:
    kind = "user" if isinstance(principal, User) else "role"
    return Caller(
        kind=kind, account=principal.account, arn=principal.arn, user_id=principal.id, principal_arn=principal.arn,
        principal_id=principal.id, session=session,
    )  # fmt: skip


def _decision(snapshot: Snapshot, caller: Caller) -> Decision:
    return policy.decide(ASK, caller, {}, snapshot.layers_of(caller))


def _names(policies: Iterable[policy.Policy]) -> list[str]:
    return [one.name for one in policies]


def test_a_users_policies_are_its_own_and_its_groups() -> None:
    ann = user(inline={"mine": ALLOW}, policies=(managed(1).arn,), groups=(group().id,))
    snapshot = _seen(ann, managed(1), managed(2), group(inline={"ours": DENY}, policies=(managed(2).arn,)))
    layers = snapshot.layers_of(_caller(ann))
    assert _names(layers.identity) == ["mine", managed(1).arn, "ours", managed(2).arn]
    assert (layers.boundary, layers.session) == (None, None)


def test_an_aws_managed_policy_is_known() -> None:
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    admin = role(policies=(arn,))
    snapshot = _seen(admin)
    assert _decision(snapshot, _caller(admin)).allowed
    assert '"*"' in (snapshot.document_of(arn) or "")
    assert snapshot.document_of("arn:aws:iam::aws:policy/NoSuchThing") is None


@pytest.mark.parametrize("caller", [ANONYMOUS, _caller(user(9)), replace(_caller(user(9)), kind="web-identity", principal_id="")])
def test_c43_who_has_no_principal_has_no_policy(caller: Caller) -> None:
    assert _seen(user(inline={"a": ALLOW})).layers_of(caller) == policy.Layers((), None, None)


def test_c43_a_user_without_policies_is_denied_by_default() -> None:
    decision = _decision(_seen(user()), _caller(user()))
    assert (decision.allowed, decision.explicit) == (False, False)


@pytest.mark.parametrize("text", [BROKEN, "", "null", '{"Statement":[]}]'])
@pytest.mark.parametrize("place", ["inline", "managed", "group", "group managed"])
def test_c43_an_unreadable_document_denies_everything_and_alarms(text: str, place: str, caplog: pytest.LogCaptureFixture) -> None:
    attached, inline = (managed(1).arn,), {"bad": text}
    records: dict[str, list[Record]] = {
        "inline": [user(inline={"good": ALLOW} | inline)],
        "managed": [user(inline={"good": ALLOW}, policies=attached), managed(1, document=text)],
        "group": [user(inline={"good": ALLOW}, groups=(group().id,)), group(inline=inline)],
        "group managed": [user(inline={"good": ALLOW}, groups=(group().id,)), group(policies=attached), managed(1, document=text)],
    }
    snapshot = _seen(*records[place], user(2, inline={"good": ALLOW}))
    with caplog.at_level("WARNING"):
        decision = _decision(snapshot, _caller(user()))
    assert (decision.allowed, decision.explicit) == (False, True)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert _decision(snapshot, _caller(user(2))).allowed  # and nobody else is hit


@pytest.mark.parametrize(
    "ann", [user(inline={"good": ALLOW}, policies=(managed(1).arn,)), user(inline={"good": ALLOW}, groups=(group().id,)),
            user(inline={"good": ALLOW}, boundary=managed(1).arn)])  # fmt: skip
def test_c43_f21_what_is_referred_to_and_not_there_denies_everything(ann: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING"):
        decision = _decision(_seen(ann), _caller(ann))
    assert (decision.allowed, decision.explicit) == (False, True)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_c43_a_policy_without_its_default_version_denies_everything() -> None:
    ann = user(inline={"good": ALLOW}, policies=(managed(1).arn,))
    broken = managed(1).__class__(**{field: getattr(managed(1), field) for field in managed(1).__struct_fields__} | {"default": "v9"})
    assert _decision(_seen(ann, broken), _caller(ann)).explicit


def test_a_boundary_is_a_layer_of_its_own() -> None:
    ann = user(inline={"a": ALLOW}, boundary=managed(1).arn)
    layers = _seen(ann, managed(1, document=DENY)).layers_of(_caller(ann))
    assert layers.boundary is not None and layers.boundary.name == managed(1).arn
    assert layers.boundary.kind == "boundary"


def test_session_policies_are_text_and_arns() -> None:
    deployer = role(inline={"a": ALLOW})
    snapshot = _seen(deployer, managed(1))
    both = session(1, deployer, policy=DENY, policy_arns=(managed(1).arn,))
    layers = snapshot.layers_of(_caller(deployer, both))
    assert layers.session is not None and _names(layers.session) == ["session policy", managed(1).arn]
    assert snapshot.layers_of(_caller(deployer, session(2, deployer))).session is None


def test_c43_a_session_policy_that_is_gone_denies_everything_and_alarms_once(caplog: pytest.LogCaptureFixture) -> None:
    deployer = role(inline={"a": ALLOW})
    snapshot = _seen(deployer)
    caller = _caller(deployer, session(3, deployer, policy_arns=(managed(2).arn,)))
    with caplog.at_level("WARNING"):
        assert [_decision(snapshot, caller).explicit for _ in range(3)] == [True] * 3
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "change",
    [
        [user(inline={})],
        [user(inline={}, policies=(managed(1).arn,)), managed(1, document=DENY)],
        [user(groups=(group().id,))],
        [user(inline={"a": ALLOW}, boundary=managed(2).arn), managed(2, document=DENY)],
    ],
)
def test_a_change_counts_with_the_next_question(change: list[Record]) -> None:
    ann = user(inline={"a": ALLOW})
    snapshot = _seen(ann, group(inline={"b": DENY}))
    assert _decision(snapshot, _caller(ann)).allowed
    snapshot.apply(change, ())
    assert not _decision(snapshot, _caller(ann)).allowed


def test_a_change_of_a_group_or_managed_policy_counts_for_all_that_have_it() -> None:
    ann = user(groups=(group().id,))
    snapshot = _seen(ann, group(policies=(managed(1).arn,)), managed(1))
    assert _decision(snapshot, _caller(ann)).allowed
    snapshot.apply([managed(1, document=DENY)], ())
    assert _decision(snapshot, _caller(ann)).explicit
    snapshot.apply([managed(1)], ())
    assert _decision(snapshot, _caller(ann)).allowed
    snapshot.apply([group(policies=())], ())
    assert not _decision(snapshot, _caller(ann)).allowed


def test_a_deleted_principal_has_no_policies() -> None:
    ann = user(inline={"a": ALLOW})
    snapshot = _seen(ann)
    assert _decision(snapshot, _caller(ann)).allowed
    snapshot.apply([], [(User, ann.id)])
    assert not _decision(snapshot, _caller(ann)).allowed


def test_a_trust_policy_is_compiled_once_and_anew_when_it_changes() -> None:
    before, after = role(trust=TRUST % HERE), role(trust=TRUST % THERE)
    snapshot = _seen(before)
    trust = snapshot.trust_of(before)
    assert snapshot.trust_of(before) is trust
    assert trust.principals() == {("AWS", HERE)}
    snapshot.apply([after], ())
    snapshot.trust_of(before)  # a record from before the change is read, not remembered
    assert snapshot.trust_of(after).principals() == {("AWS", THERE)}


def test_c43_an_unreadable_trust_policy_trusts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    broken = role(trust=BROKEN)
    with caplog.at_level("WARNING"):
        trust = _seen(broken).trust_of(broken)
    admin = user(inline={"a": ALLOW})
    ask = Ask("sts:AssumeRole", broken.arn, HERE, combine="must", policy=trust)
    decision = policy.decide(ask, _caller(admin), {}, _seen(admin).layers_of(_caller(admin)))
    assert (decision.allowed, decision.explicit) == (False, True)
    assert len(caplog.records) == 1


def test_many_session_policies_do_not_push_out_each_others_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.store.layers.MAX_SESSION_COMPILED", 2)
    deployer = role(inline={"a": ALLOW})
    snapshot = _seen(deployer)
    for n in range(6):
        text = DENY.replace("iam:*", f"iam:GetUser{n}")
        layers = snapshot.layers_of(_caller(deployer, session(n, deployer, policy=text)))
        assert layers.session is not None
        [rule] = layers.session[0].document.statements
        assert rule.actions == (f"iam:GetUser{n}",)
