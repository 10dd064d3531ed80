"""The budget: a rate, a burst, a halt. Time is a number here."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.calcom.budget import HORIZON, Level, LocalBudget, halt, left, reserve


def waits(count: int, now: float, level: Level, per_minute: float = 60, burst: int = 3) -> list[float]:
    """How long that many calls, all asked for at `now`, have to wait."""
    found = []
    for _ in range(count):
        level, seconds = reserve(level, now, per_minute=per_minute, burst=burst)
        found.append(round(seconds, 6))
    return found


def test_a_burst_goes_at_once_and_then_one_at_a_time() -> None:
    assert waits(6, 1000.0, Level()) == [0, 0, 0, 1, 2, 3]


def test_a_burst_of_one_is_an_even_pace() -> None:
    assert waits(3, 1000.0, Level(), burst=1) == [0, 1, 2]


def test_a_pause_gives_the_burst_back() -> None:
    level = Level()
    for _ in range(3):
        level, _seconds = reserve(level, 0.0, per_minute=60, burst=3)

    assert waits(4, 10.0, level) == [0, 0, 0, 1]


def test_a_halt_stops_everyone_and_the_burst_waits_with_them() -> None:
    assert waits(4, 1000.0, halt(Level(), 1000.0, 60)) == [60, 60, 60, 61]


def test_a_halt_over_is_forgotten() -> None:
    level, seconds = reserve(halt(Level(), 0.0, 60), 61.0)

    assert seconds == 0
    assert level.halted_until == 0


def test_a_short_halt_does_not_shorten_a_long_one() -> None:
    level = halt(halt(Level(), 0.0, 60), 10.0, 1)

    assert level.halted_until == 60


def test_an_endless_or_negative_halt_is_bounded() -> None:
    assert halt(Level(), 5.0, 1e12).halted_until == 5.0 + HORIZON
    assert halt(Level(), 5.0, -1).halted_until == 5.0


def test_a_clock_that_jumped_back_does_not_stop_calls_for_ever() -> None:
    _level, seconds = reserve(Level(next_at=1e9, halted_until=1e9), 0.0)

    assert seconds <= 2 * HORIZON


@given(
    pauses=st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=60),
    per_minute=st.floats(min_value=1, max_value=600),
    burst=st.integers(min_value=1, max_value=20),
)
def test_no_minute_ever_sees_more_than_the_rate_and_one_burst(
    pauses: list[float], per_minute: float, burst: int
) -> None:
    level, now, calls = Level(), 0.0, []
    for pause in pauses:
        now += pause
        level, seconds = reserve(level, now, per_minute=per_minute, burst=burst)
        assert seconds >= 0
        calls.append(now + seconds)
    for start in calls:
        within = [call for call in calls if start <= call < start + 60]
        assert len(within) <= per_minute + burst + 1e-6


def test_the_budget_of_one_process_keeps_its_level() -> None:
    now = [100.0]
    budget = LocalBudget(per_minute=60, burst=1, clock=lambda: now[0])

    assert [budget.reserve(), budget.reserve()] == [0, 1]
    now[0] += 10
    assert budget.reserve() == 0
    budget.halt(30)
    assert [budget.reserve(), budget.reserve()] == [30, 31]


@given(st.integers(0, 30), st.floats(0, 100), st.integers(1, 20), st.floats(1, 600))
def test_what_is_left_are_the_calls_that_would_not_have_to_wait(
    calls: int, pause: float, burst: int, per_minute: float
) -> None:
    level, now = Level(), 1_000_000.0
    for _ in range(calls):
        level, _seconds = reserve(level, now, per_minute=per_minute, burst=burst)
    now += pause
    number, seconds = left(level, now, per_minute=per_minute, burst=burst), 0.0
    for _ in range(number):
        level, seconds = reserve(level, now, per_minute=per_minute, burst=burst)
    assert seconds < 0.01
    assert reserve(level, now, per_minute=per_minute, burst=burst)[1] > 0


def test_while_everyone_is_halted_nothing_is_left() -> None:
    level = halt(Level(), 1000.0, 60)
    assert left(level, 1059.0) == 0
    assert left(level, 1060.0) == 10
    assert left(Level(next_at=1e12), 1000.0) == 0
