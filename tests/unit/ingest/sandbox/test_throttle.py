"""The counts of the stand-in's rate limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ingest.sandbox.gate import Standing, Throttle

START = datetime(2027, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_window_begins_with_the_first_call_and_ends_after_sixty_seconds() -> None:
    throttle = Throttle()

    seen = [throttle.hit("k", 2, after(at)) for at in (0, 59.5, 60)]

    assert seen == [Standing(2, 1, 60), Standing(2, 0, 1), Standing(2, 1, 60)]


def test_the_call_over_the_limit_blocks_for_sixty_seconds_from_then() -> None:
    throttle = Throttle()
    throttle.hit("k", 1, after(0))

    seen = [throttle.hit("k", 1, after(at)) for at in (50, 61, 109.9, 110)]

    assert [standing.blocked for standing in seen] == [True, True, True, False]
    assert [standing.reset for standing in seen] == [60, 49, 1, 60]


def test_trackers_are_apart() -> None:
    throttle = Throttle()
    throttle.hit("a", 1, START)

    assert throttle.hit("a", 1, START).blocked
    assert not throttle.hit("b", 1, START).blocked


def test_the_headers_carry_the_limits_name() -> None:
    assert Standing(1, 0, 5).headers("Organizations_delete") == {
        "X-RateLimit-Limit-Organizations_delete": "1",
        "X-RateLimit-Remaining-Organizations_delete": "0",
        "X-RateLimit-Reset-Organizations_delete": "5",
    }
