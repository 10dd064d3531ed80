"""Statements about the journals on the disks of web processes, as each tells of its own: a machine that is gone cannot
be asked what it left behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from workers.store.tables import spools

#: how long it is told that a journal was emptied
RECENT = timedelta(minutes=10)
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Held:
    """What one place said last. `drained` deliveries came from it into SQL lately, the last of them at `drained_at`."""

    place: str
    bytes: int
    aside: int
    drained: int
    drained_at: datetime | None
    at: datetime


def tell(connection: Connection, told: Held) -> None:
    """Keep what a place says, in place of what it said before."""
    new = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(spools)
    values = {
        "bytes": told.bytes, "aside": told.aside, "drained": told.drained, "drained_at": told.drained_at, "at": told.at
    }  # fmt: skip
    connection.execute(
        new.values(place=told.place, **values).on_conflict_do_update(index_elements=[spools.c.place], set_=values)
    )


def every(connection: Connection) -> list[Held]:
    """What each place said last."""
    rows = connection.execute(select(spools).order_by(spools.c.place))
    return [Held(row.place, row.bytes, row.aside, row.drained, row.drained_at, row.at) for row in rows]


def forget(connection: Connection, now: datetime) -> None:
    """Forget those that held nothing for a day: their machines may be gone."""
    empty = (spools.c.bytes == 0) & (spools.c.aside == 0)
    connection.execute(delete(spools).where(empty, spools.c.at < now - _KEPT))
