"""When the events of a sample happen: old instants to new ones. Pure; the caller brings `now`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingest.samples.changes import Changes
from ingest.samples.times import floor, instant_of

#: a sample's times lag at most this far behind `now`, so that meetings begin at a civil minute
_QUARTER = timedelta(minutes=15)
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
#: the key that is to become now, where it is not the time of sending
_ANCHORS = {"MEETING_STARTED": "startTime", "MEETING_ENDED": "endTime"}


@dataclass(frozen=True, slots=True)
class Schedule:
    """`exactly` moves the times at which rows were written, `shift` all others but the start and the end."""

    exactly: timedelta
    shift: timedelta
    replaced: dict[datetime, datetime]
    minutes: int

    def move(self, instant: datetime) -> datetime:
        """The new place of an instant of the event itself."""
        return self.replaced.get(instant, instant + self.shift)

    def move_exactly(self, instant: datetime) -> datetime:
        """The new place of an instant at which a row was written."""
        return instant + self.exactly


def schedule_of(trigger: str, body: dict[str, Any], inner: dict[str, Any], now: datetime, changes: Changes) -> Schedule:
    """Where the instants of the captured `body` go, whose payload is `inner`."""
    anchor = instant_of(body[_ANCHORS.get(trigger, "createdAt")])
    if anchor is None:
        raise ValueError(f"the captured body of {trigger} does not say when it happened")
    exactly = now - anchor
    shift = floor(exactly, _DAY if "oooEntry" in inner else _QUARTER)
    place = inner.get("booking") or inner.get("oooEntry") or inner
    old_start = instant_of(place.get("startTime") or place.get("start"))
    old_end = instant_of(place.get("endTime") or place.get("end"))
    if old_start is None or old_end is None:
        return Schedule(exactly, shift, {}, 0)
    start = changes.start or old_start + shift
    end = changes.end or start + (old_end - old_start)
    replaced = {old_end: end, old_start: start}
    for key, given in (
        ("rescheduleStartTime", changes.previous_start),
        ("rescheduleEndTime", changes.previous_end),
    ):
        if given and (before := instant_of(inner.get(key))):
            replaced[before] = given
    if trigger in _ANCHORS and changes.start:
        exactly = start - old_start  # a booking's row is as old as its meeting is far, whenever that is
    return Schedule(exactly, start - old_start, replaced, int((end - start) / _MINUTE))
