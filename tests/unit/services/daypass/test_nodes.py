"""ListNodes, and ListEvents over the lines of several nodes: two in this process on one PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.services.daypass import events
from daypass.way.peers import Peers
from rig.node import Refused, TestNode
from rig.postgres import Cluster
from unit.way.town import Town


class Pair:
    """Two nodes, and their rounds."""

    def __init__(self, directory: Path, url: str) -> None:
        self.a = TestNode(directory, database=url, name="node-a")
        (directory / "b").mkdir()
        (directory / "b" / "root.key").write_bytes((directory / "root.key").read_bytes())
        (directory / "b" / "root.key").chmod(0o600)
        self.b = TestNode(directory / "b", database=url, name="node-b")
        self.peers = [Peers(node.store, node.node.ledger, f"http://{node.store.node}") for node in (self.a, self.b)]
        self.ticks = 0.0

    def round(self) -> None:
        self.ticks += 10
        for peers in self.peers:
            peers.follow(self.a.now, self.ticks)
            while peers.copy():
                pass

    def lines(self, node: TestNode, **given: Any) -> tuple[list[str], int]:
        answer = node.call("daypass", "ListEvents", given, node.operator())
        return [json.loads(line)["eventName"] for line in answer["Events"]], answer["Position"]


@pytest.fixture
def pair(cluster: Cluster, tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path, cluster.url(cluster.new_schema()))
    yield made
    made.a.close()
    made.b.close()


def test_a_node_alone_lists_itself(tmp_path: Path) -> None:
    town = Town(tmp_path)
    answer = town.it.call("daypass", "ListNodes", {}, town.operator)
    (node,) = answer["Nodes"]
    assert (node["Name"], node["Position"], node["Live"], node["Answering"]) == ("node-test", answer["Position"], True, True)
    town.it.close()


def test_all_nodes_are_listed_with_what_they_obey(pair: Pair) -> None:
    keys = pair.a.operator()
    pair.a.call("iam", "CreateUser", {"UserName": "u"}, keys)
    pair.round()
    pair.a.call("iam", "CreateUser", {"UserName": "v"}, keys)
    answer = pair.b.call("daypass", "ListNodes", {}, keys)
    named = {node["Name"]: node for node in answer["Nodes"]}
    assert list(named) == ["node-a", "node-b"]
    assert [node["Answering"] for node in answer["Nodes"]] == [False, True]
    assert all(node["Position"] < answer["Position"] and node["Live"] for node in answer["Nodes"])
    assert named["node-a"]["LedgerLines"] == named["node-a"]["ShippedLines"] == pair.a.node.ledger.head.seq - 1
    pair.round()
    answer = pair.b.call("daypass", "ListNodes", {}, keys)
    assert {node["Position"] for node in answer["Nodes"]} == {answer["Position"]}


def test_what_one_node_ends_is_over_on_the_other(pair: Pair) -> None:
    keys = pair.a.operator()
    pair.round()
    assert pair.b.call("sts", "GetCallerIdentity", {}, keys)["Account"] == pair.a.account
    pair.b.call("daypass", "RevokeSessions", {"IssuedBefore": pair.b.now}, keys)
    for node in (pair.a, pair.b):
        node.store.catch_up(node.now)
        assert node.store.snapshot.revocations


def test_f20_what_a_node_that_is_ahead_has_made_is_ended_too(pair: Pair) -> None:
    keys = pair.a.operator()
    pair.round()
    pair.b.now += _second(30)
    made = pair.b.operator()
    for _ in range(2):  # each tells the other how its clock stands
        pair.ticks += 10
        for peers, node in zip(pair.peers, (pair.a, pair.b), strict=True):
            peers.follow(node.now, pair.ticks)
    (role,) = [role for role in pair.a.store.snapshot.roles if role.name == "DaypassOperator"]
    pair.a.call("daypass", "RevokeSessions", {"RoleArn": role.arn}, keys)
    pair.b.store.catch_up(pair.b.now)
    with pytest.raises(Refused, match="ExpiredToken"):
        pair.b.call("sts", "GetCallerIdentity", {}, made)


def test_events_of_all_by_time_and_after_a_place(pair: Pair) -> None:
    keys = pair.a.operator()
    pair.round()
    pair.b.now += _second(2)
    pair.b.call("iam", "ListUsers", {}, keys)
    pair.a.now += _second(1)
    pair.a.call("iam", "ListRoles", {}, keys)
    pair.round()
    names, place = pair.lines(pair.a)
    assert names[-2:] == ["ListRoles", "ListUsers"]  # by the time of the events, whoever's line came first
    pair.a.now += _second(2)
    pair.a.call("iam", "ListGroups", {}, keys)
    pair.round()
    later, end = pair.lines(pair.b, After=place)
    assert later[-1] == "ListGroups"
    assert "ListRoles" not in later
    assert end > place
    assert pair.lines(pair.b, After=0, MaxResults=1, Operation="ListGroups")[0] == ["ListGroups"]
    assert pair.lines(pair.b, MaxResults=1, Operation="ListRoles")[0] == ["ListRoles"]
    assert pair.lines(pair.b, Operation="Nothing")[0] == []
    assert pair.lines(pair.b, Since=pair.a.now, After=0, Operation="ListRoles")[0] == []


def test_long_stories_are_read_in_pieces(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_CHUNK", 2)
    keys = pair.a.operator()
    for _ in range(5):
        pair.a.call("iam", "ListUsers", {}, keys)
    pair.round()
    assert pair.lines(pair.b, Operation="ListUsers")[0] == ["ListUsers"] * 5
    assert pair.lines(pair.b, Operation="ListUsers", MaxResults=3)[0] == ["ListUsers"] * 3
    place, found = 0, 0
    for _ in range(3):
        names, place = pair.lines(pair.b, Operation="ListUsers", MaxResults=2, After=place)
        found += len(names)
    assert found == 5


def _second(count: int) -> Any:
    from datetime import timedelta

    return timedelta(seconds=count)
