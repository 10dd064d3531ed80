"""What begins with the text a person copied from a narrow table: ids of events, deliveries, runs; uids of bookings."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, func, select

from workers.store.search import plain
from workers.store.tables import events, receipts, runs

#: so many are told of one beginning: enough to see that it is not one's only
_SOME = 4


def ids(connection: Connection, noun: Literal["event", "delivery", "run"], digits: str) -> list[UUID]:
    """The first few ids that begin with these hex digits (without dashes), in their order."""
    column = {"event": events.c.id, "delivery": receipts.c.id, "run": runs.c.id}[noun]
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    query = select(column).where(column >= first, column <= last).order_by(column).limit(_SOME)
    return list(connection.execute(query).scalars())


def uids(connection: Connection, begins: str) -> list[str]:
    """The first few uids of bookings that begin so, letter case included. It walks the index of uids."""
    uid, begins = events.c.booking_uid, plain(begins)
    query = select(uid).distinct().where(func.substr(uid, 1, len(begins)) == begins).order_by(uid).limit(_SOME)
    return list(connection.execute(query).scalars())
