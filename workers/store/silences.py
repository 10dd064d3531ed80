"""Statements that find triggers which fell silent. What counts as silent is `workers.silence`'s to say.

All of it is read from the index of the triggers, a few entries of it for each one: how many events there are does not
matter.
"""

from __future__ import annotations

import math
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Subquery, bindparam, func, select

from workers.silence import LEAST, REGULAR, SPAN, Busy, Silence, period, silence
from workers.store.history import lowest_id
from workers.store.quick import Quick
from workers.store.tables import events

#: it comes when somebody presses a button
_NOT_EXPECTED = ("PING",)


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


_LAST = _last()
_NUMBER = Quick(select(func.count().label("number")).select_from(_some()))
_ENDS = _ends()
