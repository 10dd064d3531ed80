"""Which triggers fell silent, from when they came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workers.silence import LEAST, REGULAR, Busy, Silence, Unheard, period, silence, unheard

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def hourly(begun: int, ended: int, every: int = 1) -> list[Busy]:
    """One event every so many hours, each in a period of its own; the hours are before now."""
    return [(ago(hours), ago(hours)) for hours in range(begun, ended - 1, -every)]


def test_one_that_came_every_hour_and_not_for_more_than_a_day_is_silent() -> None:
    found = silence("BOOKING_CREATED", REGULAR, hourly(100, 25), NOW)
    assert found is not None
    assert (found.trigger, found.last) == ("BOOKING_CREATED", ago(25))


def test_nothing_is_silent_for_a_day() -> None:
    assert silence("BOOKING_CREATED", REGULAR, hourly(100, 24), NOW) is None


def test_a_few_events_make_no_regular_trigger() -> None:
    assert silence("BOOKING_CREATED", REGULAR - 1, hourly(100, 25), NOW) is None


def test_one_that_never_came_is_not_silent() -> None:
    assert silence("BOOKING_CREATED", 0, [], NOW) is None


def test_a_burst_makes_no_regular_trigger() -> None:
    burst = [(ago(60), ago(60) + LEAST / 2), (ago(40), ago(39))]
    assert silence("PING", 1000, burst, NOW) is None


def test_weekends_are_no_silence_where_there_were_weekends_before() -> None:
    weekend = [*hourly(300, 200), *hourly(136, 64)]  # a pause of 64 hours, and another as long since
    assert silence("BOOKING_CREATED", 100, weekend, NOW) is None
    assert silence("BOOKING_CREATED", 100, [(ago(600), ago(194)), (ago(130), ago(1))], NOW + 2 * LEAST) is None


def test_a_silence_has_to_be_three_times_the_longest_pause() -> None:
    pausing = [(ago(400), ago(300)), (ago(280), ago(60))]
    assert silence("BOOKING_CREATED", 100, pausing, NOW) is None
    assert silence("BOOKING_CREATED", 100, pausing, NOW + timedelta(seconds=1)) == Silence(
        "BOOKING_CREATED", ago(60), period(ago(60), NOW + timedelta(seconds=1))
    )


def test_pauses_within_a_period_do_not_matter_whatever_they_are() -> None:
    for hours in (1, 24, 25, 200):
        last = ago(hours)
        assert 3 * period(last, NOW) == max(LEAST, NOW - last)


def test_three_meetings_that_ended_unheard_are_a_silence() -> None:
    ends = [NOW - timedelta(hours=hours) for hours in (3, 5, 47)]

    assert unheard("MEETING_ENDED", ends, NOW) == Unheard("MEETING_ENDED", 3, NOW - timedelta(hours=47))
    assert unheard("MEETING_ENDED", ends[1:], NOW) is None


def test_a_meeting_that_ended_a_moment_ago_or_long_ago_does_not_count() -> None:
    ends = [NOW - timedelta(hours=hours) for hours in (1, 3, 5, 49)]

    assert unheard("MEETING_ENDED", ends, NOW) is None
