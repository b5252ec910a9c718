"""docs/how-to/three-nodes.md as it is written: every command runs, on a database and in directories of the test's own."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from contextlib import ExitStack
from pathlib import Path

from rig.http import sign, who_am_i
from rig.node import Keys
from rig.postgres import Cluster
from rig.require import require
from rig.server import DAYPASS, Server, clean_environment, running
from rig.source import ROOT

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
URL = "postgresql://daypass@db.example.com/daypass"
PUBLIC = "--public-url https://daypass.example.com"  # of the load balancer, which is not here
COMMANDS = 11  # at least


def test_three_nodes_as_written(cluster: Cluster, tmp_path: Path) -> None:
    psql = require("psql", "apt-get install postgresql")
    text = (ROOT / "docs" / "how-to" / "three-nodes.md").read_text()
    commands = [line for language, block in BLOCK.findall(text) if not language for line in block.splitlines()]
    assert len(commands) >= COMMANDS
    url = cluster.url("public").replace("postgres@/postgres", "daypass@/daypass")
    path = f"{Path(DAYPASS).parent}:/usr/bin:/bin"
    environment = clean_environment({"PGHOST": str(cluster.directory), "PGUSER": "postgres", "PATH": path})
    with running(tmp_path / "daypass1") as alone:
        before = _operator(alone)
    nodes: list[Server] = []
    with ExitStack() as stack:
        for command in commands:
            words = shlex.split(command.replace(URL, url).replace("/var/lib/", f"{tmp_path}/").replace(PUBLIC, ""))
            if words[:2] == ["daypass", "up"]:
                data = Path(words[words.index("--data") + 1])
                rest = [word for number, word in enumerate(words) if number > 1 and "--data" not in (word, words[number - 1])]
                nodes.append(stack.enter_context(running(data, *rest)))
                continue
            words[0] = str(psql) if words[0] == "psql" else words[0]
            done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
            if words[:2] == ["daypass", "nodes"]:
                assert len(done.stdout.splitlines()) == 4
        assert len(nodes) == 3
        for node in nodes:  # the session from before the move lives on, on all three
            assert sign(who_am_i(node.url), before).send().status == 200


def _operator(server: Server) -> Keys:
    found = json.loads(server.command("process").stdout)
    return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
