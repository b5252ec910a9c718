"""What must hold after every fault, whatever it was: the seven invariants of the fault list, checked by what a client and the disk show.

1 acknowledged means durable · 2 nobody can do more than before · 3 nothing ended works · 4 at most two keys a user, one default version ·
5 one ledger line a request · 6 no secret where it must not be · 7 back to normal without hands. Does not inject anything.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.canary import Canaries
from rig.node import Keys, Refused
from rig.observe import Call, Facts, observe, unsound

_numbers = itertools.count(1)


class Tail:
    """Reads a ledger's files as they grow, by nothing but their form: JSON lines numbered from 1, each with its request id."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._offsets: dict[str, int] = {}
        self.last = 0
        self.broken: list[str] = []
        self.lines: Counter[str] = Counter()  # by request id
        self.codes: Counter[tuple[str, str]] = Counter()  # by request id and error code, "" for none

    def read(self) -> None:
        """Take in what came since; a gap, a repetition or an unreadable line is noted as `broken`."""
        for path in sorted(self._directory.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path.name, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._offsets[path.name] = self._offsets.get(path.name, 0) + len(whole)
            for raw in whole.split(b"\n")[:-1]:
                self._take(raw)

    def _take(self, raw: bytes) -> None:
        try:
            line: dict[str, Any] = json.loads(raw)
        except ValueError:
            self.broken.append(f"after line {self.last}: {raw[:80]!r}")
            return
        if line["seq"] != self.last + 1:
            self.broken.append(f"line {line['seq']} after line {self.last}")
        self.last = line["seq"]
        self.lines[line["requestID"]] += 1
        self.codes[line["requestID"], line.get("errorCode", "")] += 1


@dataclass
class Invariants:
    """What a test knows of a server (`call`, as TestNode.call and Remote.call are) and its directory, to be verified after a fault."""

    call: Call
    data: Path
    operator: Keys
    facts: Facts = field(default_factory=dict)  # what must be shown by these names, (1) and (2)
    acknowledged: list[str] = field(default_factory=list)  # request ids
    ended: list[Keys] = field(default_factory=list)
    good: list[Keys] = field(default_factory=list)
    canaries: Canaries = field(default_factory=Canaries)
    tail: Tail | None = None

    def violations(self, *, seen: Facts | None = None, whole: bool = True) -> list[str]:
        """What does not hold, a sentence each, with the invariant's number. `seen` is what was observed just now; not `whole` leaves out
        what takes long or writes: the chain's MACs, the search for secrets, a change."""
        seen = observe(self.call, self.operator) if seen is None else seen
        found = [f"(1, 2) {name}: {fact} became {seen.get(name)}" for name, fact in self.facts.items() if seen.get(name) != fact]
        found += [f"(3) {keys.id} works" for keys in self.ended if self._works(keys)]
        found += [f"(1) {keys.id} does not work" for keys in self.good if not self._works(keys)]
        found += [f"(4) {sentence}" for sentence in unsound(seen)]
        found += self._ledger(whole)
        if whole:
            found += [f"(6) {leak}" for leak in self.canaries.leaks_under(self.data)] + self._normal()
        return found

    def _works(self, keys: Keys) -> bool:
        try:
            self.call("sts", "GetCallerIdentity", {}, keys)
        except Refused as refused:
            if refused.status >= 500:
                raise
            return False
        return True

    def _ledger(self, whole: bool) -> list[str]:
        tail = self.tail or Tail(self.data / "ledger")
        tail.read()
        found = [f"(5) the ledger is broken {sentence}" for sentence in tail.broken]
        found += [f"(5) {id} has {tail.lines[id]} lines" for id in self.acknowledged if tail.lines[id] != 1]
        if whole:
            verified = self.call("daypass", "VerifyLedger", {}, self.operator)
            found += [] if verified["Intact"] else [f"(5) the ledger does not verify: {verified}"]
        return found

    def _normal(self) -> list[str]:
        name = f"normal-{next(_numbers)}"
        try:
            self.call("iam", "CreateUser", {"UserName": name}, self.operator)
            self.call("iam", "DeleteUser", {"UserName": name}, self.operator)
        except Refused as refused:
            return [f"(7) a change is refused: {refused}"]
        return []
