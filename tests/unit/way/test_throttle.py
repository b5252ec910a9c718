"""The limit on callers that prove nothing: how many, how soon again, and that many addresses take no memory."""

from __future__ import annotations

from daypass.way.throttle import MAX_PEERS, Throttle, guesses, too_many_guesses

EVIL, GOOD = "192.0.2.1", "192.0.2.2"


def spent(burst: int) -> Throttle:
    """A throttle of one token a second in which EVIL has failed `burst` times at time 0."""
    throttle = Throttle(rate=1.0, burst=float(burst))
    for _ in range(burst):
        assert not throttle.exhausted(EVIL, 0.0)
        throttle.spend(EVIL, 0.0)
    return throttle


def test_after_the_burst_a_peer_has_to_wait() -> None:
    throttle = spent(3)
    assert throttle.exhausted(EVIL, 0.0)
    assert throttle.exhausted(EVIL, 0.999)
    assert not throttle.exhausted(EVIL, 1.0)


def test_another_peer_does_not() -> None:
    assert not spent(3).exhausted(GOOD, 0.0)


def test_no_more_than_the_burst_flows_back() -> None:
    throttle = spent(3)
    for _ in range(3):
        throttle.spend(EVIL, 1000.0)
    assert throttle.exhausted(EVIL, 1000.0)


def test_a_clock_that_goes_back_gives_nothing_back() -> None:
    assert spent(3).exhausted(EVIL, -1000.0)


def test_failing_while_exhausted_does_not_go_into_debt() -> None:
    throttle = spent(1)
    for _ in range(100):
        throttle.spend(EVIL, 0.0)
    assert not throttle.exhausted(EVIL, 1.0)


def test_peers_are_bounded_and_the_one_that_failed_longest_ago_is_forgotten() -> None:
    throttle = spent(1)
    for number in range(MAX_PEERS - 1):
        throttle.spend(str(number), 0.0)
    assert throttle.exhausted(EVIL, 0.0)
    throttle.spend("one more", 0.0)
    assert not throttle.exhausted(EVIL, 0.0)
    assert throttle.exhausted("0", 0.0)


def test_the_addresses_of_one_network_share_what_they_have() -> None:
    throttle = Throttle(rate=1.0, burst=3.0)
    for number in range(3):
        throttle.spend(f"2001:db8:0:1:{number}::{number}", 0.0)
    assert throttle.exhausted("2001:db8:0:1:ffff:ffff:ffff:ffff", 0.0)
    assert not throttle.exhausted("2001:db8:0:2::1", 0.0)
    assert not throttle.exhausted("::1", 0.0)


def test_the_operator_has_no_network() -> None:
    throttle = Throttle(rate=1.0, burst=1.0)
    throttle.spend("uid:1000", 0.0)
    assert throttle.exhausted("uid:1000", 0.0)
    assert not throttle.exhausted("uid:1001", 0.0)


def test_guesses_at_one_thing_are_ten_and_then_one_in_five_minutes() -> None:
    limit = guesses()
    for _ in range(10):
        assert not limit.exhausted("MFAD1", 0.0)
        limit.spend("MFAD1", 0.0)
    assert limit.exhausted("MFAD1", 299.0) and not limit.exhausted("MFAD2", 0.0)
    assert not limit.exhausted("MFAD1", 300.0)
    limit.spend("MFAD1", 300.0)
    assert limit.exhausted("MFAD1", 301.0)
    assert too_many_guesses().code == "Throttling"
