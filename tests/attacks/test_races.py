"""Attacks by doing two things at once, before one node and before two that share a database: no limit is passed, no name is given twice,
nothing that is over lives on. What one node has answered holds there at once, and on the other within a second.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL, accepted, allow, keys_of, member, policy, trust
from rig.http import Bend, Reply, form, json_call, sign, who_am_i
from rig.node import Keys
from rig.postgres import Cluster
from rig.server import Server, running
from rig.wait import until

AT_ONCE = 16
WITHIN = 1.0  # seconds until the other node obeys (promise P5)
OVER = {"ExpiredToken", "InvalidClientTokenId"}  # what is said to who holds what is over
Call = Callable[[], Reply]


@dataclass
class Site:
    """One node or several on one database, and the operator's keys."""

    nodes: list[Server]
    operator: Keys
    account: str

    def iam(self, node: int, action: str, keys: Keys | None = None, **parameters: str) -> Reply:
        """An IAM call at node number `node`, of as many as there are."""
        return self._query(node, action, "2010-05-08", "iam", keys, parameters)

    def sts(self, node: int, action: str, keys: Keys | None = None, **parameters: str) -> Reply:
        """An STS call."""
        return self._query(node, action, "2011-06-15", "sts", keys, parameters)

    def _query(self, node: int, action: str, version: str, service: str, keys: Keys | None, parameters: dict[str, str]) -> Reply:
        url = self.nodes[node % len(self.nodes)].url
        return sign(form(url, {"Action": action, **parameters}, version), keys or self.operator, Bend(service=service)).send()

    def json(self, node: int, service: str, target: str, keys: Keys | None = None, **parameters: Any) -> Reply:
        """A call of a json service."""
        url = self.nodes[node % len(self.nodes)].url
        return sign(json_call(url, target, parameters), keys or self.operator, Bend(service=service)).send()

    def revoke(self, node: int, **what: Any) -> None:
        """RevokeSessions."""
        accepted(self.json(node, "daypass", "Daypass_20261124.RevokeSessions", **what))

    def said_to(self, node: int, keys: Keys) -> str:
        """The code that a node has for who holds these keys, "" when they are good."""
        return sign(who_am_i(self.nodes[node % len(self.nodes)].url), keys).send().code

    def user(self, name: str, *actions: str) -> Keys:
        """A user who may do `actions`, known to every node, and a key."""
        accepted(self.iam(0, "CreateUser", UserName=name))
        if actions:
            accepted(self.iam(0, "PutUserPolicy", UserName=name, PolicyName="may", PolicyDocument=policy(allow(*actions))))
        keys = keys_of(self.iam(0, "CreateAccessKey", UserName=name))
        self.everywhere(lambda node: self.said_to(node, keys) == "")
        return keys

    def role(self, name: str, *actions: str, node: int = 0) -> str:
        """A role that the account trusts; its ARN."""
        accepted(self.iam(node, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust({"AWS": self.account})))
        if actions:
            accepted(self.iam(node, "PutRolePolicy", RoleName=name, PolicyName="may", PolicyDocument=policy(allow(*actions))))
        self.known("GetRole", RoleName=name)
        return f"arn:aws:iam::{self.account}:role/{name}"

    def assume(self, node: int, arn: str, keys: Keys | None = None) -> Reply:
        """AssumeRole."""
        return self.sts(node, "AssumeRole", keys, RoleArn=arn, RoleSessionName="race")

    def known(self, action: str, **parameters: str) -> None:
        """Wait until this call succeeds on every node."""
        self.everywhere(lambda node: self.iam(node, action, **parameters).status == 200)

    def everywhere(self, holds: Callable[[int], bool]) -> None:
        """Wait until something holds on every node."""
        for node in range(len(self.nodes)):
            until(partial(holds, node), f"node {node} knows")


