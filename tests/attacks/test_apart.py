"""Two accounts with the same names in everything: whatever one does, the other is answered byte for byte as if it were alone.

Each operation that is offered takes part, by the operation table. In the first run Alice's account is alone on the server. In the second
Mallory is there as well, the administrator of another account that has users, roles, policies, providers, units … of the same names, and
before each of Alice's calls she does what she can with Alice's ids, ARNs, keys, tokens, markers and sealed messages. Held against each
other: Alice's answers, her records, and Mallory's answers, in which no word of Alice's may stand that Mallory had not sent herself.
Timing is no part of this.
"""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from daypass.services.daypass import server, sessions
from daypass.services.iam import entities, outbound_federation
from daypass.services.organizations import handshakes, places
from daypass.store.indices import Records
from daypass.store.keys.issuer import make_issuer_keys
from daypass.store.moving import move
from daypass.store.tables import TABLES
from daypass.values.decision import Ask
from daypass.way.operation import OPERATIONS
from matrix import branches
from matrix.samples import DOCUMENT, OTHER_PROOFS, World, sample
from rig import papers
from rig.node import Keys, Refused
from rig.parties import Dice, Party, WatchedNode, records_of, words_of
from rig.postgres import Cluster

ROWS = sorted(set(OPERATIONS) - OTHER_PROOFS)
AT_RANDOM = 4  # of Mallory's further calls before each of Alice's
ASKED = 5  # of the calls that name Alice's markers, numbers and ids
LONG, OVER_NODES = 60, 30  # operations of a long run
# What there is once on a server by AWS's own rules, so that who comes first has it (IAM and Organizations API reference).
ONCE = {("iam", "CreateAccountAlias"), ("organizations", "CreateAccount")}
# What Alice is refused for a reason of her own, alone as well as in company.
OTHERWISE = {
    ("iam", "ChangePassword"),
    *(("organizations", name) for name in ("AcceptHandshake", "CreateOrganization", "DeclineHandshake", "DeleteOrganization")),
    *branches.ERRORS,
}
MARK = "aliceonly"  # in what no call of the samples names: tags, descriptions, policies
# The places in a node's ledger, whose lines are all accounts', and the chain over them: all that tells Alice that there are others.
PLACES = re.compile(rb'\\?"(?:Position|seq|mac)\\?":\\?"?[0-9a-f]+')
ALLOW_ALL = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
MARKED = DOCUMENT.replace('"Effect"', f'"Sid": "{MARK}statement", "Effect"')


@dataclass
class Town:
    """A directory with one account in it or with both, and the people of both; `alone` has Alice's only."""

    alone: Path
    both: Path
    alice: World
    mallory: World
    arsenal: dict[tuple[str, str], dict[str, Any]]  # parameters that name what is Alice's, by operation


def _account(node: WatchedNode, name: str) -> tuple[str, Keys]:
    """A new account, out of the operator's organization, with an administrator and an organization of its own."""
    operator = node.operator()
    node.node.random = Dice(f"account/{name}").bytes
    made = node.call("organizations", "CreateAccount", {"Email": f"{name}@example.test", "AccountName": "same"}, operator)
    account = made["CreateAccountStatus"]["AccountId"]
    entered = node.operator(account)
    node.call("organizations", "RemoveAccountFromOrganization", {"AccountId": account}, operator)
    node.call("iam", "CreateUser", {"UserName": "admin"}, entered)
    node.call("iam", "PutUserPolicy", {"UserName": "admin", "PolicyName": "all", "PolicyDocument": ALLOW_ALL}, entered)
    keys = Keys.of(node.call("iam", "CreateAccessKey", {"UserName": "admin"}, entered)["AccessKey"])
    node.call("organizations", "CreateOrganization", {}, keys)
    return account, keys


