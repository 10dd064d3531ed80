"""What the history has of things that were found at Cal.com too: out-of-office entries and bookings. It only reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Row, select

from workers.store.events import READ, payloads
from workers.store.filters import lowest_id
from workers.store.tables import events

#: bodies held in memory at once, and uids of one statement
_BODIES, _UIDS = 50, 500


def absences(sql: Connection, pcid: str, since: datetime) -> Iterator[dict[str, Any]]:
    """Each OOO_CREATED that came since then: `{"trigger", "kind", "connection", "payload"}`."""
    where = events.c.trigger == "OOO_CREATED", events.c.id >= lowest_id(since)
    rows = cast("Sequence[Row[Any]]", sql.execute(READ.where(*where).order_by(events.c.id)).all())
    for start in range(0, len(rows), _BODIES):
        some = [row for row in rows[start : start + _BODIES] if row.connection == pcid]
        held = payloads(sql, some)
        for row in some:
            yield {"trigger": row.trigger, "kind": row.kind, "connection": pcid, "payload": held[row.id]}


def bookings(
    sql: Connection, pcid: str, uids: Sequence[str]
) -> dict[str, list[tuple[str | None, Mapping[str, Any] | None]]]:
    """Of each of these bookings its events' triggers and organizers, oldest first; nothing of one that has none."""
    found: dict[str, list[tuple[str | None, Mapping[str, Any] | None]]] = {}
    for start in range(0, len(uids), _UIDS):
        # The connection is not asked for: SQLite would take its index, in which nearly all events may be one's.
        columns = events.c.booking_uid, events.c.id, events.c.connection, events.c.trigger, events.c.organizer
        query = select(*columns).where(events.c.booking_uid.in_(uids[start : start + _UIDS]))
        for row in sorted(sql.execute(query), key=lambda row: row.id):
            if row.connection == pcid:
                found.setdefault(row.booking_uid, []).append((row.trigger, row.organizer))
    return found
