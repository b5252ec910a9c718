"""The crowd: who is let in, who goes for it, and that nothing is remembered of who left."""

from __future__ import annotations

from daypass.doors.crowd import MAX_LOOKED_AT, Crowd


class One:
    """A connection that goes when it is asked to, unless it is busy."""

    def __init__(self, *, busy: bool = False) -> None:
        self.busy, self.gone = busy, False

    def shed(self) -> bool:
        self.gone = not self.busy
        return self.gone


def test_there_is_room_for_so_many() -> None:
    crowd = Crowd(2, 9)
    members = [One(busy=True), One(busy=True)]
    assert all(crowd.enter(one) for one in members)
    assert not crowd.enter(One())
    crowd.leave(members[0])
    assert crowd.enter(One())


def test_the_one_that_waited_longest_goes() -> None:
    crowd = Crowd(3, 9)
    busy, old, young = One(busy=True), One(), One()
    assert all(crowd.enter(one) for one in (busy, old, young))
    assert crowd.enter(One(busy=True))
    assert (busy.gone, old.gone, young.gone) == (False, True, False)
    crowd.leave(old)  # as the loop says a turn later
    assert crowd.enter(One()) and young.gone
    assert len(crowd._members) == 3


def test_who_proved_something_stays() -> None:
    crowd = Crowd(2, 9)
    proven, other = One(), One()
    crowd.enter(proven), crowd.enter(other)
    crowd.prove(proven)
    assert crowd.enter(One()) and other.gone and not proven.gone


def test_all_are_proven() -> None:
    crowd = Crowd(1, 9)
    proven = One()
    crowd.enter(proven)
    crowd.prove(proven)
    assert not crowd.enter(One()) and not proven.gone


def test_an_address_makes_room_among_its_own() -> None:
    crowd = Crowd(99, 2)
    stranger, first, second = One(), One(), One()
    crowd.enter(stranger, "b"), crowd.enter(first, "a"), crowd.enter(second, "a")
    assert crowd.enter(One(), "a")
    assert first.gone and not stranger.gone and not second.gone


def test_what_is_proven_does_not_count_against_its_address() -> None:
    crowd = Crowd(99, 1)
    for _ in range(9):
        one = One()
        assert crowd.enter(one, "a")
        crowd.prove(one)
        assert not one.gone
    busy = One(busy=True)
    assert crowd.enter(busy, "a")
    assert not crowd.enter(One(), "a")
    assert all(crowd.enter(One(busy=True)) for _ in range(9))  # without a party there is no such bound: trusted proxies


def test_the_search_is_bounded_and_nothing_is_kept() -> None:
    crowd = Crowd(MAX_LOOKED_AT + 1, 999)
    members = [One(busy=True) for _ in range(MAX_LOOKED_AT)] + [One()]
    assert all(crowd.enter(one, "a") for one in members)
    assert not crowd.enter(One(), "a") and not members[-1].gone
    for one in members:
        crowd.leave(one)
        crowd.leave(one)
    assert (crowd._members, crowd._unproven, dict(crowd._parties)) == (set(), {}, {})