def _settle(node: WatchedNode, name: str, peer: str) -> World:
    account, keys = _account(node, name)
    party = Party(node, name, peer, Dice(name))
    return World(party, account, keys, f"partner-{name}@example.test")  # type: ignore[arg-type]  # it calls, which is all


def _mark(world: World) -> None:
    """Put Alice's word wherever a text may stand that others have no business to read."""
    call, tags = world._call, [{"Key": f"{MARK}key", "Value": f"{MARK}value"}]
    for kind in ("User", "Role"):
        call("iam", f"Tag{kind}", **{f"{kind}Name": "target", "Tags": tags})
    call("iam", "TagPolicy", PolicyArn=world.policy, Tags=tags)
    call("iam", "TagOpenIDConnectProvider", OpenIDConnectProviderArn=world.provider, Tags=tags)
    call("iam", "TagInstanceProfile", InstanceProfileName="target", Tags=tags)
    call("iam", "TagServerCertificate", ServerCertificateName="target", Tags=tags)
    call("iam", "UpdateRole", RoleName="target", Description=f"{MARK}description")
    for kind in ("User", "Group", "Role"):
        call("iam", f"Put{kind}Policy", **{f"{kind}Name": "target", "PolicyName": f"{MARK}policy", "PolicyDocument": MARKED})
    call("organizations", "TagResource", ResourceId=world.account, Tags=tags)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with pytest.MonkeyPatch.context() as patch:
        # what is random beyond the node's own generator is made once, so that both runs have the same
        patch.setattr(papers, "certificate", cache(papers.certificate))
        patch.setattr(outbound_federation, "make_issuer_keys", cache(make_issuer_keys))
        alone, both = tmp_path_factory.mktemp("alone") / "node", tmp_path_factory.mktemp("both") / "node"
        alone.mkdir()
        node = WatchedNode(alone)
        node.pass_time(seconds=1)  # the operator's organization is the oldest
        alice = _settle(node, "alice", "192.0.2.10")
        _mark(alice)
        node.close()
        shutil.copytree(alone, both)
        node = WatchedNode(both)
        node.pass_time(seconds=1)
        mallory = _settle(node, "mallory", "192.0.2.66")
        mallory.words = set(words_of(records_of(node.store.snapshot, mallory.account)))  # type: ignore[attr-defined]  # for these tests only
        node.close()
        yield Town(alone, both, alice, mallory, _arsenal(alone, tmp_path_factory.mktemp("arsenal") / "node", alice))


def _arsenal(alone: Path, scratch: Path, alice: World) -> dict[tuple[str, str], dict[str, Any]]:
    """What Alice would say in each operation, as far as it can be told without her doing anything else."""
    with _opened(alone, scratch) as node:
        world = _before(node, alice)
        found = {}
        for row in ROWS:
            with suppress(Refused):  # what it needs was made for another one already
                found[row] = sample(world, *row)
        return found


class _opened:
    """`with _opened(template, directory) as node:` a node on a copy of a directory."""

    def __init__(self, template: Path, directory: Path) -> None:
        shutil.copytree(template, directory)
        self.node = WatchedNode(directory)
        self.node.pass_time(seconds=2)

    def __enter__(self) -> WatchedNode:
        return self.node

    def __exit__(self, *_: object) -> None:
        self.node.close()


def _before(node: WatchedNode, world: World) -> World:
    """The same people before another node."""
    moved = copy.copy(world)
    moved.node = world.node.moved_to(node)  # type: ignore[attr-defined]  # a Party
    return moved


def _party(world: World) -> Party:
    return world.node  # type: ignore[return-value]  # as _settle made it


def _call(world: World, row: tuple[str, str], parameters: dict[str, Any], keys: Keys | None = None) -> None:
    """A call, whatever comes of it: the party keeps what it was told."""
    with suppress(Refused):
        _party(world).call(*row, _own(world, row, parameters), keys or world.admin)


