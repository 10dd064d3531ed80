"""Effects once, in small: what `make chaos` does at length."""

from __future__ import annotations

from tests.chaos.storm import EACH, Plan, storm
from tests.conftest import PATIENCE


def test_each_effect_is_there_once_though_workers_are_killed_calls_fail_and_the_broker_forgets() -> None:
    outcome = storm(Plan(bookings=6, seed=4, over=2.0, every=1.5, deeds=3, patience=2 * PATIENCE))

    assert outcome.wrong == [], outcome.log[-5_000:]
    assert outcome.states.total() == EACH * 6 + 3
    assert outcome.done_to_it == {"kill": 2, "flush": 1}
    assert {call["fault"] for call in outcome.calls} & {"error_after", "cut"}


def test_each_effect_is_there_once_though_the_database_crashes_and_comes_back() -> None:
    outcome = storm(Plan(bookings=4, seed=7, over=2.0, every=1.0, deeds=4, patience=2 * PATIENCE, postgresql=True))

    assert outcome.wrong == [], outcome.log[-5_000:]
    assert outcome.states.total() == EACH * 4 + 2
    assert outcome.done_to_it == {"kill": 2, "flush": 1, "crash": 1}
