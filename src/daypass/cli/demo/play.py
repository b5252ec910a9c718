"""Plays the story on a stage and tells each step as it is done. Decides nothing about what must hold (story.py does)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from daypass.cli import screen
from daypass.cli.aws import AwsError
from daypass.cli.demo.stage import NotHeld, Stage
from daypass.cli.demo.story import STEPS, Step, Story


def title(step: Step) -> str:
    """What a step shows, from its docstring."""
    return (step.__doc__ or step.__name__).rstrip(".")


_WIDTH = max(len(title(step)) for step in STEPS)


def play(*, as_json: bool, steps: Sequence[Step] = STEPS, stage: Callable[[], Stage] = Stage) -> bool:
    """Play `steps` in order until one does not hold; True when all held. Raises Trouble when the server does not start or breaks off."""
    started = time.perf_counter()
    told: list[dict[str, object]] = []
    with stage() as here:
        if not as_json:
            screen.talk(f"Harbour Books, on a server of its own at {here.url}")
        story = Story(here)
        for number, step in enumerate(steps, 1):
            holds, line = _told(step, story)
            told.append({"Step": number, "Title": title(step), "Holds": holds, "Shows": line})
            if not as_json:
                screen.data(f"{number:2} {'ok  ' if holds else 'FAIL'} {title(step):<{_WIDTH}}  {screen.clean(line)}")
                screen.flush()
            if not holds:
                break
    held = all(step["Holds"] for step in told)
    if as_json:
        screen.document(told)
    else:
        _sum_up(len(told), len(steps), held, time.perf_counter() - started)
    return held


def _told(step: Step, story: Story) -> tuple[bool, str]:
    try:
        return True, step(story)
    except (NotHeld, AwsError, KeyError, OSError) as error:  # KeyError: an answer without a member that it must have
        return False, f"{type(error).__name__}: {error}"


def _sum_up(played: int, planned: int, held: bool, seconds: float) -> None:
    if not held:
        screen.data(f"\nStep {played} of {planned} did not hold.")
        return
    screen.data(
        f"\n{planned} steps held in {seconds:.1f} s: proofs came in (the operator's socket, signatures, tokens), policies decided, passes"
    )
    screen.data("went out, expired and were ended, and all of it is in the ledger. Nothing is left on this host. Next: daypass up")
