"""What is told of a booking next to how it stands: where it went, its seats, its series; and what an event means that
its trigger does not say. Pure: shapes in, text out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ingest.standing import minute
from workers.store.seats import GONE

#: occurrences of a series that are listed
LISTED = 12
#: Cal.com delivers within seconds, and repeats what failed within about a minute
_PROMPT = timedelta(minutes=2)
_ENDED = {"BOOKING_CANCELLED": "cancelled", "BOOKING_REJECTED": "rejected"}


def sentences(timeline: dict[str, Any], *, rest: str = "") -> list[str]:
    """To be told after how the booking stands; none for a plain booking. `rest`: where the rest is, if it goes on."""
    return [*_onward(timeline, rest), *_seats(timeline["state"]["seats"]), *_series(timeline)]


def occurrences(timeline: dict[str, Any]) -> list[str]:
    """The first other occurrences of its series, a line each."""
    others = (timeline["series"] or {"occurrences": []})["occurrences"]
    listed = [f"  {minute(one['start']) or 'no start':<16}  {one['uid']}" for one in others[:LISTED]]
    more = [f"  and {len(others) - LISTED} more"] if len(others) > LISTED else []
    return [*listed, *more]


def late(event: dict[str, Any]) -> bool:
    """Whether it came at another time than it happened: how a booking stands goes by when things happened."""
    received, occurred = (datetime.fromisoformat(event[name]) for name in ("received_at", "occurred_at"))
    return abs(received - occurred) > _PROMPT


def means(event: dict[str, Any]) -> str | None:
    """What its trigger does not say: whose place a booking took, and where only one seat is concerned."""
    booking, previous = event["booking"], event["previous_uid"]
    if booking["seat"] is None:
        return f"this booking takes the place of {previous}" if previous else None
    if previous:
        return f"one seat went from booking {previous} to {booking['uid']}"
    return "one seat is given up, not the booking" if event["status"] in GONE else None


def _onward(timeline: dict[str, Any], rest: str) -> list[str]:
    uid, told = timeline["state"]["uid"], [event["booking"] for event in timeline["events"]]
    if uid in {booking["uid"] for booking in told if booking["lineage"] == timeline["lineage"]}:
        return []
    return [f"Every seat moved away; it goes on as booking {uid}{rest}."]


def _seats(seats: Sequence[dict[str, Any]]) -> list[str]:
    """One sentence: how many seats are taken, given up and moved, and whose they are."""
    taken = [whose(seat) for seat in seats if seat["status"] not in GONE]
    left = [whose(seat) for seat in seats if seat["status"] in GONE and not seat["moved_to"]]
    went = [f"{whose(seat)} to booking {seat['moved_to']}" for seat in seats if seat["moved_to"]]
    parts = [f"{len(taken)} taken{_named(taken)}"]
    parts += [f"{len(left)} given up{_named(left)}"] if left else []
    parts += [f"{len(went)} moved{_named(went)}"] if went else []
    return [f"Seats: {', '.join(parts)}."] if seats else []


def whose(seat: dict[str, Any]) -> str:
    person = seat["attendee"] or {}
    return str(person.get("name") or person.get("email") or f"seat {seat['id']}")


def _named(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f" ({', '.join(names[:most])}{more})" if names else ""


def _series(timeline: dict[str, Any]) -> list[str]:
    series = timeline["series"]
    if series is None:
        return []
    name = f" {series['id']}" if series["id"] else ""
    said = f"It is one occurrence of a recurring series{name}; each occurrence is a booking with a uid of its own."
    said += _ending(timeline["state"], series["ended"], timeline["uids"]) if series["ended"] else ""
    return [said if series["occurrences"] else f"{said} No event here tells which the others are."]


def _ending(state: dict[str, Any], ended: dict[str, Any], uids: Sequence[str]) -> str:
    what, at = _ENDED[ended["trigger"]], ended["as_of"]
    whose = "this booking's" if ended["uid"] in uids else f"that of booking {ended['uid']}"
    said = f" At {minute(at)} UTC all that were left were {what}; Cal.com sent one event for them all, {whose}."
    if ended["uid"] in uids or state["status"] in GONE:
        return said
    if state["start"] and state["start"] < at:
        return f"{said} This one had begun by then."
    return f"{said} So this one is most likely {what} too."
