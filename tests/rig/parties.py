"""Accounts side by side on one node, each with randomness of its own: what one is answered depends on nothing but what it asked before.

So that two runs can be held against each other byte for byte. Does not say what a party does (the tests do).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote_plus

import msgspec

from daypass.store import Snapshot, Store
from daypass.store.indices import Records
from daypass.store.tables import TABLES
from daypass.values.request import Request
from daypass.values.secret import Secret
from daypass.way.handle import Answer
from rig.node import Keys, TestNode

WORD = re.compile(r"[0-9A-Za-z+/_-]{12,}")
T = TypeVar("T")


class Dice:
    """Bytes and choices that are the same for the same seed."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._count = 0

    def bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        self._count += 1
        return hashlib.shake_256(self._seed + b"/%d" % self._count).digest(count)

    def below(self, end: int) -> int:
        """A number from 0 to `end` - 1."""
        return int.from_bytes(self.bytes(8), "big") % end

    def choose(self, items: Sequence[T], count: int) -> list[T]:
        """`count` of them, each as likely as the other, the same one perhaps twice."""
        return [items[self.below(len(items))] for _ in range(count)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All of them in another order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(len(left))]


class WatchedNode(TestNode):
    """A node that keeps what was sent to it last, and its answer."""

    last: tuple[Request, Answer]

    def send(self, request: Request) -> Answer:
        answer = super().send(request)
        self.last = (request, answer)
        return answer


@dataclass
class Party:
    """One account's people before a node. `told` is what they were answered, `asked` all that they sent, as text."""

    node: WatchedNode
    name: str
    peer: str
    dice: Dice
    told: list[tuple[str, int, bytes]] = field(default_factory=list)
    asked: str = ""

    @property
    def now(self) -> Any:
        """The node's time."""
        return self.node.now

    @property
    def account(self) -> str:
        """The management account of the node."""
        return self.node.account

    @property
    def store(self) -> Store:
        """The node's store, for samples that put something into it."""
        return self.node.store

    def call(self, service: str, operation: str, parameters: dict[str, Any] | None = None, keys: Keys | None = None, **more: Any) -> Any:
        """As TestNode.call, from this party's address and with its randomness; the answer is kept."""
        self.node.node.random = self.dice.bytes
        try:
            return self.node.call(service, operation, parameters, keys, **{"peer": self.peer, **more})
        finally:
            request, answer = self.node.last
            self.asked += unquote_plus((request.raw_path + request.raw_query + b"\n" + request.body).decode("latin-1")) + "\n"
            self.told.append((f"{service}.{operation}", answer.response.status, answer.response.body))

    def moved_to(self, node: WatchedNode) -> Party:
        """The same party before another node that holds the same state, nothing told yet; its dice go on from where they are."""
        dice = Dice(self.name)
        dice._count = self.dice._count
        return Party(node, self.name, self.peer, dice, asked=self.asked)


def records_of(snapshot: Snapshot, account: str) -> dict[str, list[Any]]:
    """Every record of every kind that belongs to `account`, as plain values; of a secret whether it is there."""
    return {kind.__name__: [_plain(record) for record in _of(snapshot.records(kind), account)] for kind in TABLES}


def _of(records: Records[Any], account: str) -> list[Any]:
    return sorted((record for record in records if record.account == account), key=lambda record: record.id)


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, enc_hook=lambda secret: "(secret)" if isinstance(secret, Secret) else repr(secret))


def words_of(value: Any) -> Iterator[str]:
    """The words of 12 characters and more in every text within plain values."""
    if isinstance(value, str):
        yield from WORD.findall(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from words_of(key)
            yield from words_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from words_of(item)
