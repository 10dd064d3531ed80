"""Statements about runs: planning them once, what people do about them, and finding them again.

How they are taken in hand and put down is in `claims.py`, what a step did in `ledger.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from uuid_utils.compat import uuid7

from workers.store import spent
from workers.store.clock import clock
from workers.store.engine import Store
from workers.store.tables import runs


class RunState(StrEnum):
    """Where a run is."""

    PLANNED = "planned"  #: nothing of it was begun
    RUNNING = "running"  #: in hand, or waiting for the time of its next step
    FAILED = "failed"  #: an attempt failed; it is tried again when it is due
    DONE = "done"
    SKIPPED = "skipped"  #: nothing is done, and nothing is wrong; the reason says why
    DEAD = "dead"  #: a person has to look; the reason says at what


@dataclass(frozen=True, slots=True)
class Planned:
    """A run to be: `once` is unique for ever; `skipped` is the reason where it is over before it begins."""

    rule: str
    version_id: UUID
    act: str
    event_id: UUID
    connection: str
    trigger: str
    entity: str
    once: str
    key: str
    depth: int
    happened_at: datetime
    skipped: str | None = None


def plan(connection: Connection, planned: Sequence[Planned], now: datetime) -> int:
    """Write down runs; returns how many are to be done. Planned again, the same run is the one there is.

    Another event with a key that had its run gets one that is skipped, and says which run that was.
    """
    wanted: dict[str, Planned] = {}
    for one in planned:
        if one.skipped is None:
            wanted.setdefault(one.once, one)
    fresh = _insert(connection, [_row(one, one.once, now) for one in wanted.values()])
    # Asked afterwards: a run that is forgotten at this moment was waited for, and what is left of it is seen now.
    if gone := spent.among(connection, fresh):
        connection.execute(delete(runs).where(runs.c.once.in_(gone)))
        fresh -= gone
        planned = [replace(one, skipped=_SPENT) if one.once in gone and one.skipped is None else one for one in planned]
    over = [_row(one, _apart(one), now, one.skipped) for one in planned if one.skipped is not None]
    late = [one for one in planned if one.skipped is None and (one.once not in fresh or wanted[one.once] is not one)]
    held = _holding(connection, {one.once for one in late})
    over += [
        _row(one, _apart(one), now, f"once_per: run {held[one.once].id} was the one for this key")
        for one in late
        if one.once in held and held[one.once].event_id != one.event_id
    ]
    _insert(connection, over)
    return len(fresh)


def _holding(connection: Connection, once: Collection[str]) -> dict[str, Row[Any]]:
    """The runs that hold these."""
    asked = list(once)
    found: dict[str, Row[Any]] = {}
    for start in range(0, len(asked), _ROWS):
        query = select(runs.c.once, runs.c.id, runs.c.event_id).where(runs.c.once.in_(asked[start : start + _ROWS]))
        found |= {row.once: row for row in connection.execute(query)}
    return found


#: why a run is skipped whose key had one that is not there any more
_SPENT = "once_per: a run that is forgotten was the one for this key"
#: begins what stands in `once` where a run was over before it began
APART = "skipped|"


def _apart(one: Planned) -> str:
    """A name for a run that is none, so that a replay does not write it down a second time."""
    return f"{APART}{one.event_id}|{one.rule}|{one.act}"


def _row(one: Planned, once: str, now: datetime, skipped: str | None = None) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "rule": one.rule,
        "version_id": one.version_id,
        "act": one.act,
        "event_id": one.event_id,
        "connection": one.connection,
        "trigger": one.trigger,
        "entity": one.entity,
        "once": once,
        "key": one.key,
        "depth": one.depth,
        "state": RunState.PLANNED if skipped is None else RunState.SKIPPED,
        "reason": skipped,
        "step": 0,
        "attempt": 0,
        "happened_at": one.happened_at,
        "due_at": now if skipped is None else None,
        "holds": skipped is None,
        "created_at": now,
        "ended_at": None if skipped is None else now,
    }


#: runs read at once by `export`
_EXPORT_PAGE = 500
#: rows of one statement: SQLite takes 32,766 values in it
_ROWS = 1_000


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Those of `rows` whose `once` is new."""
    # In one order everywhere: two transactions that plan the same runs must not wait for each other.
    rows = sorted(rows, key=lambda row: str(row["once"]))
    fresh: set[str] = set()
    new = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(runs)
    for start in range(0, len(rows), _ROWS):
        statement = new.values(rows[start : start + _ROWS]).on_conflict_do_nothing(index_elements=[runs.c.once])
        fresh |= set(connection.execute(statement.returning(runs.c.once)).scalars())
    return fresh


