"""cli/nodes.py: the nodes that share the database."""

from __future__ import annotations

import json
from typing import Any

from daypass.cli.exits import OK

NODES = [
    {"Name": "node-a", "Version": "1.0", "Url": "http://a", "Position": 7, "LedgerLines": 12, "ShippedLines": 12, "SecondsSinceSeen": 0.4,
     "Live": True, "Answering": True},
    {"Name": "node-b", "Version": "1.1", "Url": "http://b", "Position": 5, "LedgerLines": 9, "ShippedLines": 4, "SecondsSinceSeen": 62.0,
     "Live": False, "Answering": False},
]  # fmt: skip


def test_a_line_for_each_node(daypass: Any, fake: Any) -> None:
    fake.reply("ListNodes", {"Position": 7, "Nodes": NODES})
    ended = daypass("nodes", "--data", fake.data)
    assert ended.code == OK
    lines = [line.split() for line in ended.out.splitlines()[1:]]
    assert lines == [
        ["node-a", "*", "http://a", "1.0", "0", "12", "12", "0", "s", "ago"],
        ["node-b", "http://b", "1.1", "2", "9", "4", "SILENT,", "62", "s", "ago"],
    ]


def test_json_is_the_answer(daypass: Any, fake: Any) -> None:
    fake.reply("ListNodes", {"Position": 7, "Nodes": NODES})
    assert json.loads(daypass("nodes", "--data", fake.data, "-o", "json").out) == {"Position": 7, "Nodes": NODES}


def test_events_say_how_far_each_node_is_and_a_node_alone_says_nothing(daypass: Any, fake: Any) -> None:
    fake.reply("ListEvents", {"Events": [], "Position": 0, "Nodes": NODES})
    said = daypass("events", "--data", fake.data).err
    assert "node-a: lines up to 12 of 12\n" in said
    assert "node-b: lines up to 4 of 9; it was not heard of for 62 s\n" in said
    fake.reply("ListEvents", {"Events": [], "Position": 0, "Nodes": NODES[:1]})
    assert daypass("events", "--data", fake.data).err == ""
