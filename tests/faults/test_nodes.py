"""Several real nodes on one PostgreSQL: an ending reaches all of them, a name and a key are given once, a node that is cut off stops in
time, the ledgers of all are one story.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rig.http import Attempt, Bend, form, json_call, sign, who_am_i
from rig.link import Link
from rig.node import Keys
from rig.postgres import Cluster
from rig.server import Server, Start, running
from rig.wait import until

MANY = 10  # nodes beside the one that answers: the promise is for ten (promise P5)
WITHIN = 1.0  # seconds
STARTS_AT_ONCE = 3



def operator(server: Server) -> Keys:
    found = json.loads(server.command("process").stdout)
    return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def iam(server: Server, keys: Keys, action: str, **parameters: str) -> Attempt:
    return sign(form(server.url, {"Action": action, **parameters}, "2010-05-08"), keys, Bend(service="iam"))


def code(server: Server, keys: Keys) -> str:
    """What a node says to whoever holds `keys`: "" when they are good."""
    return sign(who_am_i(server.url), keys).send().code


def trusted_role(server: Server, keys: Keys, name: str) -> str:
    text = sign(who_am_i(server.url), keys).send().text
    account = text[text.index("<Account>") + 9 :][:12]
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})
    made = iam(server, keys, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust).send()
    assert made.status == 200, made.text
    return f"arn:aws:iam::{account}:role/{name}"


def assume(server: Server, keys: Keys, arn: str) -> Keys:
    made = sign(form(server.url, {"Action": "AssumeRole", "RoleArn": arn, "RoleSessionName": "s1"}), keys).send()
    assert made.status == 200, made.text
    cut = {name: made.text.partition(f"<{name}>")[2].partition("<")[0] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    return Keys(cut["AccessKeyId"], cut["SecretAccessKey"], cut["SessionToken"])


def test_an_ending_reaches_ten_other_nodes_within_a_second(start: Start) -> None:
    """0 s on the node that answers; the others are asked all the time, and each is timed from the answer on."""
    first = start("n0")
    with ThreadPoolExecutor(STARTS_AT_ONCE) as starters:
        others = list(starters.map(start, [f"n{number}" for number in range(1, MANY + 1)]))
    keys = operator(first)
    arn = trusted_role(first, keys, "r")
    held = assume(first, keys, arn)
    for other in others:
        until(lambda other=other: code(other, held) == "", "the session is good everywhere")  # type: ignore[misc]  # bound at once
    ended: dict[str, float] = {}

    def ask(other: Server) -> None:
        until(lambda: code(other, held) == "ExpiredToken", f"{other.url} obeys")
        ended[other.url] = time.monotonic()

    askers = [threading.Thread(target=ask, args=(other,)) for other in others]
    for asker in askers:
        asker.start()
    answer = sign(json_call(first.url, "Daypass_20261124.RevokeSessions", {"RoleArn": arn}), keys, Bend(service="daypass")).send()
    answered = time.monotonic()
    assert code(first, held) == "ExpiredToken"
    for asker in askers:
        asker.join()
    assert json.loads(answer.body)["SessionsEnded"] == 1
    assert len(ended) == MANY
    assert max(ended.values()) - answered < WITHIN, sorted(when - answered for when in ended.values())


def test_waiting_returns_when_all_obey(start: Start) -> None:
    one, others = start("a"), [start("b"), start("c")]
    keys = operator(one)
    arn = trusted_role(one, keys, "r")
    held = assume(one, keys, arn)
    for other in others:
        until(lambda other=other: code(other, held) == "", "the session is good everywhere")  # type: ignore[misc]  # bound at once
    said = one.command("revoke", "--role", arn, "--wait", "-o", "json")
    assert [code(node, held) for node in (one, *others)] == ["ExpiredToken"] * 3
    assert json.loads(said.stdout)["SessionsEnded"] == 1
    assert "not heard of" not in said.stderr


def test_without_waiting_the_other_node_obeys_within_a_second(start: Start) -> None:
    one, other = start("a"), start("b")
    keys = operator(one)
    arn = trusted_role(one, keys, "r")
    for _ in range(5):
        held = assume(one, keys, arn)
        until(lambda held=held: code(other, held) == "", "the session is good there")  # type: ignore[misc]  # bound at once
        begun = time.monotonic()
        ended = iam(one, keys, "DeleteRole", RoleName="r").send()
        assert ended.status == 200, ended.text
        assert code(one, held) == "ExpiredToken"
        until(lambda held=held: code(other, held) == "ExpiredToken", "it obeys")  # type: ignore[misc]  # bound at once
        assert time.monotonic() - begun < WITHIN
        arn = trusted_role(one, keys, "r")


def test_h69_two_keys_at_most_over_two_nodes(start: Start) -> None:
    """200 calls at once over two nodes: two keys exist, and everyone else is told why not."""
    nodes = [start("a"), start("b")]
    keys = operator(nodes[0])
    assert iam(nodes[0], keys, "CreateUser", UserName="u").send().status == 200
    until(lambda: iam(nodes[1], keys, "GetUser", UserName="u").send().status == 200, "both know the user")

    def create(number: int) -> tuple[int, str]:
        answer = iam(nodes[number % 2], keys, "CreateAccessKey", UserName="u").send()
        return answer.status, answer.code

    with ThreadPoolExecutor(16) as callers:
        answers = Counter(callers.map(create, range(200)))
    assert answers == {(200, ""): 2, (409, "LimitExceeded"): 198}
    for node in nodes:
        until(lambda node=node: iam(node, keys, "ListAccessKeys", UserName="u").send().text.count("<AccessKeyId>") == 2, "two")  # type: ignore[misc]  # bound at once


def test_a_name_is_given_once_over_two_nodes_and_deleting_it_frees_it(start: Start) -> None:
    nodes = [start("a"), start("b")]
    keys = operator(nodes[0])

    def both(action: str) -> list[int]:
        with ThreadPoolExecutor(2) as callers:
            return sorted(callers.map(lambda node: iam(node, keys, action, UserName="u").send().status, nodes))

    for _ in range(10):
        assert both("CreateUser") == [200, 409]
        assert both("DeleteUser") == [200, 404]


def test_F14_a_node_that_is_cut_off_goes_on_until_its_state_is_too_old(start: Start, link: Link) -> None:
    """It decides from what it knows, shows its age, then answers 503; once it is connected again it obeys, without a hand (F-14, F-43)."""
    one, lost = start("a"), start("b", "--max-staleness", "4", link=link)
    keys = operator(one)
    arn = trusted_role(one, keys, "r")
    held = assume(one, keys, arn)
    until(lambda: code(lost, held) == "", "the session is good there")
    link.hold()
    assert one.command("revoke", "--role", arn).returncode == 0
    assert code(one, held) == "ExpiredToken"
    assert code(lost, held) == ""  # it cannot know
    until(lambda: code(lost, keys) == "ServiceUnavailable", "its state is too old")
    assert code(lost, held) == "ServiceUnavailable"
    assert code(one, keys) == ""
    answer = Attempt(lost.url, "GET", "/health").send()
    told = json.loads(answer.body)
    assert (answer.status, told["ready"], told["reasons"]) == (503, False, ["state too old"])
    assert told["feed_age_seconds"] > 4
    link.mend()
    until(lambda: code(lost, held) == "ExpiredToken", "it obeys")
    assert code(lost, keys) == ""


def test_waiting_says_which_node_is_silent(start: Start, link: Link) -> None:
    one, lost = start("a"), start("b", link=link)
    operator(one)
    link.cut()
    until(lambda: any(not node["Live"] for node in nodes(one)), "b is silent", 30)
    said = one.command("revoke", "--issued-before", "now", "--account", nodes_account(one), "--wait")
    assert "was not heard of for" in said.stderr
    link.mend()
    until(lambda: all(node["Live"] for node in nodes(one)), "b is there again")
    assert lost.health()["ready"]


def nodes(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.command("nodes", "-o", "json").stdout)["Nodes"]
    return found


def nodes_account(server: Server) -> str:
    return str(json.loads(server.command("events", "-o", "json").stdout.splitlines()[0])["recipientAccountId"])


def test_events_of_all_nodes_are_one_story_with_each_ones_mark(start: Start) -> None:
    one, other = start("a"), start("b")
    keys = operator(one)
    for number in range(3):
        assert iam(one, keys, "CreateUser", UserName=f"a{number}").send().status == 200
        assert iam(other, keys, "CreateUser", UserName=f"b{number}").send().status == 200
    until(lambda: len(users(one)) == 6, "all lines have come")
    story = users(one)
    assert users(other) == story
    for name in "ab":  # events of one second stand in the order in which their lines came
        assert [user for user in story if user.startswith(name)] == [f"{name}{number}" for number in range(3)]
    said = one.command("events").stderr
    assert said.count(": lines up to") == 2
    for server in (one, other):
        assert json.loads(server.command("events", "verify", "-o", "json").stdout)["Intact"]


def users(server: Server) -> list[str]:
    said = server.command("events", "--operation", "CreateUser", "-o", "json").stdout
    return [json.loads(line)["requestParameters"]["UserName"] for line in said.splitlines()]


def test_a_node_ends_in_good_order_and_is_not_waited_for(start: Start, cluster: Cluster, tmp_path: Path) -> None:
    one = start("a")
    with ExitStack() as stack:
        url = (one.data / "database").read_text().strip()
        stack.enter_context(running(tmp_path / "b", "--db", url, "--key-file", str(tmp_path / "root.key")))
        assert len(nodes(one)) == 2
    assert len(nodes(one)) == 1


def test_a_copied_directory_does_not_start(start: Start, tmp_path: Path) -> None:
    one = start("a")
    (tmp_path / "copy").mkdir(mode=0o700)
    (tmp_path / "copy" / "node").write_bytes((one.data / "node").read_bytes())
    with pytest.raises(AssertionError, match="Another process runs as node-"):
        start("copy")


def test_a_node_without_the_root_key_does_not_start(start: Start, cluster: Cluster, tmp_path: Path) -> None:
    url = (start("a").data / "database").read_text().strip()
    with pytest.raises(AssertionError, match="is missing, and the database was made with it"), running(tmp_path / "b", "--db", url):
        pass


def test_a_refusal_is_explained_by_another_node(start: Start) -> None:
    """The copies of all ledgers are looked through: who asks need not know which node refused."""
    first, second = start("a"), start("b")
    keys = operator(first)
    assert iam(first, keys, "CreateUser", UserName="nobody").send().status == 200
    made = iam(first, keys, "CreateAccessKey", UserName="nobody").send().text
    cut = [made.partition(f"<{name}>")[2].partition("<")[0] for name in ("AccessKeyId", "SecretAccessKey")]
    refused = iam(first, Keys(*cut), "ListRoles").send()
    assert refused.code == "AccessDenied"
    request_id = refused.text.partition("<RequestId>")[2].partition("<")[0]
    told: dict[str, Any] = {}

    def ask() -> bool:
        said = second.command("explain", request_id, "-o", "json", check=False)
        told.update(json.loads(said.stdout) if said.returncode == 0 else {})
        return bool(told)

    until(ask, "the copy of the line has come")
    assert told["Operation"] == "iam:ListRoles"
    assert told["Outcome"] == "DENIED"
    assert told["Caller"].endswith(":user/nobody")
    assert second.command("explain", "00000000-0000-4000-8000-000000000000", check=False).returncode != 0