def cancel(connection: Connection, run_id: UUID, *, reason: str, now: datetime) -> bool:
    """Nothing more of an unfinished run is done; False where it is over, or in hand at this moment."""
    # Who changes it at this moment has it in hand. Not waited for: that one may wait for a run that we have in hand.
    free = select(runs.c.id).where(runs.c.id == run_id).with_for_update(skip_locked=True)
    statement = (
        update(runs)
        .where(runs.c.id.in_(free), runs.c.due_at.is_not(None), _idle(connection))
        .values(state=RunState.SKIPPED, reason=reason, **over(now))
        .returning(runs.c.id)
    )
    return connection.execute(statement).scalar_one_or_none() is not None


def retry(connection: Connection, run_id: UUID, *, now: datetime) -> bool:
    """A dead or failed run is tried again at once, from the step where it stopped; False for any other."""
    statement = (
        update(runs)
        .where(
            runs.c.id == run_id,
            or_(runs.c.state == RunState.DEAD, and_(runs.c.state == RunState.FAILED, _idle(connection))),
        )
        .values(state=RunState.FAILED, due_at=now, attempt=0, holds=True, ended_at=None, holder=None, held_until=None)
        .returning(runs.c.id)
    )
    return connection.execute(statement).scalar_one_or_none() is not None


def over(now: Any) -> dict[str, Any]:
    """What a run has, beside its state, once it is over; `now` is an instant, or the parameter of a statement."""
    return {"due_at": None, "holds": False, "holder": None, "held_until": None, "ended_at": now}


def _idle(connection: Connection) -> ColumnElement[bool]:
    return or_(runs.c.held_until.is_(None), runs.c.held_until < clock(connection))


def free(connection: Connection, event_ids: Sequence[UUID]) -> int:
    """The keys of the runs of these events may have a run again; how many. Only a person wants that."""
    freed = connection.execute(
        update(runs)
        .where(runs.c.event_id.in_(event_ids), ~runs.c.once.startswith(APART), runs.c.due_at.is_(None))
        .values(once=None)
        .returning(runs.c.id)
    )
    return len(freed.all())


def once(act: str, rule: str, key: str) -> str:
    """What is unique for ever, until it is freed: a rule's key, for doing and for taking back."""
    return f"{act}|{rule}|{key}"


def holding(connection: Connection, name: str) -> Row[Any] | None:
    """The run that holds what `once` gives."""
    return connection.execute(select(runs).where(runs.c.once == name)).one_or_none()


def of_key(connection: Connection, rule: str, key: str, *, act: str = "do") -> Row[Any] | None:
    """The run that a rule had for a key, whatever became of it; the newest, where the key was freed."""
    held = holding(connection, once(act, rule, key))  # newer than any whose key was freed, and found at once
    return (
        held
        or connection.execute(
            select(runs)
            .where(runs.c.rule == rule, runs.c.key == key, runs.c.act == act, runs.c.once.is_(None))
            .order_by(runs.c.id.desc())
            .limit(1)
        ).one_or_none()
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs are asked for; conditions are ANDed, the values of one ORed, empty means any.

    `event_ids` are any of these events, and of none where it is empty.
    """

    states: tuple[RunState, ...] = ()
    rules: tuple[str, ...] = ()
    event_id: UUID | None = None
    event_ids: tuple[UUID, ...] | None = None
    connection: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def page(connection: Connection, wanted: Filter, *, before: UUID | None = None, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` runs newest first, those older than the run `before`."""
    query = _of(wanted)
    if before is not None:
        query = query.where(runs.c.id < before)
    return connection.execute(query.order_by(runs.c.id.desc()).limit(limit)).all()


def export(store: Store, wanted: Filter) -> Iterator[Row[Any]]:
    """Every run of these newest first, at flat memory: one short transaction a page."""
    before: UUID | None = None
    while True:
        with store.read() as connection:
            rows = page(connection, wanted, before=before, limit=_EXPORT_PAGE)
        yield from rows
        if len(rows) < _EXPORT_PAGE:
            return
        before = rows[-1].id


def count(connection: Connection, wanted: Filter) -> int:
    """How many runs there are of these."""
    return int(connection.execute(select(func.count()).select_from(_of(wanted).subquery())).scalar_one())


def of_events(connection: Connection, event_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """The runs of these events, in the order they were planned."""
    return connection.execute(select(runs).where(runs.c.event_id.in_(event_ids)).order_by(runs.c.id)).all()


def one(connection: Connection, run_id: UUID) -> Row[Any] | None:
    """One run."""
    return connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()


def _of(wanted: Filter) -> Select[Any]:
    where: list[ColumnElement[bool]] = []
    if wanted.states:
        where.append(runs.c.state.in_(wanted.states))
    if wanted.rules:
        where.append(runs.c.rule.in_(wanted.rules))
    if wanted.event_id is not None:
        where.append(runs.c.event_id == wanted.event_id)
    if wanted.event_ids is not None:
        where.append(runs.c.event_id.in_(wanted.event_ids))
    if wanted.connection is not None:
        where.append(runs.c.connection == wanted.connection)
    if wanted.since is not None:
        where.append(runs.c.created_at >= wanted.since)
    if wanted.until is not None:
        where.append(runs.c.created_at < wanted.until)
    return select(runs).where(*where)