@pytest.fixture(scope="module", params=[1, 2], ids=["one node", "two nodes"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    shared: tuple[str, ...] = ()
    if request.param > 1:
        cluster: Cluster = request.getfixturevalue("cluster")
        shared = ("--db", cluster.url(cluster.new_schema()), "--key-file", str(folder / "root.key"))
    with ExitStack() as stack:
        nodes = [stack.enter_context(running(folder / f"node{number}", *shared)) for number in range(request.param)]
        operator = Keys.of(json.loads(nodes[0].command("process").stdout))
        account = member(sign(who_am_i(nodes[0].url), operator).send(), "Account")
        yield Site(nodes, operator, account)


def at_once(calls: Sequence[Call]) -> list[Reply]:
    """The replies of all calls, as many under way as AT_ONCE allows; the first ones begin together."""
    start = threading.Barrier(min(AT_ONCE, len(calls)))

    def run(number: int) -> Reply:
        if number < start.parties:
            start.wait(20)
        return calls[number]()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(len(calls))))


def codes(replies: Sequence[Reply]) -> Counter[str]:
    """How often each code came; "" is success."""
    assert {reply.status // 100 for reply in replies} <= {2, 4}, [reply.text for reply in replies if reply.status >= 500]
    return Counter(reply.code for reply in replies)


def texts(reply: Reply, name: str) -> list[str]:
    """The text of every element of this name."""
    accepted(reply)
    return [part.partition("<")[0] for part in reply.text.split(f"<{name}>")[1:]]


def test_H69_keys_are_made_and_deleted_at_once_and_never_are_there_three(site: Site) -> None:
    accepted(site.iam(0, "CreateUser", UserName="h69"))
    site.known("GetUser", UserName="h69")
    made: list[Keys] = []
    deleted: set[str] = set()

    def step(number: int) -> Reply:
        if number % 4 == 3 and made:
            gone = made[number // 4 % len(made)]
            reply = site.iam(number, "DeleteAccessKey", UserName="h69", AccessKeyId=gone.id)
            if reply.status == 200:
                assert gone.id not in deleted, "two have deleted one key"
                deleted.add(gone.id)
            return reply
        reply = site.iam(number, "CreateAccessKey", UserName="h69")
        if reply.status == 200:
            made.append(keys_of(reply))
        listed = site.iam(number, "ListAccessKeys", UserName="h69")
        assert len(texts(listed, "AccessKeyId")) <= 2
        return reply

    seen = codes(at_once([partial(step, number) for number in range(120)]))
    assert set(seen) <= {"", "LimitExceeded", "NoSuchEntity", "ConcurrentModification"}
    assert seen["LimitExceeded"]
    at_once([partial(step, number) for number in (0, 1, 2)])  # whatever was deleted last
    alive = {keys.id for keys in made} - deleted
    assert len(alive) == 2
    assert len({keys.id for keys in made}) == len(made)  # no id is given twice
    site.everywhere(lambda node: set(texts(site.iam(node, "ListAccessKeys", UserName="h69"), "AccessKeyId")) == alive)
    for node in range(len(site.nodes)):
        assert {keys.id for keys in made if site.said_to(node, keys) == ""} == alive


def test_H69_a_policy_never_has_six_versions_nor_two_defaults(site: Site) -> None:
    made = site.iam(0, "CreatePolicy", PolicyName="h69", PolicyDocument=ALLOW_ALL)
    arn = member(made, "Arn")
    site.known("GetPolicy", PolicyArn=arn)
    given: list[str] = []

    def step(number: int) -> Reply:
        match number % 4:
            case 3:
                found = texts(site.iam(number, "ListPolicyVersions", PolicyArn=arn), "VersionId")
                return site.iam(number, "DeletePolicyVersion", PolicyArn=arn, VersionId=found[-1])
            case 2:
                found = texts(site.iam(number, "ListPolicyVersions", PolicyArn=arn), "VersionId")
                return site.iam(number, "SetDefaultPolicyVersion", PolicyArn=arn, VersionId=found[number % len(found)])
            case default:
                as_default = str(bool(default)).lower()
                reply = site.iam(number, "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL, SetAsDefault=as_default)
                given.extend(texts(reply, "VersionId") if reply.status == 200 else [])
        listed = site.iam(number, "ListPolicyVersions", PolicyArn=arn)
        assert len(texts(listed, "VersionId")) <= 5
        assert listed.text.count("<IsDefaultVersion>true<") == 1
        return reply

    seen = codes(at_once([partial(step, number) for number in range(120)]))
    assert set(seen) <= {"", "LimitExceeded", "DeleteConflict", "NoSuchEntity", "ConcurrentModification"}
    assert seen["LimitExceeded"]
    assert len(set(given)) == len(given) > 4  # a version's number is never given again


def test_H88_of_two_who_make_or_delete_a_role_one_wins_and_no_id_comes_back(site: Site) -> None:
    ids: set[str] = set()
    held: list[Keys] = []
    trusting = trust({"AWS": site.account})
    for turn in range(6):
        made = at_once([partial(site.iam, number, "CreateRole", RoleName="h88", AssumeRolePolicyDocument=trusting) for number in range(6)])
        assert codes(made)[""] == 1, codes(made)
        assert set(codes(made)) <= {"", "EntityAlreadyExists", "ConcurrentModification"}
        (won,) = [reply for reply in made if reply.status == 200]
        ids.add(member(won, "RoleId"))
        assert len(ids) == turn + 1
        site.known("GetRole", RoleName="h88")
        for old in held:  # the name is another role's now
            assert {site.said_to(node, old) for node in range(len(site.nodes))} == {"ExpiredToken"}
        held.append(keys_of(site.assume(turn, f"arn:aws:iam::{site.account}:role/h88")))
        ended = at_once([partial(site.iam, number, "DeleteRole", RoleName="h88") for number in range(6)])
        assert codes(ended)[""] == 1, codes(ended)
        assert set(codes(ended)) <= {"", "NoSuchEntity", "ConcurrentModification"}
        site.everywhere(lambda node: site.said_to(node, held[-1]) == "ExpiredToken")


@pytest.mark.parametrize("what", ["session", "subtree", "role", "user's key"])
def test_H04_no_pass_is_made_of_one_that_is_ended(site: Site, what: str) -> None:
    """A parent is ended on the first node while all nodes mint from it: whatever was minted since is over, there at once."""
    name = f"h04{what[:4]}"
    keys = site.user(name, "sts:AssumeRole")
    arn = site.role(name, "sts:AssumeRole")
    beside = site.role(f"{name}b")
    parent = keys_of(site.assume(0, arn, keys))
    site.everywhere(lambda node: site.said_to(node, parent) == "")
    listed = json.loads(site.json(0, "daypass", "Daypass_20261124.ListSessions", PrincipalArn=arn).body)["Sessions"]
    (session,) = [item["SessionId"] for item in listed if item["AccessKeyId"] == parent.id]
    begun, ended = threading.Event(), threading.Event()
    minted: list[tuple[float, Keys]] = []

    def mint(number: int) -> None:
        for _ in range(400):
            began = time.time()
            reply = site.assume(number, beside, parent)
            if reply.status == 200:
                minted.append((began, keys_of(reply)))
                begun.set()
            if ended.is_set() and reply.status != 200:
                return

    before = time.time()
    with ThreadPoolExecutor(4) as minters:
        under_way = [minters.submit(mint, number) for number in range(4)]
        assert begun.wait(20)
        if what == "session":
            until(lambda: time.time() > before + 1.2, "some were minted in a second before")
            site.revoke(0, SessionId=session)
        elif what == "subtree":
            site.revoke(0, SubtreeOf=session)
        elif what == "role":
            site.revoke(0, RoleArn=arn)
        else:
            accepted(site.iam(0, "DeleteAccessKey", UserName=name, AccessKeyId=keys.id))
        answered = time.time()
        assert site.said_to(0, parent) in OVER
        ended.set()
        for one in under_way:
            one.result(30)
    site.everywhere(lambda node: site.said_to(node, parent) in OVER)
    # a session that is revoked alone leaves what was made of it before, and nothing that was made since
    must = [child for began, child in minted if what != "session" or began > answered]
    for node in range(len(site.nodes)):
        assert {site.said_to(node, child) for child in must} <= OVER
    first = site.said_to(0, minted[0][1])
    assert first == "" if what == "session" else first in OVER


def test_H04_a_key_that_is_made_while_its_user_is_deleted_is_nobodys(site: Site) -> None:
    for turn in range(6):
        name = f"h04u{turn}"
        accepted(site.iam(0, "CreateUser", UserName=name))
        site.known("GetUser", UserName=name)
        creating = [partial(site.iam, number, "CreateAccessKey", UserName=name) for number in range(1, 5)]
        gone, *keys = at_once([partial(site.iam, 0, "DeleteUser", UserName=name), *creating])
        assert set(codes([gone])) <= {"", "DeleteConflict", "ConcurrentModification"}
        assert set(codes(keys)) <= {"", "NoSuchEntity", "LimitExceeded", "ConcurrentModification"}
        made = [keys_of(reply) for reply in keys if reply.status == 200]
        if gone.status == 200:
            assert made == [], "a user with a key was deleted, or a user who is gone was given one"
            site.everywhere(lambda node, name=name: site.iam(node, "GetUser", UserName=name).status == 404)  # type: ignore[misc]  # bound at once
        else:
            assert made
            site.everywhere(lambda node, made=made: all(site.said_to(node, one) == "" for one in made))  # type: ignore[misc]  # bound at once


@pytest.mark.parametrize("how", ["detach", "deny"])
def test_H04_what_is_taken_away_is_not_used_after_the_answer(site: Site, how: str) -> None:
    """Callers hammer every node while a permission is taken and given; each use is held against the answers that it began after."""
    name = f"h04{how}"
    keys = site.user(name)
    arn = member(site.iam(0, "CreatePolicy", PolicyName=name, PolicyDocument=policy(allow("iam:ListUsers"))), "Arn")
    if how == "deny":
        accepted(site.iam(0, "AttachUserPolicy", UserName=name, PolicyArn=arn))
        arn = member(site.iam(0, "CreatePolicy", PolicyName=f"{name}d", PolicyDocument=policy({**allow("*"), "Effect": "Deny"})), "Arn")
    taken, given = ("DetachUserPolicy", "AttachUserPolicy") if how == "detach" else ("AttachUserPolicy", "DetachUserPolicy")
    over = threading.Event()
    seen: list[tuple[int, float, float, bool]] = []  # node, when it began and ended, whether it was allowed

    def hammer(number: int) -> None:
        while not over.is_set():
            began = time.monotonic()
            reply = site.iam(number, "ListUsers", keys, MaxItems="1")
            seen.append((number % len(site.nodes), began, time.monotonic(), reply.status == 200))

    def asked_often(since: float, node: int) -> bool:
        return sum(1 for asked, began, *_ in list(seen) if asked == node and began > since) >= 10

    forbidden: list[tuple[float, float]] = []
    with ThreadPoolExecutor(4) as callers:
        hammers = [callers.submit(hammer, number) for number in range(4)]
        try:
            for _ in range(4):
                if how == "detach":
                    accepted(site.iam(0, given, UserName=name, PolicyArn=arn))
                site.everywhere(lambda node: site.iam(node, "ListUsers", keys, MaxItems="1").status == 200)
                accepted(site.iam(0, taken, UserName=name, PolicyArn=arn))
                answered = time.monotonic()
                site.everywhere(lambda node: site.iam(node, "ListUsers", keys, MaxItems="1").status == 403)
                site.everywhere(partial(asked_often, time.monotonic()))
                forbidden.append((answered, time.monotonic()))
                if how == "deny":
                    accepted(site.iam(0, given, UserName=name, PolicyArn=arn))
        finally:
            over.set()
        for one in hammers:
            one.result(30)
    assert any(allowed for *_, allowed in seen)
    # what was still under way when the permission was given back may have been decided after that
    used = [(node, began, ended) for node, began, ended, allowed in seen if allowed]
    late = [(node, began - start) for node, began, ended in used for start, end in forbidden if start < began and ended < end]
    assert [item for item in late if item[0] == 0] == [], "0 s where it was answered"
    assert [item for item in late if item[1] > WITHIN] == [], "a second elsewhere"


def test_H69_no_more_tags_and_groups_than_there_may_be(site: Site) -> None:
    accepted(site.iam(0, "CreateUser", UserName="h69many"))
    for number in range(14):
        accepted(site.iam(0, "CreateGroup", GroupName=f"h69g{number}"))
    site.known("GetGroup", GroupName="h69g13")

    def tag(number: int) -> Reply:
        given = {"Tags.member.1.Key": f"key{number}", "Tags.member.1.Value": "v"}
        return site.iam(number, "TagUser", UserName="h69many", **given)

    seen = codes(at_once([partial(tag, number) for number in range(60)]))
    assert set(seen) <= {"", "LimitExceeded", "ConcurrentModification"}
    assert len(texts(site.iam(0, "ListUserTags", UserName="h69many"), "Key")) == seen[""] == 50
    join = partial(site.iam, action="AddUserToGroup", UserName="h69many")
    seen = codes(at_once([partial(join, number, GroupName=f"h69g{number}") for number in range(14)]))
    assert seen[""] == 10
    assert set(seen) <= {"", "LimitExceeded", "ConcurrentModification"}
    assert len(set(texts(site.iam(0, "ListGroupsForUser", UserName="h69many"), "GroupName"))) == 10


def test_H69_nobody_is_in_a_group_that_is_gone(site: Site) -> None:
    accepted(site.iam(0, "CreateUser", UserName="h69in"))
    for turn in range(6):
        group = f"h69h{turn}"
        accepted(site.iam(0, "CreateGroup", GroupName=group))
        site.known("GetGroup", GroupName=group)
        joining = partial(site.iam, 1, "AddUserToGroup", UserName="h69in", GroupName=group)
        joined, gone = at_once([joining, partial(site.iam, 0, "DeleteGroup", GroupName=group)])
        assert {joined.status, gone.status} <= {200, 404, 409}
        assert not (joined.status == 200 and gone.status == 200)
        listed = texts(site.iam(0, "ListGroupsForUser", UserName="h69in"), "GroupName")
        assert (group in listed) is (joined.status == 200)


def test_H69_an_email_address_is_one_accounts_and_an_alias_one_accounts(site: Site) -> None:
    create = partial(site.json, service="organizations", target="AWSOrganizationsV20161128.CreateAccount")
    made = at_once([partial(create, number, Email="h69@example.test", AccountName="h69") for number in range(8)])
    (won,) = [reply for reply in made if reply.status == 200]
    other = json.loads(won.body)["CreateAccountStatus"]["AccountId"]
    keys = keys_of(site.assume(0, f"arn:aws:iam::{other}:role/OrganizationAccountAccessRole"))
    site.everywhere(lambda node: site.said_to(node, keys) == "")
    many = at_once([partial(create, number, Email=f"h69-{number}@example.test", AccountName="many") for number in range(8)])
    numbers = [json.loads(reply.body)["CreateAccountStatus"]["AccountId"] for reply in many if reply.status == 200]
    assert len(set(numbers)) == len(numbers) == codes(many)[""] >= 1
    for turn in range(5):
        alias = f"h69-{turn}"
        create = partial(site.iam, action="CreateAccountAlias", AccountAlias=alias)
        both = at_once([partial(create, 0), partial(create, 1, keys=keys)])
        assert sorted(reply.status for reply in both) == [200, 409], [reply.text for reply in both]
        held = [texts(site.iam(0, "ListAccountAliases"), "member"), texts(site.iam(1, "ListAccountAliases", keys), "member")]
        assert sum(alias in one for one in held) == 1


def test_H06_a_time_before_which_sessions_are_denied_holds_on_every_node(site: Site) -> None:
    arn, names = site.role("h06", "iam:ListUsers"), {"RoleName": "h06", "PolicyName": "AWSRevokeOlderSessions"}
    old, second = keys_of(site.assume(1, arn)), int(time.time())
    until(lambda: int(time.time()) > second + 1, "the next ones are of a later second")
    new = keys_of(site.assume(1, arn))
    older = {"DateLessThan": {"aws:TokenIssueTime": datetime.fromtimestamp(second + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}
    denied = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": older}
    site.everywhere(lambda node: site.iam(node, "ListUsers", old).status == 200)
    accepted(site.iam(0, "PutRolePolicy", PolicyDocument=policy(denied), **names))
    site.everywhere(lambda node: [site.iam(node, "ListUsers", keys).code for keys in (old, new)] == ["AccessDenied", ""])
