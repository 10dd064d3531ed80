"""What a booking lives through, as the bodies Cal.com would send for it, in order. Pure; nothing is sent here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from ingest.samples.changes import Changes
from ingest.samples.samples import VERSIONS, fresh_uid, sample
from workers.errors import BadInput

#: the stories known by name
STORIES: dict[str, tuple[str, ...]] = {
    "booking": ("BOOKING_REQUESTED", "BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"),
    "meeting": (
        "BOOKING_CREATED",
        "MEETING_STARTED",
        "MEETING_ENDED",
        "RECORDING_READY",
        "RECORDING_TRANSCRIPTION_GENERATED",
    ),
    "no-show": ("BOOKING_CREATED", "AFTER_GUESTS_CAL_VIDEO_NO_SHOW", "BOOKING_NO_SHOW_UPDATED"),
    "payment": ("BOOKING_PAYMENT_INITIATED", "BOOKING_CREATED", "BOOKING_PAID"),
    "rejection": ("BOOKING_REQUESTED", "BOOKING_REJECTED"),
}
_HOUR = timedelta(hours=1)
#: how far ahead a story's meeting lies unless it is said, and how much later a reschedule moves it
_AHEAD = timedelta(days=10)
_LATER = timedelta(days=1, hours=1)
_LENGTH = timedelta(minutes=30)
#: between two chapters' `createdAt`; the sender paces the real ones
_APART = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One event of a story: the uid it is about, the uid it replaces (a reschedule), and the body."""

    trigger: str
    uid: str
    previous_uid: str | None
    body: bytes


def story(
    steps: Sequence[str], *, now: datetime, version: str = VERSIONS[0], changes: Changes | None = None
) -> list[Chapter]:
    """The chapters of one booking: all share a uid until a BOOKING_RESCHEDULED gives the booking a new one.

    As at Cal.com, the old uid then gets no BOOKING_CANCELLED. Raises `BadInput` for a step without a sample.
    """
    if not steps:
        raise BadInput(f"A story needs steps; the stories known by name are: {', '.join(STORIES)}.")
    told = changes or Changes()
    start = told.start or now.replace(minute=0, second=0, microsecond=0) + _HOUR + _AHEAD
    length = told.end - start if told.end else _LENGTH
    current = msgspec.structs.replace(told, uid=told.uid or fresh_uid(), start=start, end=start + length)
    chapters: list[Chapter] = []
    for number, trigger in enumerate(steps):
        if trigger == "BOOKING_RESCHEDULED":
            start += _LATER
            current = _rescheduled(current, start, length)
        body = sample(trigger, now=now + number * _APART, version=version, changes=current)
        previous = current.previous_uid if trigger == "BOOKING_RESCHEDULED" else None
        chapters.append(Chapter(trigger, current.uid or "", previous, body))
    return chapters


def _rescheduled(booking: Changes, start: datetime, length: timedelta) -> Changes:
    """The booking that takes the place of `booking`: a new uid and id, which remember the old ones."""
    return msgspec.structs.replace(
        booking,
        uid=fresh_uid(),
        booking_id=None,
        previous_uid=booking.uid,
        previous_booking_id=booking.booking_id,
        previous_start=booking.start,
        previous_end=booking.end,
        start=start,
        end=start + length,
    )
