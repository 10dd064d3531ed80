"""Statements that find triggers which fell silent. What counts as silent is `workers.silence`'s to say.

All of it is read from the index of the triggers, a few entries of it for each one: how many events there are does not
matter.
"""

from __future__ import annotations

import math
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Subquery, bindparam, func, or_, select

from workers import silence as told
from workers.silence import ENDED_WITHIN, LEAST, REGULAR, SPAN, Busy, Silence, Unheard, period, silence
from workers.store.history import lowest_id
from workers.store.quick import Quick
from workers.store.tables import events, pictures, webhooks

#: it comes when somebody presses a button
_NOT_EXPECTED = ("PING",)
#: what comes of a meeting that ended; what tells that there will be one, and that there will not
_ENDED = "MEETING_ENDED"
_MADE = ("BOOKING_CREATED", "BOOKING_RESCHEDULED")
_CALLED_OFF = ("BOOKING_CANCELLED", "BOOKING_REJECTED")
#: bookings of each of those triggers that are looked at
_LOOKED_AT = 100
#: said so that SQLite does not take the index of connections, in which nearly all events may be one's
_OF_CONNECTION = func.coalesce(events.c.connection, "") == bindparam("pcid")


def silent(connection: Connection, now: datetime) -> list[Silence]:
    """The triggers that fell silent, by name."""
    begun = lowest_id(now - SPAN)
    found = []
    for trigger, last in _LAST(connection):
        if trigger in _NOT_EXPECTED or not now - SPAN <= last < now - LEAST:
            continue
        number = _NUMBER.one(connection, trigger=trigger, since=begun).number
        if number >= REGULAR and (one := silence(trigger, number, _busy(connection, trigger, last, now), now)):
            found.append(one)
    return found


def unheard(connection: Connection, now: datetime) -> list[Unheard]:
    """The triggers that should have come of meetings that ended, where one of our webhooks is subscribed to them.

    What is subscribed is known from the last picture of Cal.com's webhooks, which meetings there are from the bookings
    that were told of last. Only some of those are looked at: three are enough.
    """
    ends: list[datetime] = []
    for pcid in _hearing(connection, _ENDED):
        heard = _LAST_OF.one(connection, trigger=_ENDED, pcid=pcid)
        ends += _ended(connection, pcid, now, heard.received_at if heard is not None else None)
    found = told.unheard(_ENDED, ends, now)
    return [found] if found is not None else []


def _hearing(connection: Connection, trigger: str) -> list[str]:
    """The connections that have a webhook of ours at Cal.com which is subscribed to a trigger and switched on."""
    query = select(webhooks.c.connection, pictures.c.document).join(
        pictures,
        (pictures.c.connection == webhooks.c.connection)
        & (pictures.c.part == "webhooks")
        & (pictures.c.key == webhooks.c.remote_id),
    )
    return sorted(
        {
            pcid
            for pcid, document in connection.execute(query)
            if document is not None and document.get("active") and trigger in (document.get("triggers") or ())
        }
    )


def _ended(connection: Connection, pcid: str, now: datetime, heard: datetime | None) -> list[datetime]:
    """When meetings ended within the span, after the trigger was heard last, that nobody called off or moved."""
    made = [row for trigger in _MADE for row in _NEWEST(connection, trigger=trigger, pcid=pcid)]
    moved = {row.previous_uid for row in made}
    since = max(now - ENDED_WITHIN, heard) if heard is not None else now - ENDED_WITHIN
    ends = {
        row.booking_uid: row.ends_at
        for row in made
        if row.ends_at is not None and since <= row.ends_at < now and row.booking_uid not in moved
    }
    gone = _GONE.many(connection, [{"uid": uid, "pcid": pcid} for uid in ends])
    return [end for end, rows in zip(ends.values(), gone, strict=True) if not rows]


def _busy(connection: Connection, trigger: str, last: datetime, now: datetime) -> list[Busy]:
    length = period(last, now)
    edges = [now - SPAN + length * place for place in range(math.ceil(SPAN / length) + 1)]
    periods = [
        {"trigger": trigger, "since": lowest_id(begins), "until": lowest_id(ends)} for begins, ends in pairwise(edges)
    ]
    rows = [row for (row,) in _ENDS.many(connection, periods)]
    return [(row.first, row.last) for row in rows if row.first is not None]


def names() -> CTE:
    """The triggers of all events, each found by one step into the index: `names().c.trigger`, one of them null."""
    first = select(func.min(events.c.trigger).label("trigger")).where(events.c.trigger.is_not(None))
    so_far = first.cte("names", recursive=True)
    following = select(func.min(events.c.trigger)).where(events.c.trigger > so_far.c.trigger).scalar_subquery()
    return so_far.union_all(select(following).where(so_far.c.trigger.is_not(None)))


def _at(*where: ColumnElement[bool], newest: bool) -> Any:
    order = events.c.id.desc() if newest else events.c.id.asc()
    return select(events.c.received_at).where(*where).order_by(order).limit(1)


def _last() -> Quick:
    named = names()
    last = _at(events.c.trigger == named.c.trigger, newest=True).correlate(named).scalar_subquery()
    query = select(named.c.trigger, last.label("last")).where(named.c.trigger.is_not(None))
    return Quick(query.order_by(named.c.trigger))


def _some() -> Subquery:
    since = events.c.id >= bindparam("since")
    return select(events.c.id).where(events.c.trigger == bindparam("trigger"), since).limit(REGULAR).subquery()


def _ends() -> Quick:
    where = (
        events.c.trigger == bindparam("trigger"),
        events.c.id >= bindparam("since"),
        events.c.id < bindparam("until"),
    )
    first, last = (_at(*where, newest=newest).scalar_subquery() for newest in (False, True))
    return Quick(select(first.label("first"), last.label("last")))


def _newest() -> Quick:
    columns = events.c.booking_uid, events.c.previous_uid, events.c.ends_at
    query = select(*columns).where(events.c.trigger == bindparam("trigger"), _OF_CONNECTION)
    return Quick(query.order_by(events.c.id.desc()).limit(_LOOKED_AT))


def _last_of() -> Quick:
    query = select(events.c.received_at)
    query = query.where(events.c.trigger == bindparam("trigger"), _OF_CONNECTION)
    return Quick(query.order_by(events.c.id.desc()).limit(1))


def _gone() -> Quick:
    of = events.c.booking_uid == bindparam("uid"), _OF_CONNECTION
    off = or_(*(func.coalesce(events.c.trigger, "") == trigger for trigger in _CALLED_OFF))
    return Quick(select(events.c.id).where(*of, off).limit(1))


_NEWEST, _LAST_OF, _GONE = _newest(), _last_of(), _gone()
_LAST = _last()
_NUMBER = Quick(select(func.count().label("number")).select_from(_some()))
_ENDS = _ends()
