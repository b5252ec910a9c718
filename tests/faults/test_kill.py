"""kill -9 at random moments of random changes (F-01): what was acknowledged is there, what was not is there as a whole or not at all.

`DAYPASS_KILL_ROUNDS` says how many rounds, `DAYPASS_SEED` replays a run.
"""

from __future__ import annotations

import os
from pathlib import Path

from rig.office import office, seed_of_this_run

ROUNDS = int(os.environ.get("DAYPASS_KILL_ROUNDS", "200"))
VERIFY_EVERY = 25  # rounds between two verifications of the whole chain


def test_F01_killed_at_random_moments_of_random_changes(tmp_path: Path) -> None:
    seed = seed_of_this_run()
    with office(tmp_path, seed) as here:
        doubts = acknowledged = 0
        for round_number in range(1, ROUNDS + 1):
            here.work_until_killed()
            doubts += sum(1 for clerk in here.clerks if clerk.doubt is not None)
            here.start()
            whole = round_number % VERIFY_EVERY == 0 or round_number == ROUNDS
            assert here.verify(whole=whole) == [], f"round {round_number} of DAYPASS_SEED={seed}"
        acknowledged = sum(len(clerk.acknowledged) for clerk in here.clerks)
        print(f"{ROUNDS} rounds: {acknowledged} changes acknowledged, {doubts} without an answer")
    assert acknowledged >= ROUNDS  # not one that could do nothing
    assert doubts >= ROUNDS // 2
