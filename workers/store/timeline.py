"""One booking's timeline: its lineage, what is true of it now, and every event of it with the delivery it came by and
the runs it caused.

A reschedule chain is one booking. One seat that moves takes the others nowhere: the booking it left and the one it
came to stay two, and both timelines have the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from workers.catalogue.event import Kind
from workers.store import bookings, deliveries, events, history, ledger, outcomes, related, runs, seats, series
from workers.store.history import Filter
from workers.store.seats import happened

#: events of a booking that are shown, the newest ones
MOST = 1_000
#: kinds that say how a booking stands; a recording or a meeting that began does not
_TELLING = frozenset({Kind.BOOKING, Kind.INSTANT, Kind.SYNTHETIC})


@dataclass(frozen=True, slots=True)
class _Story:
    """The events of one lineage, and those that took a seat of it elsewhere: as rows, and as they are shown."""

    rows: Sequence[Row[Any]]
    moved: Sequence[Row[Any]]
    told: list[dict[str, Any]]
    took: list[dict[str, Any]]


def read(connection: Connection, uid: str, *, pcid: str | None = None) -> dict[str, Any] | None:
    """The timeline of the booking that `uid` belongs to; None where no event told of it.

    `{"uid", "lineage", "uids", "state": {…}, "series": {…} or null, "events": [an event, without payload, with
    "previous_uid", "delivery": {"id", "verdict", "state", "bytes", "seen"} or null and "runs": [as `outcomes.run`, with
    "actions": [as `outcomes.action`, …], …]}, …]}`, events in the order they arrived, runs in the order they were
    planned. For `state` see below, for `series` see `series.py`.
    """
    story = _story(connection, uid, pcid)
    if story is None:
        return None
    known = {each for at, each in bookings.uids_with(connection, uid) if pcid is None or at == pcid}
    shown = _shown(connection, story)
    seen = dict.fromkeys(event["booking"]["uid"] for event in shown)
    return {
        "uid": uid,
        "lineage": story.told[0]["booking"]["lineage"],
        "uids": [*seen, *sorted(known - seen.keys())],
        "state": _state_of(connection, story, uid, pcid),
        "series": series.read(connection, story.rows),
        "events": shown,
    }


def stands(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, Any]:
    """How the booking of these events (at least one, all of one connection) stands, as `state` says it."""
    return _state_of(connection, _told(connection, rows), rows[0].booking_uid, rows[0].connection)


def state(told: Sequence[dict[str, Any]], moved: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """How a booking stands after these events (at least one, in any order).

    `{"uid", "status", "title", "start", "end", "organizer", "attendees", "seats", "as_of"}`. What happened last
    decides, not what arrived last: nothing keeps deliveries in order. `moved` are events of other bookings, each of
    which took one seat away. A booking with seats lives as long as one is taken; its attendees are who has a seat.
    For `seats` see `Seat.shown`; [] for a booking without.
    """
    telling = sorted([event for event in told if event["kind"] in _TELLING] or told, key=happened)
    found = seats.after(telling, moved)
    taken = [seat for seat in found if seat.taken]
    gone = {id(event) for seat in found if taken and not seat.taken for event in seat.events}
    standing = [event for event in telling if id(event) not in gone]
    last = standing[-1]
    before = [event for event in standing if event["booking"]["uid"] == last["booking"]["uid"]]

    def newest(field: str) -> Any:
        return last[field] or next((event[field] for event in reversed(before) if event[field]), last[field])

    status = newest("status")
    return {
        "uid": last["booking"]["uid"],
        "status": "CANCELLED" if found and not taken and status not in seats.GONE else status,
        "title": newest("title"),
        "start": newest("start"),
        "end": newest("end"),
        "organizer": newest("organizer"),
        "attendees": [seat.attendee for seat in taken if seat.attendee] or newest("attendees"),
        "seats": [seat.shown() for seat in found],
        "as_of": max([*telling, *moved], key=happened)["occurred_at"],
    }


def _story(connection: Connection, uid: str, pcid: str | None) -> _Story | None:
    rows = history.page(connection, Filter(booking=uid, connection=pcid), limit=MOST)[::-1]
    return _told(connection, rows) if rows else None


def _told(connection: Connection, rows: Sequence[Row[Any]]) -> _Story:
    moved = _moved(connection, rows)
    return _Story(rows, moved, [events.shape(row) for row in rows], [events.shape(row) for row in moved])


def _moved(connection: Connection, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The events that took a seat of this booking to another one."""
    found: list[Row[Any]] = []
    for pcid in sorted({row.connection for row in rows}):
        mine = [row for row in rows if row.connection == pcid]
        emails = {person["email"] for row in mine if row.seat for person in row.attendees if person["email"]}
        if emails:
            found += related.seats_moved_away(connection, pcid, {row.booking_uid for row in mine}, emails)
    return found


def _state_of(connection: Connection, story: _Story, uid: str, pcid: str | None) -> dict[str, Any]:
    """How it stands; a booking whose every seat moved to one other is that one now, as if it had been rescheduled."""
    visited = {uid}
    while True:
        stands = state(story.told, story.took)
        onward = {seat["moved_to"] for seat in stands["seats"]}
        if len(onward) != 1 or None in onward or onward <= visited:
            return stands
        visited |= onward
        (goal,) = onward
        further = _story(connection, goal, pcid)
        if further is None:
            return stands
        story = further


def _shown(connection: Connection, story: _Story) -> list[dict[str, Any]]:
    rows = [*story.rows, *story.moved]
    came_by = {row.id: row for row in deliveries.some(connection, [row.delivery_id for row in rows if row.delivery_id])}
    previous = related.previous_uids(connection, [row.id for row in rows])
    caused = _runs(connection, [row.id for row in rows])
    told = [
        {
            **event,
            "previous_uid": previous.get(row.id),
            "delivery": _delivery(came_by.get(row.delivery_id)),
            "runs": caused.get(row.id, []),
        }
        for row, event in zip(rows, [*story.told, *story.took], strict=True)
    ]
    return sorted(told, key=lambda event: str(event["id"]))


def _runs(connection: Connection, event_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The runs that each event caused, with their actions."""
    found: dict[UUID, list[dict[str, Any]]] = {}
    rows = runs.of_events(connection, event_ids)
    actions = ledger.of_runs(connection, [row.id for row in rows])
    for row in rows:
        told = {**outcomes.run(row), "actions": [outcomes.action(action) for action in actions[row.id]]}
        found.setdefault(row.event_id, []).append(told)
    return found


def _delivery(row: Any) -> dict[str, Any] | None:
    if row is None:
        return None
    shown = deliveries.shape(row)
    return {name: shown[name] for name in ("id", "verdict", "state", "bytes", "seen")}
