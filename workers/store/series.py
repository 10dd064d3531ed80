"""What is known of the recurring series that a booking is one occurrence of.

Each occurrence has a uid and a creation of its own, but who cancels or rejects all that are left makes Cal.com send
one event, of one of them. What names the series itself comes late or never, so that occurrences are also known by
having been made together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from workers.store import related
from workers.store.events import payloads, spell

#: occurrences that are named; Cal.com makes a few dozen at most
MOST = 100
_BEGINS = ("BOOKING_CREATED", "BOOKING_REQUESTED")
_ENDS = ("BOOKING_CANCELLED", "BOOKING_REJECTED")
#: Cal.com makes the occurrences one after another; a delivery that it repeats comes a minute or so later
_TOGETHER = timedelta(minutes=5)


def read(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, Any] | None:
    """The series of the booking that has these events, oldest first; None where nothing says it is an occurrence.

    `{"id", "occurrences": [{"uid", "start"}, …], "ended": {"uid", "trigger", "status", "as_of"} or null}`: the others
    that are known, by their start, and the event that cancelled or rejected all that were left, whosever uid it has.
    """
    made = next((row for row in rows if row.trigger in _BEGINS), None)
    end = next((row for row in reversed(rows) if row.trigger in _ENDS), None)
    name = next((row.series for row in reversed(rows) if row.series), None)
    recurs = _recurrences(connection, [row for row in (made, end) if row is not None])
    if name is None and not recurs:
        return None
    others = _others(connection, rows, name, made if made is not None and made.id in recurs else None, recurs)
    ended = end if end is not None and end.id in recurs else _ended_by(connection, rows[0], others)
    return {
        "id": name,
        "occurrences": [{"uid": uid, "start": start} for uid, start in others.items()],
        "ended": ended
        and {
            "uid": ended.booking_uid,
            "trigger": ended.trigger,
            "status": ended.status,
            "as_of": spell(ended.occurred_at),
        },
    }


def _recurrences(connection: Connection, rows: Sequence[Row[Any]]) -> dict[UUID, dict[str, Any]]:
    """What each event says of its recurrence. A cancellation or rejection says it only if it ends the whole series."""
    held = {event_id: payload.get("recurringEvent") for event_id, payload in payloads(connection, rows).items()}
    return {event_id: said for event_id, said in held.items() if isinstance(said, dict) and said}


def _others(
    connection: Connection,
    rows: Sequence[Row[Any]],
    name: str | None,
    made: Row[Any] | None,
    recurs: dict[UUID, dict[str, Any]],
) -> dict[str, str | None]:
    """The uid and start of the other occurrences: those that name the series, and those made together with this one."""
    emails = {person["email"] for row in rows for person in row.attendees if person["email"]}
    found = list(related.of_series(connection, rows[0].connection, name, emails)) if name else []
    if made is not None:
        since, until = made.received_at - _TOGETHER, made.received_at + _TOGETHER
        near = related.made_between(connection, made, since, until, emails)[:MOST]
        alike = _recurrences(connection, near)
        found += [row for row in near if alike.get(row.id) == recurs[made.id]]
    mine = {row.booking_uid for row in rows}
    starts = {row.booking_uid: spell(row.starts_at) for row in found if row.booking_uid not in mine}
    return dict(sorted(starts.items(), key=lambda item: (item[1] or "", item[0]))[:MOST])


def _ended_by(connection: Connection, first: Row[Any], others: dict[str, str | None]) -> Row[Any] | None:
    """What ended the others after `first`: who cancels a series and books it anew has two within minutes."""
    ends = related.endings(connection, first.connection, list(others), _ENDS)[-MOST:]
    ends = [row for row in ends if row.occurred_at > first.occurred_at]
    whole = _recurrences(connection, ends)
    return next((row for row in reversed(ends) if row.id in whole), None)
