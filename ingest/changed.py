"""What each event changed about its booking, next to what was told before it. Pure: event shapes in, differences out.

A booking's event tells of the whole booking, so that what changed is never said: it is what differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ingest.standing import minute
from workers.catalogue.event import Kind
from workers.store.seats import GONE, happened

What = Literal[
    "time", "length", "uid", "status", "title", "type", "location", "organizer", "host", "attendee", "seat", "no-show"
]
#: kinds whose events tell of the booking as it is then; a meeting that began has other fields, or none
_TELLING = frozenset({Kind.BOOKING, Kind.INSTANT, Kind.SYNTHETIC})
#: fields that are compared as they are, with what a difference is called
_PLAIN: tuple[tuple[What, str], ...] = (
    ("status", "status"),
    ("title", "title"),
    ("type", "type"),
    ("location", "location"),
)
#: what is said of someone who came, and of someone who went
_LABELS: dict[What, tuple[str, str]] = {
    "host": ("host added", "host gone"),
    "attendee": ("attendee added", "attendee gone"),
    "seat": ("seat taken by", "seat given up by"),
    "no-show": ("did not come", "came after all"),
}
#: what an event may leave out, and then the event before it goes on telling it
_KEPT = ("title", "status", "type", "location", "start", "end", "organizer", "hosts", "attendees", "booking")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that became another. None: there was nothing, or is nothing now; `time` has instants as ISO text."""

    what: What
    was: str | None
    now: str | None

    @property
    def label(self) -> str:
        """What is said before the one that there is, or before both."""
        if self.was is not None and self.now is not None:
            return "time moved" if self.what == "time" else self.what
        came, went = _LABELS.get(self.what, (f"{self.what} told", f"{self.what} gone"))
        return went if self.now is None else came

    def words(self) -> str:
        """The change on one line; instants are UTC."""
        was, now = (minute(each) if self.what == "time" else each for each in (self.was, self.now))
        utc = " UTC" if self.what == "time" else ""
        return f"{self.label}: {' -> '.join(each for each in (was, now) if each is not None)}{utc}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What `after` tells otherwise than `before`; what either leaves out is no difference.

    Both are as `events.shape` gives them, with `location` where it is known.
    """
    return [*_booking(before, after), *_people(before, after), *_no_shows(before, after)]


def along(events: Sequence[Mapping[str, Any]]) -> dict[str, list[Change]]:
    """By an event's id, what it changed: each event of one booking is held against those that happened before it.

    Of a booking with seats each event tells of one seat, so it is held against what was told of that seat.
    """
    found: dict[str, list[Change]] = {}
    known: dict[str | None, Mapping[str, Any]] = {}
    for event in sorted(events, key=_happened):
        seat = _seat(event)
        before = known.get(seat)
        if event["kind"] not in _TELLING:
            found[event["id"]] = _no_shows(before or {}, event)
            continue
        if seat is not None:
            taken = list(_taken(before, event))
            other = list(_booking(before, event)) if before is not None else []
            found[event["id"]] = [*taken, *(change for change in other if not taken or change.what != "status")]
        else:
            found[event["id"]] = changes(before, event) if before is not None else []
        known[seat] = {**(before or {}), **{name: event.get(name) for name in _KEPT if event.get(name)}}
    return found


def _happened(event: Mapping[str, Any]) -> tuple[str, str]:
    return happened({**event})


def _booking(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    if _both(before, after, "booking") and before["booking"]["uid"] != after["booking"]["uid"]:
        yield Change("uid", before["booking"]["uid"], after["booking"]["uid"])
    if _both(before, after, "start") and before["start"] != after["start"]:
        yield Change("time", before["start"], after["start"])
    lengths = _length(before), _length(after)
    if None not in lengths and lengths[0] != lengths[1]:
        yield Change("length", *lengths)
    for what, field in _PLAIN:
        if _both(before, after, field) and before[field] != after[field]:
            yield Change(what, before[field], after[field])


def _people(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Who came and who went; the organizer is told once, though Cal.com counts them among the hosts too."""
    organizers = {_key(each["organizer"]) for each in (before, after) if each.get("organizer")}
    if len(organizers) > 1:
        yield Change("organizer", _name(before["organizer"]), _name(after["organizer"]))
    sides: tuple[tuple[What, str], ...] = (("host", "hosts"), ("attendee", "attendees"))
    for what, field in sides:
        if not _both(before, after, field):
            continue
        were, are = ({_key(each): each for each in side[field]} for side in (before, after))
        gone = [_name(each) for key, each in were.items() if key not in are and key not in organizers]
        came = [_name(each) for key, each in are.items() if key not in were and key not in organizers]
        if len(gone) == len(came) == 1:
            yield Change(what, gone[0], came[0])
            continue
        yield from (Change(what, name, None) for name in gone)
        yield from (Change(what, None, name) for name in came)


def _no_shows(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Who is said not to have come, and of whom that is taken back."""
    marked = {_key(each) for each in before.get("attendees") or () if each.get("no_show")}
    found = []
    for each in after.get("attendees") or ():
        if each.get("no_show") and _key(each) not in marked:
            found.append(Change("no-show", None, _name(each)))
        elif each.get("no_show") is False and (_key(each) in marked or after["kind"] == Kind.NO_SHOW):
            found.append(Change("no-show", _name(each), None))
    return found


def _taken(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[Change]:
    """A seat that is taken, and one that is given up."""
    whose = next((_name(each) for each in after["attendees"]), None) or f"seat {after['booking']['seat']}"
    there = before is not None and before.get("status") not in GONE
    if after["status"] in GONE:
        yield Change("seat", whose, None)
    elif not there:
        yield Change("seat", None, whose)


def _seat(event: Mapping[str, Any]) -> str | None:
    """What tells one seat of a booking from the others: whose it is, for the event that gives it up may lack its id."""
    booking = event["booking"] or {}
    if booking.get("seat") is None:
        return None
    email = event["attendees"][0]["email"] if len(event["attendees"]) == 1 else None
    return str(email or booking["seat"]).casefold()


def _both(before: Mapping[str, Any], after: Mapping[str, Any], field: str) -> bool:
    return bool(before.get(field)) and bool(after.get(field))


def _length(event: Mapping[str, Any]) -> str | None:
    """How long it is, as people say it."""
    return length(event.get("start"), event.get("end"))


def length(start: str | None, end: str | None) -> str | None:
    """The time between two instants in ISO: "30 min", "1 h 30 min", "2 d"; None where one is missing or they are none.

    A start after its end is told as it is: with a minus.
    """
    if not start or not end:
        return None
    try:
        minutes = round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 60)
    except ValueError:
        return None
    days, rest = divmod(abs(minutes), 24 * 60)
    parts = [(days, "d"), (rest // 60, "h"), (rest % 60, "min")]
    said = " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 min"
    return f"-{said}" if minutes < 0 else said


def _key(person: Mapping[str, Any]) -> str:
    return str(person.get("email") or person.get("name") or person.get("id")).casefold()


def _name(person: Mapping[str, Any] | None) -> str | None:
    named = (person.get("name") or person.get("email")) if person else None
    return str(named) if named else None