def _own(world: World, row: tuple[str, str], parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters; with the account's own number where daypass's operations show an account only itself."""
    account = row[0] == "daypass" and "account" in OPERATIONS[row].parameters.values() and row[1] != "RevokeSessions"
    return {"Account": world.account, **parameters} if account else parameters


def _alice_does(world: World, row: tuple[str, str], between: Any = None) -> None:
    """Make what the operation needs, and call it; `between` is told with which parameters."""
    try:
        parameters = sample(world, *row)
    except Refused:
        return
    if between is not None:
        between(parameters)
    _call(world, row, parameters)


class Mallory:
    """What she does before a call of Alice's; what she was told is looked through at the end."""

    def __init__(self, world: World, alice: World, arsenal: dict[tuple[str, str], dict[str, Any]], seed: str) -> None:
        self.world, self.alice, self.arsenal = world, alice, arsenal
        self.dice = Dice(f"mallory/{seed}")

    def does(self, row: tuple[str, str], parameters: dict[str, Any]) -> None:
        """The same call with Alice's very parameters, others of Alice's, her own by the same names, and what no honest client sends."""
        rows = [row, *self.dice.choose(sorted(self.arsenal), AT_RANDOM)]
        for one in rows:
            named = parameters if one == row else self.arsenal[one]
            if one not in ONCE:
                _call(self.world, one, named)
        if row not in ONCE:
            _alice_does(self.world, row)  # by the same names, in her own account
        self._with_foreign_papers(row, parameters)
        self._asks_and_lists()

    def _with_foreign_papers(self, row: tuple[str, str], parameters: dict[str, Any]) -> None:
        """Alice's key ids and tokens with Mallory's secrets, and the other way round."""
        alice, mine = Keys.of(self.alice.key), self.world.admin
        session = Keys.of(_session(self.world))
        for keys in (
            Keys(alice.id, mine.secret),
            Keys(self.alice.admin.id, mine.secret),
            Keys(self.alice.victim_key, session.secret, session.token),
            Keys(session.id, session.secret, self.alice.session.token),
            Keys(self.alice.session.id, session.secret, self.alice.session.token),
            Keys(mine.id, mine.secret, self.alice.session.token),
        ):
            _call(self.world, row, parameters, keys)

    def _asks_and_lists(self) -> None:
        """By Alice's markers, request ids, session ids and numbers: some of these calls each time."""
        alice, party = self.alice, _party(self.world)
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("iam", "ListUsers", {"Marker": alice.marker}),
            ("iam", "GetAccountAuthorizationDetails", {"Marker": alice.marker}),
            ("daypass", "ListSessions", {"Account": self.world.account, "Parent": alice.victim}),
            ("daypass", "ListEvents", {"Account": self.world.account}),
            ("daypass", "ListEvents", {"Account": alice.account}),
            ("daypass", "ExplainRequest", {"RequestId": alice.told_id}),
            ("daypass", "DecideAccess", {"Principal": alice.role_arn("target"), "Action": "s3:GetObject", "Resource": "*"}),
            ("daypass", "ListAssumableRoles", {"Principals": [alice.account]}),
            ("daypass", "ListEscalations", {"Principals": [alice.account]}),
            ("daypass", "RevokeSessions", {"SubtreeOf": alice.victim}),
            ("daypass", "RevokeSessions", {"Account": alice.account, "IssuedBefore": 4102444800}),
            ("organizations", "DescribeAccount", {"AccountId": alice.account}),
            ("organizations", "InviteAccountToOrganization", {"Target": {"Type": "ACCOUNT", "Id": alice.account}}),
            ("organizations", "MoveAccount", {"AccountId": alice.partner, "SourceParentId": "r-root", "DestinationParentId": "r-root"}),
            ("sts", "AssumeRole", {"RoleArn": alice.role_arn("OrganizationAccountAccessRole", alice.partner), "RoleSessionName": "m"}),
            ("sts", "AssumeRole", {"RoleArn": alice.role_arn("target"), "RoleSessionName": "m"}),
        ]
        for service, operation, parameters in self.dice.choose(calls, ASKED):
            with suppress(Refused):
                party.call(service, operation, parameters, self.world.admin)


