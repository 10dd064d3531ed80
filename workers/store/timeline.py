"""One booking's timeline: its lineage, what is true of it now, and every event of it with the delivery it came by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from workers.catalogue.event import Kind
from workers.store import bookings, deliveries, events, history
from workers.store.history import Filter

#: events of a booking that are shown, the newest ones
MOST = 1_000
#: kinds that say how a booking stands; a recording or a meeting that began does not
_TELLING = frozenset({Kind.BOOKING, Kind.INSTANT})


def read(connection: Connection, uid: str, *, pcid: str | None = None) -> dict[str, Any] | None:
    """The timeline of the booking that `uid` belongs to; None where no event told of it.

    `{"uid", "lineage", "uids", "state": {…}, "events": [an event, without payload, with "delivery": {"id", "verdict",
    "state", "bytes", "seen"} or null, …]}`, events in the order they arrived.
    """
    rows = history.page(connection, Filter(booking=uid, connection=pcid), limit=MOST)[::-1]
    if not rows:
        return None
    came_by = {row.id: row for row in deliveries.some(connection, [row.delivery_id for row in rows if row.delivery_id])}
    told = [{**events.shape(row), "delivery": _delivery(came_by.get(row.delivery_id))} for row in rows]
    known = {each for at, each in bookings.uids_with(connection, uid) if pcid is None or at == pcid}
    seen = dict.fromkeys(event["booking"]["uid"] for event in told)
    return {
        "uid": uid,
        "lineage": told[0]["booking"]["lineage"],
        "uids": [*seen, *sorted(known - seen.keys())],
        "state": state(told),
        "events": told,
    }


def state(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How a booking stands after these events (at least one, in any order).

    `{"uid", "status", "title", "start", "end", "organizer", "attendees", "as_of"}`. What happened last decides, not
    what arrived last: nothing keeps deliveries in order. Where one seat was cancelled the booking lives on with the
    others, so that another seat's last event says how it stands.
    """
    telling = [event for event in told if event["kind"] in _TELLING] or list(told)
    telling.sort(key=lambda event: (event["occurred_at"], event["received_at"]))
    last = _standing(telling)
    before = [event for event in telling if event["booking"]["uid"] == last["booking"]["uid"]]

    def newest(field: str) -> Any:
        return last[field] or next((event[field] for event in reversed(before) if event[field]), last[field])

    return {
        "uid": last["booking"]["uid"],
        "status": newest("status"),
        "title": newest("title"),
        "start": newest("start"),
        "end": newest("end"),
        "organizer": newest("organizer"),
        "attendees": newest("attendees"),
        "as_of": last["occurred_at"],
    }


def _standing(telling: Sequence[dict[str, Any]]) -> dict[str, Any]:
    last = telling[-1]
    if last["booking"]["seat"] is None or last["status"] != "CANCELLED":
        return last
    by_seat = {
        event["booking"]["seat"]: event
        for event in telling
        if event["booking"]["uid"] == last["booking"]["uid"] and event["booking"]["seat"] is not None
    }
    taken = [event for event in by_seat.values() if event["status"] != "CANCELLED"]
    return max(taken, key=lambda event: str(event["occurred_at"]), default=last)


def _delivery(row: Any) -> dict[str, Any] | None:
    if row is None:
        return None
    shown = deliveries.shape(row)
    return {name: shown[name] for name in ("id", "verdict", "state", "bytes", "seen")}
