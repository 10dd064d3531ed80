"""Events in words for people: one line, a table row, a sheet, how a booking stands. Pure: shapes in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from ingest.standing import minute as minute
from ingest.standing import short as short
from ingest.standing import standing as standing
from ingest.standing import when as when
from ingest.standing import who as who

#: the columns of a table of events, by the columns a terminal has: from so many on
_BY_WIDTH = {
    150: ("local time", "trigger", "title", "who", "starts (UTC)", "status", "booking", "id"),
    100: ("local time", "trigger", "about", "booking", "id"),
    0: ("local time", "trigger", "about", "booking…", "id"),
}
#: and in a pipe, which has no width and is read by another day's reader
_PIPED = ("received (UTC)", "trigger", "title", "who", "starts (UTC)", "status", "booking", "id")
#: columns that are copied from, and so are never cut to fit
WHOLE = ("local time", "received (UTC)", "starts (UTC)", "booking", "booking…", "id")
#: characters of a title or a name in a table: whoever books chooses them, and may choose ten thousand
_LONGEST = 60
#: characters of a uid on a terminal, and where there is no room for a whole one
_UID = 40
_SHORT_UID = 9
#: lengths to which an id is shortened: its millisecond, then more and more of what is random in it
_SHORT_IDS = (13, 18, 23)


def table(
    events: Sequence[dict[str, Any]], width: int | None, now: datetime, zone: tzinfo | None = None
) -> tuple[Sequence[str], list[list[str | None]]]:
    """Events as a table's columns and rows, for a terminal of `width` columns; None is a pipe.

    On a terminal times are those of `zone` (None: this machine's), ids as short as tells these events apart.
    """
    columns = _PIPED if width is None else next(made for least, made in _BY_WIDTH.items() if width >= least)
    ids = [event["id"] for event in events]
    ids = ids if width is None else shortened(ids)
    rows = [
        _row(event, columns, local(event["received_at"], now, zone), named)
        for event, named in zip(events, ids, strict=True)
    ]
    return columns, rows


def _row(event: dict[str, Any], columns: Sequence[str], at: str, named: str) -> list[str | None]:
    uid = (event["booking"] or {}).get("uid")
    title, people = short(event["title"], _LONGEST), short(who(event), _LONGEST)
    cells = {
        "local time": at,
        "received (UTC)": minute(event["received_at"]),
        "trigger": short(event["trigger"], _LONGEST) or event["kind"],
        "title": title,
        "who": people,
        "about": short(_about(event), _LONGEST),
        "starts (UTC)": minute(event["start"]),
        "status": short(event["status"], _LONGEST),
        "booking": uid if columns is _PIPED else short(uid, _UID),
        "booking…": short(uid, _SHORT_UID),
        "id": named,
    }
    return [cells[column] for column in columns]


def _about(event: dict[str, Any]) -> str | None:
    """Who a host would say that it is, then the title, which may say more than there is room for."""
    guests = who({"organizer": None, "attendees": event["attendees"]}, most=1)
    return " · ".join(filter(None, (guests, event["title"]))) or who(event)


def shortened(ids: Sequence[str]) -> list[str]:
    """Ids as short as tells them apart from each other; `show` takes the beginning of an id where it is one's only."""
    length = next((length for length in _SHORT_IDS if len({each[:length] for each in ids}) == len(ids)), None)
    return [each[:length] for each in ids]


def local(instant: str, now: datetime, zone: tzinfo | None = None) -> str:
    """An instant by the clocks of `zone` (None: this machine's): day and minute, in another year day and year."""
    there = datetime.fromisoformat(instant).astimezone(zone)
    return f"{there:%d %b %H:%M}" if there.year == now.astimezone(zone).year else f"{there:%d %b %Y}"


def line(event: dict[str, Any]) -> str:
    """An event on one line, for following."""
    start = minute(event["start"])
    about = [short(event["title"], _LONGEST), who(event), f"starts {start}Z" if start else None, event["status"]]
    return "  ".join(
        [f"{when(event['received_at'])}Z", f"{event['trigger'] or event['kind']:<20}", *filter(None, about)]
    )


def _utc(instant: str | None) -> str | None:
    return f"{when(instant)} UTC" if instant else None


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
        ("received", _utc(event["received_at"])),
        ("occurred", _utc(event["occurred_at"])),
        ("caused by", event["caused_by"]),
        ("title", event["title"]),
        ("status", event["status"]),
        ("type", event["type"]),
        ("starts", _utc(event["start"])),
        ("ends", _utc(event["end"])),
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


def _joined(*values: Any) -> str | None:
    return ", ".join(str(value) for value in values if value is not None) or None


def by_month(days: dict[str, int]) -> dict[str, int]:
    """Counts by day as counts by month."""
    months: dict[str, int] = {}
    for day, number in days.items():
        months[day[:7]] = months.get(day[:7], 0) + number
    return months
