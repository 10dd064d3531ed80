"""`daybook bookings show` as people read it: on a terminal, and in a pipe."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from tests.contract.store.filled import START, Filled
from tests.integration.cli.command import Command

MINUTE = timedelta(minutes=1)
WEEKLY = {"freq": 2, "count": 4, "interval": 1}
UID, OTHER = "4hQ9sVtXwZbK2mNcR7yPeA", "7pLd3WnEoYs8KvJxTq1MzC"


def seats(filled: Filled) -> None:
    """Ada, Jon and Zoe have a seat; Jon gives his up, Zoe moves hers."""

    def seat(minute: int, name: str, trigger: str = "CREATED", **said: Any) -> None:
        person = {"name": name, "email": f"{name}@client.example"}
        told = {"uid": UID, "seatsPerTimeSlot": 5, "attendees": [person], **said}
        filled.event(at=START + minute * MINUTE, trigger=f"BOOKING_{trigger}", **told)

    for minute, name in enumerate(("Ada", "Jon", "Zoe")):
        seat(minute, name, attendeeSeatId=f"3c5e9a70-6b4b-4a1c-b2a8-d0b9a3a1f6d{minute}")
    seat(3, "Jon", "CANCELLED", status="CANCELLED")
    moved = {"uid": OTHER, "rescheduleUid": UID, "startTime": "2026-11-27T10:00:00Z"}
    seat(4, "Zoe", "RESCHEDULED", attendeeSeatId="3c5e9a70-6b4b-4a1c-b2a8-d0b9a3a1f6d2", **moved)


def test_a_booking_with_seats_is_told_seat_by_seat(command: Command, filled: Filled) -> None:
    seats(filled)

    out = command.run("bookings", "show", UID).out

    first, second, *_ = out.splitlines()
    assert first.startswith("Intro call with Ada Berg, Ada is accepted; it begins at 2026-11-20 10:00 UTC. 5 events,")
    assert second == f"Seats: 1 taken (Ada), 1 given up (Jon), 1 moved (Zoe to booking {OTHER})."
    assert f"means     one seat went from booking {UID} to {OTHER}\n" in out
    there = command.run("bookings", "show", OTHER).out
    assert "it begins at 2026-11-27 10:00 UTC" in there
    assert "Seats: 1 taken (Zoe)." in there


def test_an_occurrence_of_a_cancelled_series_is_told_with_the_others(command: Command, filled: Filled) -> None:
    for week in range(3):
        filled.event(uid=f"o{week}", recurringEvent=WEEKLY, startTime=f"2026-11-{6 + 7 * week:02}T10:00:00Z")
    filled.event(at=START + MINUTE, uid="o0", trigger="BOOKING_CANCELLED", status="CANCELLED", recurringEvent=WEEKLY)

    first, third = command.run("bookings", "show", "o0").out, command.run("bookings", "show", "o2").out

    assert first.splitlines()[2:4] == ["  2026-11-13 10:00  o1", "  2026-11-20 10:00  o2"]
    assert "Cal.com sent one event for them all, this booking's." in first
    assert "that of booking o0. So this one is most likely cancelled too." in third


@pytest.mark.parametrize("width", [80, 100])
def test_a_timeline_fits_its_terminal_and_keeps_its_thread(
    command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    seats(filled)
    filled.event(at=START + 5 * MINUTE, uid=UID, title="An intake call about everything " * 9, recurringEvent=WEEKLY)
    seen = Console(force_terminal=True, color_system=None, width=width, highlight=False)
    monkeypatch.setattr("ingest.cli.output.console", seen)

    rows = command.run("bookings", "show", UID).out.splitlines()

    assert max(map(len, rows)) <= width
    steps = rows[next(index for index, row in enumerate(rows) if row.startswith("●")) :]
    *before, last = [index for index, row in enumerate(steps) if row.startswith("●")]
    assert len(before) == 5
    assert {row[0] for row in steps[:last]} == {"●", "│"}