def _session(world: World) -> dict[str, Any]:
    found: dict[str, Any] = _party(world).call("sts", "GetSessionToken", {}, world.admin)["Credentials"]
    return found


def _known(world: World) -> World:
    """Alice, with what Mallory has got hold of by looking over her shoulder: a session's keys, a marker, the id of a request."""
    party = _party(world)
    world.session = Keys.of(_session(world))  # type: ignore[attr-defined]  # for these tests only
    world.marker = party.call("iam", "ListUsers", {"MaxItems": 1}, world.admin)["Marker"]
    world.told_id = party.node.last[1].event.request_id
    return world


def _alices_words(alone: WatchedNode, both: WatchedNode, alice: World, mallory: World) -> set[str]:
    """The words that stand in records of Alice's account and in nobody else's."""
    others = {record.account for kind in TABLES for record in both.store.snapshot.records(kind)} - {alice.account}
    theirs = {word for account in others for word in words_of(records_of(both.store.snapshot, account))}
    return set(words_of(records_of(alone.store.snapshot, alice.account))) - theirs - mallory.words


def _compare(alone: World, both: World, mallory: World) -> None:
    """Alice was answered alike, has the same, and Mallory has read nothing of it."""
    one, other = _party(alone), _party(both)
    assert [row[:2] for row in other.told] == [row[:2] for row in one.told]
    for expected, told in zip(one.told, other.told, strict=True):
        assert PLACES.sub(b"", told[2]) == PLACES.sub(b"", expected[2]), told[0]
    assert records_of(other.node.store.snapshot, alone.account) == records_of(one.node.store.snapshot, alone.account)
    words = _alices_words(one.node, other.node, alone, mallory)
    assert any(word.startswith(MARK) for word in words)
    spy = _party(mallory)
    for operation, _, body in spy.told:
        text = body.decode("utf-8", "replace")
        leaked = {word for word in words if word in text and word not in spy.asked}
        assert leaked == set(), f"{operation}: {text[:2000]}"
        assert MARK not in text, f"{operation}: {text[:2000]}"


def _side_by_side(town: Town, directory: Path, rows: list[tuple[str, str]], seed: str) -> tuple[World, World, World]:
    """Alice's rows alone, and beside Mallory."""
    with _opened(town.alone, directory / "alone") as first, _opened(town.both, directory / "both") as second:
        alone, both, mallory = _known(_before(first, town.alice)), _known(_before(second, town.alice)), _before(second, town.mallory)
        spy = Mallory(mallory, both, town.arsenal, seed)
        for row in rows:
            _alice_does(alone, row)
            _alice_does(both, row, lambda parameters, row=row: spy.does(row, parameters))
        _compare(alone, both, mallory)
    return alone, both, mallory


@pytest.mark.parametrize("row", ROWS, ids=".".join)
def test_C46_alice_is_answered_as_if_she_were_alone(town: Town, tmp_path: Path, row: tuple[str, str]) -> None:
    alone, _, mallory = _side_by_side(town, tmp_path, [row], ".".join(row))
    operation, status, _ = _party(alone).told[-1]
    assert operation == ".".join(row), "Alice came to the call itself"
    assert status == 200 or row in OTHERWISE or row[0] == "daypass"
    assert len(_party(mallory).told) > AT_RANDOM


@pytest.mark.parametrize("seed", ["one", "two"])
def test_C46_nor_does_it_show_in_the_long_run(town: Town, tmp_path: Path, seed: str) -> None:
    """Many operations in one life of a node, so that what is remembered from one to the next takes part."""
    rows = Dice(seed).shuffled(ROWS)[:LONG]
    alone, _, _ = _side_by_side(town, tmp_path, rows, seed)
    assert sum(status == 200 for _, status, _ in _party(alone).told) > LONG / 2


