"""How a booking stands, in a plain sentence or two, for people and models. Pure: shapes in, text out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ingest.brevity import cut

#: characters that set a direction until another one ends it
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_STANDS = {
    "ACCEPTED": "is accepted",
    "PENDING": "waits for the host's confirmation",
    "CANCELLED": "is cancelled",
    "REJECTED": "was rejected",
}


def standing(timeline: dict[str, Any], *, now: datetime | None = None, apart: Callable[[str], str] = str) -> str:
    """How a booking stands, in a plain sentence or two.

    `now` tells what has begun from what begins; `apart` keeps a title or name that may run the other way to itself.
    """
    state = timeline["state"]
    title = state["title"] or f"Booking {state['uid']}"
    people = who({"organizer": None, "attendees": unnamed({**state, "title": title})}, apart=apart)
    stands = _STANDS.get(state["status"] or "", f"is {state['status']}" if state["status"] else "has no status")
    starts = minute(state["start"])
    gone = state["status"] in ("CANCELLED", "REJECTED")
    begins = "was to begin" if gone else "began" if _past(state["start"], now) else "begins"
    said = f"{apart(title)}{f' with {people}' if people else ''} {stands}"
    said += f"; it {begins} at {starts} UTC." if starts else "."
    told = [event for event in timeline["events"] if event["trigger"] == "BOOKING_RESCHEDULED"]
    moves = sum(event["booking"]["seat"] is None for event in told)  # of the whole booking
    if moves:
        said += f" It was rescheduled {_times(moves)}."
    number = len(timeline["events"])
    last = when(timeline["events"][-1]["received_at"])
    return f"{said} {number} event{'s' if number > 1 else ''}, the last received at {last} UTC."


def apart(text: str) -> str:
    """Text that turns nothing around it, whatever its direction: what could is taken out, the rest isolated."""
    return f"\N{FIRST STRONG ISOLATE}{_TURNS.sub('', text)}\N{POP DIRECTIONAL ISOLATE}"


def _past(instant: str | None, now: datetime | None) -> bool:
    return instant is not None and now is not None and datetime.fromisoformat(instant) < now


def done(caused: Sequence[Mapping[str, Any]]) -> str:
    """What rules did, in a sentence or two. `caused` are the runs that a booking's events caused."""
    if not caused:
        return "No rule acted on it."
    counts = Counter(run["state"] for run in caused)
    states = ", ".join(f"{number} {state}" for state, number in counts.most_common())
    said = f"Rules had {len(caused)} run{'' if len(caused) == 1 else 's'} for it: {states}."
    dead = [run for run in caused if run["state"] == "dead"]
    if dead:
        said += f" A person has to look at run {dead[0]['id']} of {dead[0]['rule']}: {cut(dead[0]['reason'], 200)}."
    return said


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def when(instant: str | None) -> str | None:
    """An instant to the second."""
    return instant[:19].replace("T", " ") if instant else None


def minute(instant: str | None) -> str | None:
    """An instant to the minute."""
    return instant[:16].replace("T", " ") if instant else None


def unnamed(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The people of a booking or event whom its title does not name; Cal.com's own titles do."""
    everyone = [each for each in (told["organizer"], *told["attendees"]) if each]
    return [each for each in everyone if not each["name"] or each["name"] not in (told["title"] or "")]


def who(event: dict[str, Any], *, most: int = 3, apart: Callable[[str], str] = str) -> str | None:
    """The people of an event, the organizer first."""
    people = [event["organizer"], *event["attendees"]]
    names = [person["name"] or person["email"] for person in people if person and (person["name"] or person["email"])]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(apart, names[:most])) + more or None


def short(text: str | None, most: int) -> str | None:
    """Text of at most `most` characters; what is cut ends in an ellipsis."""
    return text if text is None or len(text) <= most else f"{text[: most - 1].rstrip()}…"
