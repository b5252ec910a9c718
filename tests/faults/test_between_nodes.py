"""What goes wrong between nodes and their database: conflicts that it breaks off (F-12), clocks apart (F-20), news that get lost (F-43)."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from daypass.store import open_store
from daypass.store.keys import root_key
from faults.test_nodes import assume, code, iam, operator, trusted_role
from rig.http import Bend, json_call, sign
from rig.node import Refused, TestNode
from rig.postgres import Cluster
from rig.server import running
from rig.wait import until

POLLED = 5.0  # seconds within which a node finds by itself what it was not told; it looks each half second


@pytest.mark.parametrize("state", ["40001", "40P01"], ids=["serialization", "deadlock"])
def test_F12_a_change_that_the_database_breaks_off(cluster: Cluster, tmp_path: Path, state: str) -> None:
    """A clean 503, which SDKs try again, and nothing of the change; the next one goes."""
    schema = cluster.new_schema()
    node = TestNode(tmp_path, database=cluster.url(schema), name="a")
    other = open_store(cluster.url(schema), root_key(tmp_path / "root.key"), node.now, node="b")
    keys = node.operator()
    body = f"BEGIN RAISE EXCEPTION 'for this test' USING ERRCODE = '{state}'; END"
    cluster.sql(f"CREATE FUNCTION {schema}.broken() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
    cluster.sql(f"CREATE TRIGGER broken BEFORE INSERT ON {schema}.changes FOR EACH ROW EXECUTE FUNCTION {schema}.broken()")
    with pytest.raises(Refused) as refused:
        node.call("iam", "CreateUser", {"UserName": "u"}, keys)
    assert (refused.value.code, refused.value.status) == ("ServiceUnavailable", 503)
    cluster.sql(f"DROP TRIGGER broken ON {schema}.changes")
    assert node.store.settle_doubts() == []
    other.catch_up(node.now)
    assert other.snapshot.users.named(node.account, "u") is None
    assert node.call("iam", "CreateUser", {"UserName": "u"}, keys)["User"]["UserName"] == "u"
    node.close()
    other.close()


def test_F20_and_F43_clocks_a_minute_apart_and_news_that_get_lost(cluster: Cluster, tmp_path: Path) -> None:
    """A pass of the node that is ahead is good at the one that is behind, and the other way round; an ending is found by the poll."""
    schema = cluster.new_schema()
    ahead, behind = tmp_path / "ahead", tmp_path / "behind"
    ahead.write_text("60")
    behind.write_text("-60")
    key = ("--key-file", str(tmp_path / "root.key"))
    with (
        running(tmp_path / "a", "--db", cluster.url(schema), *key, clock=ahead) as fast,
        running(tmp_path / "b", "--db", cluster.url(schema), *key, clock=behind) as slow,
    ):
        keys = operator(fast)
        arn = trusted_role(fast, keys, "r")
        until(lambda: code(slow, keys) == "", "the operator's pass of the fast node is good at the slow one")
        until(lambda: iam(slow, keys, "GetRole", RoleName="r").send().status == 200, "the role is known")
        held = assume(fast, keys, arn)
        assert code(slow, held) == ""
        late = assume(slow, keys, arn)
        assert code(fast, late) == ""
        stop = threading.Event()

        def deafen() -> None:
            while not stop.is_set():
                listening = "query LIKE 'LISTEN%' AND application_name = 'daypass'"
                cluster.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listening}")
                stop.wait(0.05)

        deafener = threading.Thread(target=deafen)
        deafener.start()
        answer = sign(json_call(fast.url, "Daypass_20261124.RevokeSessions", {"RoleArn": arn}), keys, Bend(service="daypass")).send()
        took = until(lambda: code(slow, held) == "ExpiredToken", "the slow node obeys", POLLED * 4)
        stop.set()
        deafener.join()
        assert json.loads(answer.body)["SessionsEnded"] >= 1  # what the slow node has made may not be in the table yet: it ends as well
        assert took < POLLED
        assert code(fast, late) == code(slow, late) == "ExpiredToken"
