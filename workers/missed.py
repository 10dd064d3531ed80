"""Compare the organization's bookings with the history, from the last time of change that was read.

Each page is a transaction: the cursor, the events that were missing and the runs they cause. The history is what keeps
one from being told twice. The first look only sees whether this key may read bookings, and sets the cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection as Sql

from workers.calcom import bookings as api
from workers.catalogue.event import Event
from workers.errors import RateLimited
from workers.gaps import bookings
from workers.gaps.parts import storable
from workers.gaps.telling import Looked, spelt
from workers.looking import GRACE, Around, Caller, Report, Unreadable, begin, pictured_at
from workers.record import Found, record
from workers.store import connections, heard, pictures
from workers.store.connections import Connection
from workers.store.pictures import Look

PART = "bookings"
#: pages of one look; the next goes on
_MOST_PAGES = 50


def look(around: Around, connection: Connection, client: Caller, seen: Look | None) -> Report:
    """Read the bookings that changed since the last look, and tell what the history lacks of them."""
    if connection.kind is connections.Kind.MCP:
        raise Unreadable("an MCP server has no tool for the organization's bookings.")
    began = around.now()
    if seen is not None and pictured_at(connection, seen) is not None:
        return _since(around, connection, client, seen, began)
    _page(client, began, 0)  # whether this key may read them at all
    if not around.dry_run:
        with around.store.write() as sql:
            held = begin(sql, connection, PART, seen)
            pictures.keep(sql, replace(held, since=began, at=began, cursor=began - GRACE, problem=None))
    return Report(connection.pcid, PART, first=True)


def _since(around: Around, connection: Connection, client: Caller, look: Look, began: datetime) -> Report:
    """What was changed after the cursor, page by page; each page is a transaction, and the cursor moves with it."""
    assert look.cursor is not None  # it has a picture
    report = Report(connection.pcid, PART)
    events: list[Event] = []
    looked = Looked(look.at, began)
    after, skip, later = look.cursor, 0, True
    for _ in range(_MOST_PAGES):
        around.goes_on()
        try:
            rows = _page(client, after, skip)
        except RateLimited as error:  # what was found before is written down
            return replace(report, events=tuple(events), problem=error.message, later=True)
        found = [one for one in map(bookings.booking, rows) if one is not None]
        if any(one.updated_at > two.updated_at for one, two in pairwise(found)):
            raise Unreadable("the organization's bookings do not come in the order of their changes.")
        settled = [one for one in found if one.updated_at <= began - GRACE]
        report = replace(
            report, rows=report.rows + len(rows), skipped=report.skipped + len(rows) - len(found),
            waiting=report.waiting + len(found) - len(settled),
        )  # fmt: skip
        reached = max([look.cursor, *(_in_milliseconds(one.updated_at) for one in settled)])
        done = len(rows) < api.TAKE or len(settled) < len(found)
        moved = replace(look, cursor=reached, at=began if done else look.at, problem=None)
        events += _written(around, connection, look, moved, settled, looked)
        look = moved
        if done:
            later = False
            break
        if found and found[-1].updated_at > after:
            after, skip = found[-1].updated_at, 0
        else:
            skip += len(rows)
    return replace(report, events=tuple(events), later=later)


def _written(
    around: Around,
    connection: Connection,
    look: Look,
    moved: Look,
    settled: Sequence[bookings.Booking],
    looked: Looked,
) -> list[Event]:
    """The events of one page, written down with the cursor that is past them."""
    since = look.since or looked.at
    if around.dry_run:
        with around.store.read() as sql:
            return _missed(sql, connection.pcid, settled, since, looked)
    live = around.live()
    with around.store.write() as sql:
        begin(sql, connection, PART, look)
        events = _missed(sql, connection.pcid, settled, since, looked)
        pictures.keep(sql, moved)
        record(sql, live, [Found(event, connection.pcid) for event in events], now=looked.at)
    return events


def _missed(sql: Sql, pcid: str, settled: Sequence[bookings.Booking], since: datetime, looked: Looked) -> list[Event]:
    last = {one.uid: one for one in settled}  # of a booking that is there twice the later change
    known = heard.bookings(sql, pcid, [*last])
    events = []
    for one in last.values():
        trigger = bookings.missing(one, bookings.known(known.get(one.uid, ())), since)
        if trigger is not None:
            events.append(bookings.event(one, trigger, looked))
    return events


def _page(client: Caller, after: datetime, skip: int) -> list[Any]:
    """One page of bookings changed since then, oldest change first; a millisecond sooner, as several may share one."""
    begin = spelt(after - timedelta(milliseconds=1))
    reply = client.call(api.LIST, {"afterUpdatedAt": begin, "sortUpdatedAt": "asc", "take": api.TAKE, "skip": skip})
    if not isinstance(reply.data, list):
        raise Unreadable("the organization's bookings are no list.")
    return storable(reply.data)


def _in_milliseconds(moment: datetime) -> datetime:
    """As SQLite keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
