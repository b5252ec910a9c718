"""An office: a data directory, a real server on it that is ended and started again and again, and clerks who change things at random."""

from __future__ import annotations

import json
import os
import random  # noqa: TID251  # cases of a test, from a seed
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.canary import Canaries
from rig.clerks import Clerk
from rig.invariants import Invariants, Tail
from rig.node import Keys
from rig.observe import observe, of_prefix
from rig.papers import metadata
from rig.power import Disk
from rig.remote import Remote
from rig.server import daypass
from rig.warm import Warm

CLERKS = 4
LONGEST = 0.3  # seconds of changes before the end of a round
PROBES = 3  # ended credentials, and good ones, tried a round, when not all are


def seed_of_this_run() -> int:
    """That of the environment, or a new one; printed, so that what failed can be replayed."""
    seed = int(os.environ.get("DAYPASS_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"DAYPASS_SEED={seed}")
    return seed


@contextmanager
def office(folder: Path, seed: int, *, disk: Disk | None = None) -> Iterator[Office]:
    """A server and its clerks; with a `disk`, the server's directory is on that."""
    made = Office(folder, seed, disk)
    try:
        yield made
    finally:
        made.warm.close()


class Office:
    """`verify` is for after a start; `checked` keeps what was seen already from being looked at again."""

    def __init__(self, folder: Path, seed: int, disk: Disk | None) -> None:
        self.data = (disk.root if disk else folder) / "data"
        self.stderr = folder / "stderr"
        self.warm = Warm(self.stderr, disk.environment if disk else None)
        self.rng = random.Random(seed)
        self.port = 0
        self.start()
        self.remote = Remote(f"http://127.0.0.1:{self.port}")
        self.canaries = Canaries()
        self.operator = Keys.of(self._operator())
        account = self.remote.call("sts", "GetCallerIdentity", {}, self.operator)["Account"]
        paper = metadata()
        self.clerks = [
            Clerk(f"c{number}", self.rng.randrange(2**32), self.remote, self.operator, account, paper) for number in range(CLERKS)
        ]
        self.tail = Tail(self.data / "ledger")
        self.checked = 0  # acknowledged requests whose line was seen

    def _operator(self) -> dict[str, str]:
        found = json.loads(daypass("process", data=self.data).stdout)
        self.canaries.watch(found)
        return found

    def start(self) -> None:
        """Start the server, on the port that it had before."""
        said = self.warm.start("up", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}")
        assert said.startswith("ready "), self.stderr.read_text()[-3000:]
        self.port = int(said.rpartition(":")[2])

    def work_until_killed(self) -> None:
        """All clerks at once, until the process is gone."""
        threads = [threading.Thread(target=self._work, args=(clerk,)) for clerk in self.clerks]
        for thread in threads:
            thread.start()
        threads[0].join(self.rng.uniform(0.01, LONGEST))
        self.warm.kill()
        for thread in threads:
            thread.join()

    def _work(self, clerk: Clerk) -> None:
        while clerk.work():
            pass

    def verify(self, *, whole: bool) -> list[str]:
        """What does not hold, once the server is back."""
        seen = observe(self.remote.call, self.operator)
        found = [trouble for clerk in self.clerks if (trouble := clerk.settle(of_prefix(seen, clerk.name)))]
        found += [f"{clerk.name} was refused: {refused}" for clerk in self.clerks for refused in clerk.refused]
        acknowledged = [id for clerk in self.clerks for id in clerk.acknowledged]
        ended = [keys for clerk in self.clerks for keys in clerk.ended]
        good = [keys for clerk in self.clerks for keys in clerk.good()]
        invariants = Invariants(
            self.remote.call,
            self.data,
            self.operator,
            acknowledged=acknowledged,
            ended=ended if whole else self.rng.sample(ended, min(len(ended), PROBES)),
            good=good if whole else self.rng.sample(good, min(len(good), PROBES)),
            tail=self.tail,
        )
        if whole:
            for keys in [*ended, *(keys for clerk in self.clerks for keys in clerk.secrets.values())]:
                self.canaries.watch(keys.secret)
            invariants.canaries = self.canaries
        return found + invariants.violations(seen=seen, whole=whole)


