"""The power goes at random moments of random changes (F-01, F-05): what was acknowledged is there, with not one fsync too few.

The disk is rig/power.py's: each round it forgets, of what the process wrote, everything since the last fsync, or a random part of it.
`DAYPASS_POWER_ROUNDS` says how many rounds (and has a first start be cut short at each of its steps), `DAYPASS_SEED` replays a run.
"""

from __future__ import annotations

import itertools
import os
import random  # noqa: TID251  # cases of a test, from a seed
import shutil
from pathlib import Path

import pytest

from rig.node import Refused
from rig.office import Office, office, seed_of_this_run
from rig.power import Disk, build
from rig.warm import Warm

ROUNDS = int(os.environ.get("DAYPASS_POWER_ROUNDS", "60"))
VERIFY_EVERY = 15
LEFT = (0.0, 0.5, 0.9)  # the chance of each change that was not synced, round by round
EACH = 1 if os.environ.get("DAYPASS_POWER_ROUNDS") else 17  # step of a first start at which one is cut short; some 250 there are
MOST_DEAF = 25  # rounds until a missing fsync must have shown


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("power"))


def a_disk(folder: Path, library: Path, deaf: str = "") -> Disk:
    root = folder / "disk"
    root.mkdir()
    return Disk(root, library, folder / "journal", deaf)


def one_round(here: Office, disk: Disk, number: int) -> None:
    """Changes, then the power goes; sometimes the process is killed before, and starts on what the kernel still has."""
    here.work_until_killed()
    if number % 4 == 3:
        here.start()
        here.warm.kill()
    disk.cut(here.rng, keep=LEFT[number % len(LEFT)])


def test_F01_the_power_goes_at_random_moments_of_random_changes(tmp_path: Path, library: Path) -> None:
    seed = seed_of_this_run()
    disk = a_disk(tmp_path, library)
    with office(tmp_path, seed, disk=disk) as here:
        for number in range(1, ROUNDS + 1):
            one_round(here, disk, number)
            here.start()
            assert here.verify(whole=number % VERIFY_EVERY == 0 or number == ROUNDS) == [], f"round {number} of DAYPASS_SEED={seed}"
        acknowledged = sum(len(clerk.acknowledged) for clerk in here.clerks)
        print(f"{ROUNDS} rounds: {acknowledged} changes acknowledged, {disk.syncs} syncs seen")
    assert acknowledged >= ROUNDS
    assert disk.syncs >= acknowledged


@pytest.mark.parametrize("deaf", ["-wal", ".jsonl"])
def test_F01_a_missing_fsync_would_show(tmp_path: Path, library: Path, deaf: str) -> None:
    """The judge is judged: without the fsyncs of the database, or of the ledger, what was acknowledged gets lost and is found missing."""
    disk = a_disk(tmp_path, library, deaf)
    with office(tmp_path, 7, disk=disk) as here:
        for _ in range(MOST_DEAF):
            here.work_until_killed()
            disk.cut(here.rng, keep=0.0)
            said = here.warm.start("up", "--data", str(here.data), "--listen", f"127.0.0.1:{here.port}")
            try:
                if not said or here.verify(whole=False):
                    return
            except Refused:  # not even the operator is known any more
                return
    raise AssertionError(f"{MOST_DEAF} rounds without the fsyncs of {deaf}, and nothing was missed")


@pytest.mark.parametrize("powered", [True, False], ids=["killed", "power"])
def test_F01_cut_short_at_each_step_of_the_first_start(tmp_path: Path, library: Path, powered: bool) -> None:
    """Wherever a first start ends, the next one begins or goes on by itself, and nothing has to be mended by hand."""
    disk = a_disk(tmp_path, library)
    warm = Warm(tmp_path / "stderr", disk.environment)
    arguments = ("up", "--data", str(disk.root / "data"), "--listen", "127.0.0.1:0")
    rng = random.Random(3)
    for step in itertools.count(1, EACH):
        first = warm.start(*arguments, environment={"POWERCUT_DIE": str(step)})
        if first:
            warm.kill()
        elif powered:
            disk.cut(rng, keep=LEFT[step % len(LEFT)])
        again = warm.start(*arguments)
        assert again.startswith("ready "), (step, (tmp_path / "stderr").read_text()[-2000:])
        warm.kill()
        if first:
            break
        shutil.rmtree(disk.root / "data")
        disk.begin_anew()
    warm.close()
    assert step > 100
