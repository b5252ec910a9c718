"""The condition keys that the server derives: each key, for each kind of caller, and that no input can stand in for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from daypass.store import Snapshot
from daypass.store.records import Account, Organization, OrganizationalUnit
from daypass.values.caller import ANONYMOUS, Caller
from daypass.values.decision import Ask
from daypass.values.event import Event
from daypass.values.request import Request
from daypass.values.session import Origin, Session
from daypass.way.context import Context, Rules
from daypass.way.facts import Facts

NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
ACCOUNT, OTHER = "111111111111", "222222222222"
FORGED = "forged"
SESSION = Session(
    id=b"i" * 16,
    key_id="ASIA",
    kind="role",
    account=ACCOUNT,
    principal_id="AROA1",
    name="s1",
    issued=int(NOW.timestamp()) - 30,
    expires=int(NOW.timestamp()) + 900,
    origin=Origin("sigv4", "AKIA"),
)
USER = Caller(
    kind="user",
    account=ACCOUNT,
    arn=f"arn:aws:iam::{ACCOUNT}:user/team/alice",
    user_id="AIDA1",
    principal_arn=f"arn:aws:iam::{ACCOUNT}:user/team/alice",
    principal_id="AIDA1",
    key_id="AKIA",
    region="eu-west-1",
    tags={"team": "red"},
)
ROLE = Caller(
    kind="role",
    account=ACCOUNT,
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/s1",
    user_id="AROA1:s1",
    principal_arn=f"arn:aws:iam::{ACCOUNT}:role/path/worker",
    principal_id="AROA1",
    session=SESSION,
)
ROOT = Caller("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "", ACCOUNT)
WEB = Caller(
    "web-identity", ACCOUNT, "arn:aws:iam::1:oidc-provider/idp", "idp:job", "", "", facts={"idp:sub": "job", "idp:amr": ("a", "b")}
)


class _Store:
    """As much of a store as facts look at."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        accounts = [Account(id=ACCOUNT, account=ACCOUNT, created=NOW, name="one", email="one@example.test", parent="r-1")]
        self.snapshot.apply([*accounts, Organization(id="o-org", account=ACCOUNT, created=NOW, root_id="r-1")], [])


class _Node:
    def __init__(self) -> None:
        self.store = _Store()
        self.rules = Rules(frozenset(), ACCOUNT)


def facts(caller: Caller, ask: Ask | None = None, **request: Any) -> Facts:
    """The facts of `caller`'s ask, by default for something of its own account."""
    made = Request("POST", b"/", b"", request.pop("headers", ()), b"", **{"peer": "192.0.2.7", **request})
    event = Event("id", NOW, "", "", "", "")
    context = Context(_Node(), made, "id", NOW, 0.0, event, caller=caller)  # type: ignore[arg-type]  # what facts look at is there
    return Facts(context, ask or Ask("iam:GetUser", "*", ACCOUNT))


def test_of_the_request() -> None:
    seen = facts(USER, headers=((b"user-agent", b"boto \xe9"), (b"referer", b"https://x")), secure=True)
    assert seen["aws:currenttime"] == "2026-11-24T12:00:30Z"
    assert seen["aws:epochtime"] == str(int(NOW.timestamp()))
    assert seen["aws:sourceip"] == "192.0.2.7"
    assert seen["aws:securetransport"] == "true"
    assert seen["aws:useragent"] == "boto \xe9"
    assert seen["aws:referer"] == "https://x"
    assert seen["aws:requestedregion"] == "eu-west-1"
    assert (seen["aws:viaawsservice"], seen["aws:principalisawsservice"]) == ("false", "false")
    bare = facts(ROLE, peer="uid:1000")
    assert bare["aws:securetransport"] == "false"
    assert bare["aws:requestedregion"] == "us-east-1"
    assert not {"aws:sourceip", "aws:useragent", "aws:referer"} & set(bare)


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (
            USER,
            {
                "aws:principalarn": USER.arn,
                "aws:principalaccount": ACCOUNT,
                "aws:principaltype": "User",
                "aws:principalorgid": "o-org",
                "aws:userid": "AIDA1",
                "aws:username": "alice",
                "aws:principaltag/team": "red",
            },
        ),
        (
            ROLE,
            {
                "aws:principalarn": ROLE.principal_arn,  # the role's, not the session's
                "aws:principaltype": "AssumedRole",
                "aws:userid": "AROA1:s1",
                "aws:username": None,
                "aws:tokenissuetime": "2026-11-24T12:00:00Z",
                "aws:multifactorauthpresent": "false",
                "aws:multifactorauthage": None,
                "aws:sourceidentity": None,
                "aws:federatedprovider": None,
                "aws:principaltag/team": None,
            },
        ),
        (
            replace(USER, kind="federated-user", arn=f"arn:aws:sts::{ACCOUNT}:federated-user/guest", user_id=f"{ACCOUNT}:guest"),
            {
                "aws:principalarn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
                "aws:principaltype": "FederatedUser",
                "aws:userid": f"{ACCOUNT}:guest",
                "aws:username": None,
            },
        ),
        (ROOT, {"aws:principalarn": ROOT.arn, "aws:principaltype": "Account", "aws:userid": ACCOUNT, "aws:username": None}),
        (
            ANONYMOUS,
            {"aws:principaltype": "Anonymous", "aws:principalarn": None, "aws:principalaccount": None, "aws:principalorgid": None},
        ),
        (
            WEB,
            {
                "idp:sub": "job",
                "idp:amr": ("a", "b"),
                "aws:principalarn": None,
                "aws:principalaccount": None,
                "aws:principaltype": None,
                "aws:userid": None,
            },
        ),
        (replace(USER, session=None), {"aws:multifactorauthpresent": None, "aws:tokenissuetime": None}),  # absent for long-term keys
        (
            replace(ROLE, session=replace(SESSION, source_identity="al", origin=Origin("oidc", "arn:provider", "sub"))),
            {"aws:sourceidentity": "al", "aws:federatedprovider": "arn:provider"},
        ),
        (
            replace(USER, session=replace(SESSION, kind="user", mfa_at=int(NOW.timestamp()) - 90)),
            {"aws:multifactorauthpresent": "true", "aws:multifactorauthage": "90"},
        ),
    ],
)
def test_of_the_caller(caller: Caller, expected: dict[str, Any]) -> None:
    seen = facts(caller)
    assert {key: seen.get(key) for key in expected} == expected
    assert {key for key in expected if key in seen} == {key for key, value in expected.items() if value is not None}


