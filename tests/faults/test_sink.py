"""F-42, the sink of the ledger: the shared database, where the lines of all nodes meet. While it is away or slow they wait on the node's
disk, and nobody waits for it; then all of them come, each once, in order, also when the node was killed meanwhile.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faults.test_nodes import assume, iam, operator, trusted_role
from rig.http import Attempt, sign, who_am_i
from rig.link import Link
from rig.node import Keys
from rig.postgres import Cluster
from rig.server import Server, daypass, running
from rig.wait import until
from rig.warm import Warm

MANY = 1_200  # lines: more than one batch of copies holds
AT_ONCE = 4
LATE = 0.2  # seconds, of each word of a slow database


def unshipped(server: Server) -> int:
    found = re.search(r"^metrics on port (\d+)$", server.stderr.read_text(), re.M)
    assert found
    body = Attempt(f"http://127.0.0.1:{found[1]}", "GET", "/metrics").send().text
    return int(float(body.partition("\ndaypass_ledger_unshipped_lines ")[2].split()[0]))


def lines_of(data: Path) -> list[bytes]:
    return b"".join(path.read_bytes() for path in sorted((data / "ledger").glob("*.jsonl"))).splitlines()


def copies(cluster: Cluster, schema: str) -> list[bytes]:
    """What has come, in the order in which it came."""
    rows = cluster.sql("SELECT encode(raw, 'hex') FROM ledger_lines ORDER BY arrival", schema)
    return [bytes.fromhex(row) for row in rows]


def request_ids(lines: list[bytes]) -> Counter[str]:
    return Counter(json.loads(line)["requestID"] for line in lines)


@pytest.mark.parametrize("how", ["cut", "hold", "delay"])
def test_F42_the_sink_is_away_or_slow(cluster: Cluster, link: Link, tmp_path: Path, how: str) -> None:
    schema = cluster.new_schema()
    with running(tmp_path / "a", "--db", link.url(schema), "--metrics", "127.0.0.1:0") as node:
        keys = operator(node)
        arn = trusted_role(node, keys, "r")
        until(lambda: unshipped(node) == 0, "all has come so far")
        link.delay(LATE) if how == "delay" else getattr(link, how)()
        assume(node, keys, arn)
        told = Counter(ask_often(node.url, keys))
        waiting = lines_of(node.data)
        assert told <= request_ids(waiting)  # on disk, each before its answer
        if how != "delay":
            assert unshipped(node) >= MANY
            assert iam(node, keys, "CreateUser", UserName="u").send().status == 503
            assert len(copies(cluster, schema)) <= len(waiting) - MANY
        link.mend()
        until(lambda: copies(cluster, schema)[: len(waiting)] == waiting, "every line has come, as it stands on disk, once and in order")
        until(lambda: unshipped(node) == 0, "none is left")
        assert copies(cluster, schema) == lines_of(node.data)
        assert json.loads(node.command("events", "verify", "-o", "json").stdout)["Intact"]


def test_F42_the_node_is_killed_while_the_sink_is_away(cluster: Cluster, link: Link, tmp_path: Path) -> None:
    schema, data = cluster.new_schema(), tmp_path / "a"
    warm = Warm(tmp_path / "stderr")
    try:
        url = warm.start("up", "--data", str(data), "--listen", "127.0.0.1:0", "--db", link.url(schema)).split()[1]
        given = json.loads(daypass("process", data=data).stdout)
        keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        link.cut()
        told = Counter(ask_often(url, keys))
        warm.kill()
        waiting = lines_of(data)
        assert told <= request_ids(waiting)
        assert len(copies(cluster, schema)) <= len(waiting) - MANY
        link.mend()
        assert warm.start("up", "--data", str(data), "--listen", "127.0.0.1:0")
        until(lambda: copies(cluster, schema)[: len(waiting)] == waiting, "every line has come, as it stands on disk, once and in order")
    finally:
        warm.close()


def ask_often(url: str, keys: Keys) -> list[str]:
    """MANY calls, several at once; their request ids."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        replies = list(pool.map(lambda _: sign(who_am_i(url), keys).send(), range(MANY)))
    assert {reply.status for reply in replies} == {200}
    return [reply.headers["x-amzn-requestid"] for reply in replies]
