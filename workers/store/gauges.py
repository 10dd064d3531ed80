"""What monitoring asks of SQL: how old what waits is, how many there are of what. It changes nothing.

Each number is one look at an index that holds only what is unfinished, and is counted up to `MOST`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, TextClause, func, select

from workers.store import budgets, leases
from workers.store.budgets import Standing
from workers.store.receipts import State
from workers.store.runs import RunState
from workers.store.tables import UNSETTLED, events, receipts, runs

#: rows that are counted at the most: beyond it there is no telling them apart by eye
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Gauges:
    """How the installation stands. Times are seconds; None where there is nothing that they could be of."""

    #: that the oldest receipt without an event has waited, 0.0 where none waits
    queue_age: float
    waiting: int
    quarantined: int
    #: of each state but those that are over
    runs: dict[str, int]
    #: that the run which is due for the longest has waited, 0.0 where none is due
    due_age: float
    #: how many events there ever were, and when the newest was received
    events: int
    newest_event: datetime | None
    budgets: list[Standing]
    #: who leads the sweep; None: nobody
    sweep_leader: str | None


def gauges(sql: Connection, now: datetime) -> Gauges:
    """How the installation stands at `now`."""
    waits = receipts.c.state == State.RECEIVED.value
    oldest = select(receipts.c.received_at).where(UNSETTLED, waits).order_by(receipts.c.id).limit(1)
    due = select(runs.c.due_at).where(runs.c.due_at.is_not(None), runs.c.due_at <= now).order_by(runs.c.due_at).limit(1)
    newest = sql.execute(
        select(events.c.seq, events.c.received_at).order_by(events.c.seq.desc()).limit(1)
    ).one_or_none()
    return Gauges(
        queue_age=_age(sql.execute(oldest).scalar_one_or_none(), now),
        waiting=_unsettled(sql, State.RECEIVED),
        quarantined=_unsettled(sql, State.QUARANTINED),
        runs={state.value: _count(sql, runs.c.state == state.value) for state in _UNFINISHED},
        due_age=_age(sql.execute(due).scalar_one_or_none(), now),
        events=newest.seq if newest is not None else 0,
        newest_event=newest.received_at if newest is not None else None,
        budgets=budgets.standings(sql),
        sweep_leader=leases.holder(sql, "sweep"),
    )


_UNFINISHED = (RunState.PLANNED, RunState.RUNNING, RunState.FAILED, RunState.DEAD)


def _age(since: datetime | None, now: datetime) -> float:
    """Seconds; what comes from a clock that is ahead has not waited yet."""
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


def _unsettled(sql: Connection, state: State) -> int:
    return _count(sql, receipts.c.state == state.value, UNSETTLED)


def _count(sql: Connection, where: object, *more: TextClause) -> int:
    some = select(func.count()).select_from(select(1).where(where, *more).limit(MOST).subquery())  # type: ignore[arg-type]
    return int(sql.execute(some).scalar_one())
