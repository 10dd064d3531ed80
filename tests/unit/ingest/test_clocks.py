"""When a booking is, by which clock."""

from __future__ import annotations

import pytest

from ingest import clocks


def test_a_day_is_named_once_where_it_begins_and_ends_on_it() -> None:
    assert clocks.span("2026-11-20T10:00:00Z", "2026-11-20T10:30:00Z") == "Fri 20 Nov 2026, 10:00 to 10:30"
    assert clocks.span("2026-11-20T23:30:00Z", "2026-11-21T00:30:00Z") == (
        "Fri 20 Nov 2026, 23:30 to Sat 21 Nov 2026, 00:30"
    )


def test_another_clock_may_have_another_day() -> None:
    tokyo = clocks.zone("Asia/Tokyo")
    assert tokyo is not None
    assert clocks.span("2026-11-20T20:00:00Z", None, tokyo) == "Sat 21 Nov 2026, 05:00"


@pytest.mark.parametrize("start", [None, "", "soon", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_instant_is_no_time(start: str | None) -> None:
    assert clocks.span(start, None) is None


@pytest.mark.parametrize(
    "name", [None, "", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "a\0b", "x" * 999]
)
def test_what_is_no_time_zone_is_none(name: str | None) -> None:
    assert clocks.zone(name) is None
