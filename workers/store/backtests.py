"""Statements about back-tests that somebody looks at: what is tried, how far it is, what came of it.

Whoever carries one out holds a lease in its name; without that it is over, whatever its row says. There is one lease,
so one is carried out at a time, by whichever process.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, insert, select, update
from uuid_utils.compat import uuid7

from workers.store import leases
from workers.store.clock import clock
from workers.store.tables import backtests
from workers.store.tables import leases as held

#: seconds after which a process that says nothing more is gone; one event may take a while
LEASE = 60.0
#: how long a back-test is kept, and how many
_KEPT, _MOST = timedelta(days=7), 100
_NAME = "backtest"


class State(StrEnum):
    """How a back-test stands."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  #: by a person, or its process is gone
    FAILED = "failed"


def begin(
    connection: Connection,
    *,
    rule: str,
    by: str,
    source: str,
    edited: bool,
    since: datetime | None,
    until: datetime | None,
    now: datetime,
) -> UUID | None:
    """A new one, in the hand of whoever asked; None while another is carried out. Old ones are forgotten."""
    backtest_id = uuid7()
    if not leases.take(connection, _NAME, str(backtest_id), LEASE):
        return None
    _tidy(connection, now)
    connection.execute(
        insert(backtests).values(
            id=backtest_id,
            rule=rule,
            asked_by=by,
            source=source,
            edited=edited,
            since=since,
            until=until,
            state=State.RUNNING,
            looked=0,
            stopping=False,
            started_at=now,
        )
    )
    return backtest_id


def under_way(connection: Connection) -> Row[Any] | None:
    """The one that is carried out at this moment."""
    running = select(held.c.holder).where(held.c.name == _NAME, held.c.expires_at >= clock(connection))
    holder = connection.execute(running).scalar_one_or_none()
    return one(connection, UUID(holder)) if holder is not None else None


def go_on(connection: Connection, backtest_id: UUID, *, looked: int, total: int | None) -> bool:
    """How far it is; False where it is to end, because a person says so or the lease is another's by now."""
    if not leases.take(connection, _NAME, str(backtest_id), LEASE):
        return False
    said = update(backtests).where(backtests.c.id == backtest_id).values(looked=looked, total=total)
    return connection.execute(said.returning(backtests.c.stopping)).scalar_one_or_none() is False


def end(
    connection: Connection,
    backtest_id: UUID,
    *,
    state: State,
    looked: int,
    now: datetime,
    result: Any = None,
    reason: str | None = None,
) -> None:
    """It is over, and another may begin."""
    connection.execute(
        update(backtests)
        .where(backtests.c.id == backtest_id)
        .values(state=state, looked=looked, result=result, reason=reason, ended_at=now)
    )
    leases.give_up(connection, _NAME, str(backtest_id))


def stop(connection: Connection, backtest_id: UUID) -> bool:
    """Whoever carries it out is to end it; False where it is over."""
    wanted = update(backtests).where(backtests.c.id == backtest_id, backtests.c.state == State.RUNNING)
    return connection.execute(wanted.values(stopping=True).returning(backtests.c.id)).scalar_one_or_none() is not None


def one(connection: Connection, backtest_id: UUID) -> Row[Any] | None:
    """One, as its row says."""
    return connection.execute(select(backtests).where(backtests.c.id == backtest_id)).one_or_none()


def state(connection: Connection, row: Row[Any]) -> State:
    """How it stands: one that nobody carries out any more was stopped."""
    if row.state == State.RUNNING:
        current = under_way(connection)
        if current is None or current.id != row.id:
            # It may have ended since the row was read: then it was running, and the next look tells how it ended.
            again = one(connection, row.id)
            return State.STOPPED if again is None or again.state == State.RUNNING else State.RUNNING
    return State(row.state)


def of_rule(connection: Connection, rule: str, *, limit: int) -> Sequence[Row[Any]]:
    """The newest of a rule, without what came of them."""
    columns = [column for column in backtests.c if column.name not in ("result", "source")]
    query = select(*columns).where(backtests.c.rule == rule)
    return connection.execute(query.order_by(backtests.c.id.desc()).limit(limit)).all()


def _tidy(connection: Connection, now: datetime) -> None:
    newest = select(backtests.c.id).order_by(backtests.c.id.desc()).limit(_MOST - 1).scalar_subquery()
    connection.execute(delete(backtests).where(backtests.c.started_at < now - _KEPT))
    connection.execute(delete(backtests).where(backtests.c.id.not_in(newest)))
