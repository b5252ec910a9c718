"""The clock goes forward only, also over a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daypass.way.clock import Clock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Wall:
    """A wall clock that the test sets."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


def test_it_follows_the_wall() -> None:
    wall = Wall()
    clock = Clock(wall=wall)
    wall.time += timedelta(seconds=1)
    assert clock() == NOON + timedelta(seconds=1)
    assert clock.behind == 0


def test_a_wall_set_back_does_not_set_it_back() -> None:
    wall = Wall()
    clock = Clock(wall=wall)
    clock()
    wall.time -= timedelta(hours=1)
    assert clock() == NOON
    assert clock.behind == 3600


def test_it_goes_on_once_the_wall_has_caught_up() -> None:
    wall = Wall()
    clock = Clock(high_water=NOON + timedelta(seconds=10), wall=wall)
    assert clock() == NOON + timedelta(seconds=10)
    wall.time += timedelta(seconds=11)
    assert clock() == NOON + timedelta(seconds=11)
    assert clock.behind == 0


def test_a_restart_does_not_revive_what_was_over() -> None:
    assert Clock(high_water=NOON + timedelta(days=1), wall=Wall())() == NOON + timedelta(days=1)


def test_without_a_wall_it_tells_utc() -> None:
    assert Clock()().tzinfo is UTC
