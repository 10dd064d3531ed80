from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from workers.alerting import CALM, GOES_ON, GROWS, Changes, Condition, Standing, changes

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def condition(count: int = 3, about: str = "") -> Condition:
    return Condition("daybook.quarantined", about, count, NOW - MINUTE, "3 deliveries wait.", "Compare the secret.")


class Watched:
    """Looks one after another, each with what stood after the one before."""

    def __init__(self) -> None:
        self.standing: dict[tuple[str, str], Standing] = {}

    def look(self, conditions: Sequence[Condition], after: timedelta = timedelta(0)) -> list[str | None]:
        """The statuses that are told, so long after `NOW`."""
        found: Changes = changes(list(self.standing.values()), conditions, NOW + after)
        self.standing |= {one.key: one for one in found.keep}
        for one in found.drop:
            del self.standing[one.key]
        return [event.status for event, _ in found.told]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_what_begins_is_told_once_with_what_to_do(watched: Watched) -> None:
    ((event, connection),) = changes([], [condition()], NOW).told
    assert (event.trigger, event.status, event.title) == ("daybook.quarantined", "RAISED", "3 deliveries wait.")
    assert event.payload == {
        "about": None, "count": 3, "since": "2026-11-25T08:59:00Z", "says": "3 deliveries wait.",
        "next": "Compare the secret.",
    }  # fmt: skip
    assert connection == ""

    assert watched.look([condition()]) == ["RAISED"]
    assert watched.look([condition()], MINUTE) == []


def test_what_grows_is_told_once_it_is_twice_as_much_and_not_at_once(watched: Watched) -> None:
    watched.look([condition(3)])

    assert watched.look([condition(60)], MINUTE) == []
    assert watched.look([condition(5)], GROWS) == []
    assert watched.look([condition(6)], GROWS) == ["LASTING"]
    assert watched.look([condition(11)], 2 * GROWS) == []
    assert watched.look([condition(12)], 2 * GROWS) == ["LASTING"]


def test_what_goes_on_is_told_once_a_day(watched: Watched) -> None:
    watched.look([condition()])

    told = [watched.look([condition()], hour * timedelta(hours=1)) for hour in range(1, 73)]

    assert [status for each in told for status in each] == ["LASTING"] * 3
    assert told[23] == ["LASTING"]
    assert timedelta(hours=24) == GOES_ON


def test_what_is_over_is_told_once_it_has_stayed_away(watched: Watched) -> None:
    watched.look([condition()])

    assert watched.look([], MINUTE) == []
    assert watched.look([], MINUTE + CALM / 2) == []
    assert watched.look([], MINUTE + CALM) == ["CLEARED"]
    assert watched.standing == {}
    assert watched.look([], 2 * CALM) == []


def test_what_comes_and_goes_is_one_thing(watched: Watched) -> None:
    watched.look([condition()])

    told = [watched.look([condition()] if minute % 7 else [], minute * MINUTE) for minute in range(1, 100)]

    assert not any(told)


def test_the_same_about_another_is_told_by_itself(watched: Watched) -> None:
    assert watched.look([condition(about="acme"), condition(about="beta")]) == ["RAISED", "RAISED"]
    watched.look([condition(about="acme")], MINUTE)
    assert watched.look([condition(about="acme")], MINUTE + CALM) == ["CLEARED"]