def test_C46_nor_over_two_nodes(town: Town, tmp_path: Path, cluster: Cluster) -> None:
    """Alice before one node and Mallory before another, which share a database."""
    rows = Dice("nodes").shuffled(ROWS)[:OVER_NODES]
    schemas = cluster.new_schema(), cluster.new_schema()
    for template, schema in zip((town.alone, town.both), schemas, strict=True):
        move(template / "daypass.db", cluster.url(schema), "node-test")
    with ExitStack() as stack:
        first, second, third = (
            stack.enter_context(_on(cluster.url(schema), tmp_path / name, town.both / "root.key", name))
            for schema, name in ((schemas[0], "alone"), (schemas[1], "hers"), (schemas[1], "his"))
        )
        alone, both, mallory = _known(_before(first, town.alice)), _known(_before(second, town.alice)), _before(third, town.mallory)
        spy = Mallory(mallory, both, town.arsenal, "nodes")

        def between(row: tuple[str, str], parameters: dict[str, Any]) -> None:
            third.store.catch_up(third.now)
            spy.does(row, parameters)
            second.store.catch_up(second.now)

        for row in rows:
            _alice_does(alone, row)
            _alice_does(both, row, partial(between, row))
        _compare(alone, both, mallory)


@contextmanager
def _on(url: str, directory: Path, key: Path, name: str) -> Iterator[WatchedNode]:
    directory.mkdir()
    shutil.copy(key, directory / "root.key")
    node = WatchedNode(directory, database=url, name=name)
    node.pass_time(seconds=2)
    try:
        yield node
    finally:
        node.close()


def _found_anywhere(records: Records[Any], account: str, name: str) -> Any:
    return next((record for record in records if record.name.lower() == name.lower() and record.account != account), None)


# A check that is dropped, as a change to the code might, and the operation in which it then shows.
DROPPED: dict[str, tuple[Any, str, Any, tuple[str, str]]] = {
    "a name is looked for in every account": (Records, "named", _found_anywhere, ("iam", "GetUser")),
    "a list is of every account": (Records, "of", lambda records, account: list(records), ("iam", "ListRoles")),
    "any policy's ARN will do": (entities, "find_policy", lambda ctx, arn: ctx.store.policies.by_arn(arn), ("iam", "GetPolicy")),
    "any provider's ARN will do": (
        entities, "find_provider", lambda ctx, arn: ctx.store.oidc_providers.by_arn(arn), ("iam", "GetOpenIDConnectProvider")
    ),
    "any device's serial number will do": (
        entities, "find_device", lambda ctx, serial: ctx.store.mfa_devices.by_arn(serial), ("iam", "DeleteVirtualMFADevice")
    ),
    "any organization's unit will do": (
        places, "find_place", lambda store, own, id: (store.tree.path(id) or [None])[-1], ("organizations", "UpdateOrganizationalUnit")
    ),
    "any handshake will do": (
        handshakes, "find_handshake", lambda ctx, id: ctx.store.handshakes.find(id), ("organizations", "DescribeHandshake")
    ),
    "sessions are everybody's to end": (
        sessions, "ask_on", lambda ctx, action, account: Ask(f"daypass:{action}", "*", ctx.account), ("daypass", "RevokeSessions")
    ),
    "lines are everybody's to read": (
        server, "ask_on", lambda ctx, action, account: Ask(f"daypass:{action}", "*", ctx.account), ("daypass", "DescribeServer")
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DROPPED)
def test_C46_a_check_that_is_dropped_is_noticed(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The tests above can fail."""
    where, name, instead, row = DROPPED[what]
    monkeypatch.setattr(where, name, instead)
    with pytest.raises(AssertionError):
        _side_by_side(town, tmp_path, [row], ".".join(row))
