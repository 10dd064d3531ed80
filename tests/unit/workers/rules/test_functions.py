"""An absence is days of somebody's, also where its rule sees instants in UTC."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.workers.rules.fakes import EVENT, NOW
from workers.calcom import formats
from workers.catalogue import times
from workers.rules.expressions import Unresolved, bind, template
from workers.rules.scope import scope

COPY = {
    "start": "${{ event.start.dayIn(event.organizer.time_zone) }}",
    "end": "${{ event.end.dayIn(event.organizer.time_zone) }}",
}


def absence(zone: str | None, start: str, end: str) -> dict[str, Any]:
    """An absence as history shows it: its instants in UTC."""
    first, last = times.instant(start), times.instant(end)
    assert first is not None
    assert last is not None
    person = {**EVENT["organizer"], "time_zone": zone}
    return {**EVENT, "start": first.isoformat(), "end": last.isoformat(), "organizer": person}


def copied(event: dict[str, Any]) -> tuple[str, str]:
    """The days of which the tool that copies it would tell Cal.com."""
    made, wrong = template(COPY, scope())
    assert wrong == []
    given = made.evaluate(bind(event, {}, now=NOW))
    return formats.first_day(given["start"])[:10], formats.last_day(given["end"])[:10]


@pytest.mark.parametrize(
    ("zone", "offset"),
    [("Asia/Tokyo", "+09:00"), ("America/New_York", "-04:00"), ("Pacific/Kiritimati", "+14:00"), ("UTC", "+00:00")],
)
def test_an_absence_is_copied_with_its_days_wherever_the_person_is(zone: str, offset: str) -> None:
    event = absence(zone, f"2026-07-01T00:00:00{offset}", f"2026-07-03T23:59:59{offset}")
    assert copied(event) == ("2026-07-01", "2026-07-03")


def test_an_absence_over_a_change_of_the_clocks_keeps_its_days() -> None:
    event = absence("Europe/Berlin", "2026-10-24T00:00:00+02:00", "2026-10-25T23:59:59+01:00")
    assert copied(event) == ("2026-10-24", "2026-10-25")


def test_without_a_zone_there_is_no_day() -> None:
    with pytest.raises(Unresolved):
        copied(absence(None, "2026-07-01T00:00:00Z", "2026-07-03T23:59:59Z"))
