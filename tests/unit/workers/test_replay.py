from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from workers.replay import paced

BATCHES = [[UUID(int=1), UUID(int=2)], [UUID(int=3)], [UUID(int=4)]]


def waiting(stops_at: int | None = None) -> tuple[list[float], Callable[[float], bool], Callable[[], float]]:
    """The waits there were, a wait that lets time pass and may be ended, and the clock."""
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == stops_at

    return waits, wait, lambda: sum(waits)


def test_batches_come_no_faster_than_the_rate() -> None:
    waits, wait, clock = waiting()
    assert list(paced(BATCHES, 0.5, wait, clock)) == BATCHES
    assert waits == [4.0, 2.0, 2.0]


def test_what_took_long_itself_is_not_waited_for() -> None:
    times = iter([0.0, 10.0, 10.0, 10.0])
    waits, wait, _ = waiting()
    assert list(paced(BATCHES, 1, wait, lambda: next(times))) == BATCHES
    assert waits == []


def test_a_wait_that_is_ended_ends_all_of_it() -> None:
    _, wait, clock = waiting(stops_at=1)
    assert list(paced(BATCHES, 1, wait, clock)) == BATCHES[:1]
