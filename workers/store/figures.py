"""Counts for the overview: deliveries by verdict over time, events by trigger, runs by state. It changes nothing.

Ids are UUIDv7, so a span of time is a range of ids, and each number here is counted along one range of one index:
no row is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Connection, Select, Uuid, bindparam, func, select

from workers.store.history import lowest_id
from workers.store.ledger import ActionState
from workers.store.quick import Quick
from workers.store.runs import RunState
from workers.store.silences import names
from workers.store.tables import UNPROVED, actions, events, receipts, runs


class Window(StrEnum):
    """How far back an overview looks."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"


#: minutes from one point to the next, and how many points there are
_POINTS = {Window.HOUR: (1, 60), Window.DAY: (15, 96), Window.WEEK: (120, 84)}


@dataclass(frozen=True, slots=True)
class Grid:
    """The points of an overview, oldest first, each `step` minutes long. The last is the one that `now` is in."""

    step: int
    starts: tuple[datetime, ...]

    @classmethod
    def of(cls, window: Window, now: datetime) -> Grid:
        """The points lie at whole multiples of their length, so that they stay where they are while time goes on."""
        step, number = _POINTS[window]
        last = datetime.fromtimestamp(now.timestamp() // (60 * step) * 60 * step, UTC)
        return cls(step, tuple(last - timedelta(minutes=step) * back for back in reversed(range(number))))

    @property
    def since(self) -> datetime:
        """When the first point begins."""
        return self.starts[0]

    @property
    def until(self) -> datetime:
        """When the last point ends."""
        return self.starts[-1] + timedelta(minutes=self.step)


def deliveries(connection: Connection, grid: Grid) -> list[dict[str, int]]:
    """How many deliveries came in each point, by verdict: `{"signed": n, "mismatch": n, "unsigned": n}`."""
    ids = [lowest_id(start) for start in (*grid.starts, grid.until)]
    if connection.dialect.name == "sqlite":
        spans = [{"since": since, "until": until} for since, until in pairwise(ids)]
        rows = [row for (row,) in _DELIVERIES.many(connection, spans)]
    else:  # which takes longer to plan a statement than to count one point
        rows = _ALL_DELIVERIES(connection, begins=ids[:-1], ends=ids[1:])
    return [
        {"signed": row.all - row.mismatch - row.unsigned, "mismatch": row.mismatch, "unsigned": row.unsigned}
        for row in rows
    ]


def triggers(connection: Connection, grid: Grid) -> dict[str, int]:
    """How many events came since the first point, by trigger, the most frequent first. An event without a trigger
    counts under its kind."""
    found: dict[str, int] = {}
    span = {"since": lowest_id(grid.since), "until": lowest_id(grid.until)}
    for name, number in [*_TRIGGERS(connection, **span), *_WITHOUT(connection, **span)]:
        if number:
            found[name] = found.get(name, 0) + number
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def states(connection: Connection, grid: Grid) -> dict[str, int]:
    """How many runs are in each state: of those that are over, `done` and `skipped`, the ones planned since the first
    point; of the others all. Of the dead ones `unknown` stopped at a step of which nobody knows whether it was done."""
    whole = {state.value: _RUNS.one(connection, state=state, since=UUID(int=0)).number for state in _LASTING}
    since = lowest_id(grid.since)
    over = {state.value: _RUNS.one(connection, state=state, since=since).number for state in _OVER}
    return {**whole, "unknown": stopped(connection)[0], **over}


def stopped(connection: Connection) -> tuple[int, datetime | None]:
    """How many dead runs stopped at a step whose end is unknown, and when the first of these steps began."""
    row = _STOPPED.one(connection)
    return row.number, row.oldest


def _between(
    ids: ColumnElement[UUID], since: ColumnElement[UUID] | None = None, until: ColumnElement[UUID] | None = None
) -> list[ColumnElement[bool]]:
    return [
        ids >= (bindparam("since") if since is None else since),
        ids < (bindparam("until") if until is None else until),
    ]


def _received(*between: ColumnElement[bool]) -> list[Any]:
    """The numbers of deliveries between two ids: all, and those of each verdict but the usual."""
    counts = select(func.count()).select_from(receipts).where(*between)
    unproved = [(verdict, counts.where(receipts.c.verdict == verdict, UNPROVED)) for verdict in _UNPROVED]
    return [
        query.correlate_except(receipts).scalar_subquery().label(name) for name, query in [("all", counts), *unproved]
    ]


def _all_received() -> Quick:
    """Those of several stretches, which are given as two arrays."""
    ids = ARRAY(Uuid())
    each = func.unnest(bindparam("begins", type_=ids), bindparam("ends", type_=ids))
    stretch = each.table_valued("since", "until", with_ordinality="place").render_derived()
    counts = _received(*_between(receipts.c.id, stretch.c.since, stretch.c.until))
    return Quick(select(*counts).select_from(stretch).order_by(stretch.c.place))


def _triggers() -> Quick:
    named = names()
    its = select(func.count()).select_from(events).where(events.c.trigger == named.c.trigger, *_between(events.c.id))
    number = its.correlate(named).scalar_subquery().label("number")
    return Quick(select(named.c.trigger, number).where(named.c.trigger.is_not(None)))


def _stopped() -> Quick:
    dead = (runs.c.id == actions.c.run_id) & (runs.c.state == RunState.DEAD) & (runs.c.step == actions.c.place)
    oldest: ColumnElement[Any] = func.min(actions.c.begun_at).label("oldest")
    query: Select[Any] = select(func.count().label("number")).add_columns(oldest)
    return Quick(query.select_from(actions).join(runs, dead).where(actions.c.state == ActionState.UNKNOWN))


_LASTING = (RunState.PLANNED, RunState.RUNNING, RunState.FAILED, RunState.DEAD)
_OVER = (RunState.DONE, RunState.SKIPPED)
_UNPROVED = ("mismatch", "unsigned")
_DELIVERIES = Quick(select(*_received(*_between(receipts.c.id))))
_ALL_DELIVERIES = _all_received()
_TRIGGERS = _triggers()
_WITHOUT = Quick(
    select(events.c.kind, func.count().label("number"))
    .where(events.c.trigger.is_(None), *_between(events.c.id))
    .group_by(events.c.kind)
)
_RUNS = Quick(
    select(func.count().label("number"))
    .select_from(runs)
    .where(runs.c.state == bindparam("state"), runs.c.id >= bindparam("since"))
)
_STOPPED = _stopped()
