"""Events in words for people: one line, a table row, a sheet, how a booking stands. Pure: shapes in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

COLUMNS = ("received (UTC)", "trigger", "title", "who", "starts (UTC)", "status", "id")
#: what there is room for on a narrow terminal
FEW = ("received (UTC)", "trigger", "title", "id")
_STANDS = {
    "ACCEPTED": "is accepted",
    "PENDING": "waits for the host's confirmation",
    "CANCELLED": "is cancelled",
    "REJECTED": "was rejected",
}


def row(event: dict[str, Any], columns: Sequence[str]) -> list[str | None]:
    """An event as a row of `columns`."""
    cells = {
        "received (UTC)": minute(event["received_at"]),
        "trigger": event["trigger"] or event["kind"],
        "title": event["title"],
        "who": who(event),
        "starts (UTC)": minute(event["start"]),
        "status": event["status"],
        "id": event["id"],
    }
    return [cells[column] for column in columns]


def line(event: dict[str, Any]) -> str:
    """An event on one line, for following."""
    start = minute(event["start"])
    about = [event["title"], who(event), f"starts {start}" if start else None, event["status"]]
    return "  ".join(
        [when(event["received_at"]) or "", f"{event['trigger'] or event['kind']:<20}", *filter(None, about)]
    )


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


def person(one: dict[str, Any] | None) -> str | None:
    """A person with address and time zone."""
    if one is None:
        return None
    name, email = one["name"], one["email"]
    said = f"{name} <{email}>" if name and email else name or email or f"user {one['id']}"
    extra = [one["time_zone"], "did not show up" if one.get("no_show") else None]
    return said + "".join(f", {each}" for each in extra if each)


def sheet(event: dict[str, Any]) -> list[tuple[str, str]]:
    """Every field of an event that says something, with its name."""
    booking, event_type = event["booking"] or {}, event["event_type"] or {}
    fields: list[tuple[str, Any]] = [
        ("id", event["id"]),
        ("trigger", event["trigger"]),
        ("kind", event["kind"]),
        ("connection", event["connection"]),
        ("webhook", _joined(event["webhook"], event["webhook_version"])),
        ("delivery", event["delivery_id"]),
        ("received", when(event["received_at"])),
        ("occurred", when(event["occurred_at"])),
        ("caused by", event["caused_by"]),
        ("title", event["title"]),
        ("status", event["status"]),
        ("type", event["type"]),
        ("starts", when(event["start"])),
        ("ends", when(event["end"])),
        ("booking", _joined(booking.get("uid"), booking.get("id"))),
        ("lineage", booking.get("lineage")),
        ("seat", booking.get("seat")),
        ("series", booking.get("series")),
        ("event type", _joined(event_type.get("slug"), event_type.get("id"))),
        ("organizer", person(event["organizer"])),
        *(("host", person(each)) for each in event["hosts"] if each != event["organizer"]),
        *(("attendee", person(each)) for each in event["attendees"]),
        ("notes", event["notes"]),
    ]
    return [(name, str(value)) for name, value in fields if value is not None]


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
    moves = sum(event["trigger"] == "BOOKING_RESCHEDULED" for event in timeline["events"])
    if moves:
        said += f" It was rescheduled {_times(moves)}."
    number = len(timeline["events"])
    last = when(timeline["events"][-1]["received_at"])
    return f"{said} {number} event{'s' if number > 1 else ''}, the last received at {last} UTC."


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _joined(*values: Any) -> str | None:
    return ", ".join(str(value) for value in values if value is not None) or None


def by_month(days: dict[str, int]) -> dict[str, int]:
    """Counts by day as counts by month."""
    months: dict[str, int] = {}
    for day, number in days.items():
        months[day[:7]] = months.get(day[:7], 0) + number
    return months


def flat(event: dict[str, Any]) -> dict[str, str]:
    """An event as a row of CSV, without its payload; several people are joined by `; `."""
    booking, event_type, organizer = event["booking"] or {}, event["event_type"] or {}, event["organizer"] or {}
    values = {
        **{name: event[name] for name in (
            "id", "trigger", "kind", "connection", "webhook", "webhook_version", "delivery_id", "received_at",
            "occurred_at", "caused_by", "title", "status", "type", "start", "end",
        )},
        "booking_uid": booking.get("uid"),
        "booking_id": booking.get("id"),
        "lineage": booking.get("lineage"),
        "seat": booking.get("seat"),
        "series": booking.get("series"),
        "event_type_id": event_type.get("id"),
        "event_type_slug": event_type.get("slug"),
        "organizer_name": organizer.get("name"),
        "organizer_email": organizer.get("email"),
        "attendee_names": _people(event["attendees"], "name"),
        "attendee_emails": _people(event["attendees"], "email"),
        "notes": event["notes"],
    }  # fmt: skip
    return {name: harmless("" if value is None else str(value)) for name, value in values.items()}


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: whoever books may choose a name such as `=HYPERLINK(…)`."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _people(people: Sequence[dict[str, Any]], field: str) -> str:
    return "; ".join(str(each[field]) for each in people if each[field])
