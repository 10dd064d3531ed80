"""Statements about what is done by the clock: when each job was done last, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from workers.store.clock import clock
from workers.store.tables import jobs


@dataclass(frozen=True, slots=True)
class Done:
    """When a job was begun last, by the database's clock; `ended_at` None: it is being done, or was cut off."""

    name: str
    begun_at: datetime
    ended_at: datetime | None
    outcome: str | None
    failed: bool


def wait(connection: Connection, name: str, every: float) -> float:
    """The seconds until a job is due again; 0 where it is: also one that was cut off, and one whose beginning lies
    ahead, for a clock was put back."""
    last = select(jobs.c.begun_at, jobs.c.ended_at).where(jobs.c.name == name).subquery()
    now = select(clock(connection).label("now")).subquery()
    row = connection.execute(select(now.c.now, last).outerjoin_from(now, last, true())).one()
    if row.ended_at is None or row.begun_at > row.now + 1:
        return 0.0
    return float(max(0.0, row.begun_at + every - row.now))


def begin(connection: Connection, name: str) -> None:
    """Say that a job is begun now."""
    new = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(jobs)
    values = {"begun_at": clock(connection), "ended_at": None, "outcome": None, "failed": False}
    statement = new.values(name=name, **values).on_conflict_do_update(index_elements=[jobs.c.name], set_=values)
    connection.execute(statement)


def end(connection: Connection, name: str, outcome: str | None, *, failed: bool) -> None:
    """Say that it is over now, and how."""
    values = {"ended_at": clock(connection), "outcome": outcome, "failed": failed}
    connection.execute(update(jobs).where(jobs.c.name == name).values(**values))


def every(connection: Connection) -> list[Done]:
    """All of them by name."""
    rows = connection.execute(select(jobs).order_by(jobs.c.name))
    return [Done(row.name, _instant(row.begun_at), _instant_of(row.ended_at), row.outcome, row.failed) for row in rows]


def _instant_of(seconds: float | None) -> datetime | None:
    return _instant(seconds) if seconds is not None else None


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
