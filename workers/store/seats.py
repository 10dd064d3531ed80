"""The seats of one booking after its events: taken, given up, or moved to another booking. Pure: events in, seats out.

All seats share the booking's uid. Each has an id of its own, which the event that gives it up may leave out; then its
only attendee says whose seat it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

#: the status of a seat that went to another booking; every other status is Cal.com's
MOVED = "MOVED"
#: who has none of these has no seat any more
GONE = frozenset({"CANCELLED", "REJECTED", MOVED})


@dataclass(slots=True)
class Seat:
    """One seat. `id` is Cal.com's, None until an event says it; `events` are its own, as they happened."""

    id: str | None = None
    attendee: dict[str, Any] | None = None
    status: str | None = None
    moved_to: str | None = None
    as_of: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def taken(self) -> bool:
        """Whether someone sits there."""
        return self.status not in GONE

    @property
    def email(self) -> str | None:
        """Whose seat it is, for comparing."""
        return _email(self.attendee)

    def shown(self) -> dict[str, Any]:
        """`{"id", "attendee", "status", "moved_to", "as_of"}`."""
        return {name: getattr(self, name) for name in ("id", "attendee", "status", "moved_to", "as_of")}


def after(told: Iterable[dict[str, Any]], moved: Sequence[dict[str, Any]] = ()) -> list[Seat]:
    """The seats after these events, in the order they were first told of; none for a booking without seats.

    `told` are the booking's events as they happened. `moved` are those of other bookings, each of which took a seat
    of this one away. What happens to the whole booking happens to every seat that is taken.
    """
    found: list[Seat] = []
    away = {id(event) for event in moved}
    for event in sorted([*told, *moved], key=happened):
        if event["booking"]["seat"] is None:
            for seat in found:
                if seat.taken and event["status"]:
                    seat.status, seat.as_of = event["status"], event["occurred_at"]
            continue
        seat = _of(found, event, leaves=id(event) in away)
        if id(event) in away:
            seat.status, seat.moved_to = MOVED, event["booking"]["uid"]
        else:
            seat.status, seat.moved_to = event["status"] or seat.status, None
            seat.events.append(event)
        seat.as_of = event["occurred_at"]
    return found


def happened(event: dict[str, Any]) -> tuple[str, str]:
    """What events are ordered by: nothing keeps their arrival in order."""
    return event["occurred_at"], event["received_at"]


def _of(found: list[Seat], event: dict[str, Any], *, leaves: bool) -> Seat:
    """The seat an event is about, from now on among those `found`.

    One that `leaves` may have got another id where it went, and keeps here the one it had.
    """
    person = event["attendees"][0] if len(event["attendees"]) == 1 else None
    email = _email(person)
    name = event["booking"]["seat"]
    known = None if name.casefold() == email else name
    theirs = [seat for seat in found if email is not None and seat.email == email]
    same = [seat for seat in found if known is not None and seat.id == known]
    if not same and (leaves or known is None):
        same = [seat for seat in theirs if seat.taken] or theirs
    elif not same:
        same = [seat for seat in theirs if seat.id is None]
    if not same:
        same = [Seat()]
        found += same
    seat = same[-1]
    seat.id, seat.attendee = seat.id or known, person or seat.attendee
    return seat


def _email(person: dict[str, Any] | None) -> str | None:
    email = person.get("email") if person else None
    return email.casefold() if email else None
