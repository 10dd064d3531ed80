"""The out-of-office controller: who is away when, and who stands in. It announces OOO_CREATED.

Quirks kept: dates must end in `Z` with no fraction or three digits of it, and their time of day is thrown away;
entries may overlap, only an equal start and end conflict, with an entry sent again unchanged too; an unknown
entry is 403. OOO_CREATED is sent for edits as well.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ingest.sandbox.endpoint import Announcement, Call, Endpoint
from ingest.sandbox.envelopes import iso, nest
from ingest.sandbox.rules import NUMBER, OOO_DATE, TEXT, one_of
from ingest.sandbox.state import OutOfOffice, User, new_uuid
from ingest.sandbox.users import in_org
from ingest.sandbox.validation import Field

#: reason: (id, emoji, key of its text), as the announcement spells them
_REASONS = {
    "unspecified": (1, "🕒", "ooo_reasons_unspecified"),
    "vacation": (2, "🌴", "ooo_reasons_vacation"),
    "travel": (3, "✈️", "ooo_reasons_travel"),
    "sick": (4, "🤒", "ooo_reasons_sick_leave"),
    "public_holiday": (5, "🗓️", "ooo_reasons_public_holiday"),
}
_UPDATE = {
    "start": Field((OOO_DATE,)),
    "end": Field((OOO_DATE,)),
    "notes": TEXT,
    "toUserId": Field((NUMBER,)),
    "reason": Field((one_of(*_REASONS),)),
}
_CREATE = {
    **_UPDATE,
    "start": Field((OOO_DATE,), required=True),
    "end": Field((OOO_DATE,), required=True),
}


def _view(entry: OutOfOffice) -> dict[str, object]:
    return {
        "userId": entry.user_id,
        "toUserId": entry.to_user_id,
        "id": entry.id,
        "uuid": entry.uuid,
        "start": iso(entry.start),
        "end": iso(entry.end),
        "notes": entry.notes,
        "reason": entry.reason or "unspecified",
    }


def _announce(call: Call, entry: OutOfOffice) -> None:
    """OOO_CREATED as Cal.com words it: the days as the user's own, with their zone's offset, the people named."""
    reason_id, emoji, reason = _REASONS[entry.reason or "unspecified"]
    users = call.world.users
    zone = ZoneInfo(users[entry.user_id].time_zone)
    stand_in = users.get(entry.to_user_id) if entry.to_user_id else None
    words = {
        "id": entry.id,
        "start": _in_zone(entry.start, zone),
        "end": _in_zone(entry.end, zone),
        "createdAt": iso(entry.created_at),
        "updatedAt": iso(entry.updated_at),
        "notes": entry.notes,
        "reason": {"emoji": emoji, "reason": reason},
        "reasonId": reason_id,
        "user": _person(users[entry.user_id]),
        "toUser": _person(stand_in) if stand_in else None,
        "uuid": entry.uuid,
    }
    call.announcements.append(Announcement("OOO_CREATED", {"oooEntry": words}))


def _in_zone(instant: datetime, zone: ZoneInfo) -> str:
    """The same date and time of day in another zone: `2026-07-01T00:00:00+01:00`, never `Z`."""
    return instant.replace(tzinfo=zone, microsecond=0).isoformat()


def _person(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "name": user.name,
        "username": user.username,
        "email": user.email,
        "timeZone": user.time_zone,
    }


def _own_entry(call: Call) -> OutOfOffice:
    entry = call.world.absences.get(call.number("oooId"))
    if entry is None or entry.user_id != call.number("userId"):
        raise nest(403, "This OOO entry does not belong to this user.")
    return entry


def _days(call: Call) -> tuple[datetime, datetime] | None:
    """The first and the last millisecond of the days asked for, or None when the body names none."""
    if "start" not in call.body and "end" not in call.body:
        return None
    if "start" not in call.body or "end" not in call.body:
        raise nest(400, "Please specify both ooo start and end time.")
    start, end = _instant(call.body["start"]), _instant(call.body["end"])
    if start > end:
        raise nest(400, "Start date must be before end date.")
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return first, end.replace(hour=23, minute=59, second=59, microsecond=999_000)


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise nest(400, "Invalid Date.") from None


def _check(call: Call, user: User, days: tuple[datetime, datetime] | None) -> None:
    """Raises what Cal.com refuses: odd stand-ins, circles of them, and the same days twice."""
    stand_in = call.body.get("toUserId")
    if stand_in == user.id:
        raise nest(400, "Cannot redirect to self.")
    if stand_in is not None and call.world.membership_of(stand_in, call.org.id) is None:
        raise nest(400, "Cannot redirect to this user.")
    if days is None:
        return
    start, end = days
    for other in call.world.absences.values():
        if other.user_id == user.id and (other.start, other.end) == days:
            raise nest(409, "Ooo entry already exists.")
        if other.to_user_id == user.id and other.start <= end and start <= other.end:
            raise nest(400, "Booking redirect infinite not allowed.")


def _create(call: Call) -> object:
    user = in_org(call)
    days = _days(call)
    _check(call, user, days)
    assert days is not None  # the shape demands both
    entry = OutOfOffice(next(call.world.numbers), new_uuid(), user.id, *days, call.now, call.now)
    call.world.absences[entry.id] = entry
    return _written(call, entry)


def _update(call: Call) -> object:
    entry = _own_entry(call)
    days = _days(call)
    _check(call, in_org(call), days)
    if days:
        entry.start, entry.end = days
    entry.updated_at = call.now
    return _written(call, entry)


def _written(call: Call, entry: OutOfOffice) -> dict[str, object]:
    entry.notes = call.body.get("notes", entry.notes)
    entry.to_user_id = call.body.get("toUserId", entry.to_user_id)
    entry.reason = call.body.get("reason", entry.reason)
    _announce(call, entry)
    return _view(entry)


def _delete(call: Call) -> object:
    entry = _own_entry(call)
    del call.world.absences[entry.id]
    return _view(entry)


def _list_of_user(call: Call) -> object:
    user_id = call.number("userId")
    return _listed(call, [e for e in call.world.absences.values() if e.user_id == user_id])


def _list(call: Call) -> object:
    people = {user.id: user.email for user in call.world.users_of(call.org.id)}
    email = call.text("email")
    entries = [e for e in call.world.absences.values() if e.user_id in people]
    return _listed(call, [e for e in entries if email in (None, people[e.user_id])])


def _listed(call: Call, entries: list[OutOfOffice]) -> list[dict[str, object]]:
    """Sorted and paged; of two orders given only `sortEnd` counts."""
    by_start, by_end = (call.choice(name, "asc", "desc") for name in ("sortStart", "sortEnd"))
    if by_end:
        entries.sort(key=lambda entry: entry.end, reverse=by_end == "desc")
    elif by_start:
        entries.sort(key=lambda entry: entry.start, reverse=by_start == "desc")
    return [_view(entry) for entry in entries[call.page()]]


_ALL = "/organizations/{orgId}/users/{userId}/ooo"
_ONE = f"{_ALL}/{{oooId}}"
ENDPOINTS = (
    Endpoint("GET", "/organizations/{orgId}/ooo", _list),
    Endpoint("GET", _ALL, _list_of_user, guards=(in_org,)),
    Endpoint("POST", _ALL, _create, guards=(in_org,), body=_CREATE),
    Endpoint("PATCH", _ONE, _update, guards=(in_org, _own_entry), body=_UPDATE),
    Endpoint("DELETE", _ONE, _delete, guards=(in_org, _own_entry)),
)
