"""How a booking stands, in a plain sentence or two, for people and models. Pure: shapes in, text out."""

from __future__ import annotations

from typing import Any

_STANDS = {
    "ACCEPTED": "is accepted",
    "PENDING": "waits for the host's confirmation",
    "CANCELLED": "is cancelled",
    "REJECTED": "was rejected",
}


def standing(timeline: dict[str, Any]) -> str:
    """How a booking stands, in a plain sentence or two."""
    state = timeline["state"]
    title = state["title"] or f"Booking {state['uid']}"
    everyone = [each for each in (state["organizer"], *state["attendees"]) if each]
    # Cal.com's own titles name the people already
    absent = [each for each in everyone if not each["name"] or each["name"] not in title]
    people = who({"organizer": None, "attendees": absent})
    stands = _STANDS.get(state["status"] or "", f"is {state['status']}" if state["status"] else "has no status")
    starts = minute(state["start"])
    gone = state["status"] in ("CANCELLED", "REJECTED")
    said = f"{title}{f' with {people}' if people else ''} {stands}"
    said += f"; it {'was to begin' if gone else 'begins'} at {starts} UTC." if starts else "."
    told = [event for event in timeline["events"] if event["trigger"] == "BOOKING_RESCHEDULED"]
    moves = sum(event["booking"]["seat"] is None for event in told)  # of the whole booking
    if moves:
        said += f" It was rescheduled {_times(moves)}."
    number = len(timeline["events"])
    last = when(timeline["events"][-1]["received_at"])
    return f"{said} {number} event{'s' if number > 1 else ''}, the last received at {last} UTC."


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def when(instant: str | None) -> str | None:
    """An instant to the second."""
    return instant[:19].replace("T", " ") if instant else None


def minute(instant: str | None) -> str | None:
    """An instant to the minute."""
    return instant[:16].replace("T", " ") if instant else None


def who(event: dict[str, Any], *, most: int = 3) -> str | None:
    """The people of an event, the organizer first."""
    people = [event["organizer"], *event["attendees"]]
    names = [person["name"] or person["email"] for person in people if person and (person["name"] or person["email"])]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more or None