@pytest.mark.parametrize("session", [None, SESSION, replace(SESSION, kind="user", mfa_at=int(NOW.timestamp()) - 90)])
def test_a_code_in_the_request_is_the_newest_proof(session: Session | None) -> None:
    seen = facts(replace(USER, session=session))
    seen._ctx.mfa_at = int(NOW.timestamp())
    assert (seen["aws:multifactorauthpresent"], seen["aws:multifactorauthage"]) == ("true", "0")


def test_of_the_resource() -> None:
    own = facts(USER)
    assert (own["aws:resourceaccount"], own["aws:resourceorgid"]) == (ACCOUNT, "o-org")
    foreign = facts(USER, Ask("a:B", "*", OTHER))
    assert foreign["aws:resourceaccount"] == OTHER
    assert "aws:resourceorgid" not in foreign
    assert "aws:resourceaccount" not in facts(USER, Ask("a:B", "*", ""))


def test_the_organizations_of_caller_and_resource() -> None:
    assert facts(USER)["aws:principalorgpaths"] == facts(USER)["aws:resourceorgpaths"] == ("o-org/r-1/",)
    seen = facts(USER, Ask("a:B", "*", OTHER))
    unit = OrganizationalUnit(id="ou-1-a", account=ACCOUNT, created=NOW, organization="o-org", title="u", parent="r-1")
    inner = OrganizationalUnit(id="ou-1-b", account=ACCOUNT, created=NOW, organization="o-org", title="u", parent="ou-1-a")
    other = Account(id=OTHER, account=OTHER, created=NOW, name="two", email="two@example.test", parent="ou-1-b")
    seen._ctx.store.apply([unit, inner, other], [])
    assert seen["aws:resourceorgpaths"] == ("o-org/r-1/ou-1-a/ou-1-b/",)
    assert seen["aws:resourceorgid"] == "o-org"
    seen._ctx.store.apply([], [(OrganizationalUnit, "ou-1-a")])
    assert not {"aws:resourceorgpaths", "aws:resourceorgid"} & set(seen)
    for caller in (ANONYMOUS, WEB):
        assert not {"aws:principalorgpaths", "aws:principalorgid"} & set(facts(caller))


def test_what_the_operation_states_of_its_ask() -> None:
    seen = facts(USER, Ask("a:B", "*", ACCOUNT, {"sts:externalid": "x", "aws:tagkeys": ("a", "b")}))
    assert (seen["sts:externalid"], seen["aws:tagkeys"]) == ("x", ("a", "b"))


def _keys() -> list[str]:
    every = {key for caller in (USER, ROLE, ROOT, WEB, ANONYMOUS) for key in facts(caller) if key.startswith("aws:")}
    return sorted(every | {"aws:referer", "aws:useragent", "aws:multifactorauthage", "aws:sourceidentity", "aws:federatedprovider"})


@pytest.mark.parametrize("caller", [USER, ROLE, ROOT, WEB, ANONYMOUS], ids=lambda caller: caller.kind)
def test_C41_no_input_stands_in_for_a_key_of_the_server(caller: Caller) -> None:
    """Neither what the operation states nor what a token claims, whether the server has a value for the key or not."""
    true = dict(facts(caller))
    forged = dict.fromkeys([*_keys(), "aws:principaltag/admin"], FORGED)
    seen = dict(facts(replace(caller, facts={**caller.facts, **forged}), Ask("iam:GetUser", "*", ACCOUNT, forged)))
    assert seen == true


def test_a_proven_fact_wins_over_what_the_operation_states() -> None:
    assert facts(WEB, Ask("a:B", "*", ACCOUNT, {"idp:sub": FORGED}))["idp:sub"] == "job"


def test_it_is_a_mapping() -> None:
    seen = facts(USER)
    assert len(seen) == len(list(seen)) == len(dict(seen))
    assert "aws:nothing" not in seen
    with pytest.raises(KeyError):
        seen["aws:nothing"]
