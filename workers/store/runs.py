"""Statements about runs: planning them once, taking them in hand one at a time for each entity, and how they end.

Leases are judged by the database's clock, due times by the caller's. What a step did is in `ledger.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from uuid_utils.compat import uuid7

from workers.store.clock import clock, clock_of
from workers.store.engine import Store
from workers.store.quick import Entry, Quick
from workers.store.tables import Instant, runs


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


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run in hand."""

    id: UUID
    rule: str
    version_id: UUID
    act: str
    event_id: UUID
    connection: str
    entity: str
    key: str
    depth: int
    step: int
    attempt: int
    holder: str
    happened_at: datetime
    #: a hand had it before: its steps may have begun
    begun: bool = True


def plan(connection: Connection, planned: Sequence[Planned], now: datetime) -> int:
    """Write down runs; returns how many are to be done. Planned again, the same run is the one there is.

    Another event with a key that had its run gets one that is skipped, and says which run that was.
    """
    wanted: dict[str, Planned] = {}
    for one in planned:
        if one.skipped is None:
            wanted.setdefault(one.once, one)
    fresh = _insert(connection, [_row(one, one.once, now) for one in wanted.values()])
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


#: begins what stands in `once` where a run was over before it began
_APART = "skipped|"


def _apart(one: Planned) -> str:
    """A name for a run that is none, so that a replay does not write it down a second time."""
    return f"{_APART}{one.event_id}|{one.rule}|{one.act}"


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


def claim(
    connection: Connection, *, holders: Sequence[str], now: datetime, seconds: float, only: UUID | None = None
) -> list[Claimed]:
    """Take runs that are due, at most one for each holder, for so many seconds; the one that has waited longest first.

    Of one entity one run is in hand at a time, in the order in which its events happened. With `only` it is that run
    or none.
    """
    on_sqlite = connection.dialect.name == "sqlite"
    found = _found(connection, on_sqlite, now, len(holders), only)
    # Two that each see only their own run of an entity would both take it: whoever has the entity's lock looks again,
    # in a statement of its own, and the other leaves it.
    some = [row for row in found if row.locked]
    take = [
        {"run": row.id, "now": now, "mine": holder, "seconds": seconds}
        for row, holder in zip(some, holders, strict=False)
    ]
    return [
        Claimed(**one._asdict(), begun=row.state != RunState.PLANNED)
        for row, taken in zip(some, _taking(sqlite=on_sqlite).many(connection, take), strict=True)
        for one in taken
    ]


#: of the runs that are due, how many are looked at first; each further look is at so many times more
_WINDOW, _WIDER = 16, 16


def _found(connection: Connection, on_sqlite: bool, now: datetime, most: int, only: UUID | None) -> list[Any]:
    """Runs that could be taken, those that have waited longest first.

    Whether a run has to wait for another costs two look-ups, so not every run that is due is asked: mostly the first
    few will do. Behind those that wait for one of their entity there may be others, so an empty look is widened.
    """
    look = _looking(sqlite=on_sqlite, only=only is not None)
    if only is not None:
        return look(connection, now=now, most=most, run=only)
    window = _WINDOW
    while not (found := look(connection, now=now, most=most, window=window)):
        if len(_due(sqlite=on_sqlite)(connection, now=now, window=window)) < window:
            break
        window *= _WIDER
    return found


def _free(at: ColumnElement[Any], now: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a run is due, and in nobody's hand."""
    return and_(
        runs.c.due_at.is_not(None), runs.c.due_at <= now, or_(runs.c.held_until.is_(None), runs.c.held_until < at)
    )


@cache
def _due(*, sqlite: bool) -> Quick:
    """The `window` that have waited longest, whatever they wait for."""
    return Quick(_longest(sqlite=sqlite))


def _longest(*, sqlite: bool) -> Select[Any]:
    free = _free(clock_of(sqlite=sqlite), bindparam("now", type_=Instant()))
    return select(runs.c.id).where(free).order_by(runs.c.due_at).limit(bindparam("window"))


@cache
def _looking(*, sqlite: bool, only: bool) -> Quick:
    return Quick(_look(sqlite=sqlite, only=only))


def _look(*, sqlite: bool, only: bool = False) -> Select[Any]:
    """Which runs could be taken: of the `window` that have waited longest, or only `run`."""
    takable = _takable(clock_of(sqlite=sqlite), bindparam("now", type_=Instant()))
    # A look-up of its own: left to itself PostgreSQL asks every run that is due, and sorts what is left.
    longest = _longest(sqlite=sqlite).cte().prefix_with("MATERIALIZED", dialect="postgresql")
    among = runs.c.id == bindparam("run") if only else runs.c.id.in_(select(longest.c.id))
    locked = true() if sqlite else func.pg_try_advisory_xact_lock(func.hashtextextended(runs.c.entity, 0))
    look = select(runs.c.id, runs.c.state, locked.label("locked")).where(among, takable).order_by(runs.c.due_at)
    # What another is about to take is left to it; SQLite, which has one writer, does not know the words.
    return look.limit(bindparam("most")).with_for_update(skip_locked=True)


@cache
def _taking(*, sqlite: bool) -> Quick:
    takable = _takable(clock_of(sqlite=sqlite), bindparam("now", type_=Instant()))
    take = (
        update(runs)
        .where(runs.c.id == bindparam("run"), takable)
        .values(
            state=RunState.RUNNING,
            holds=True,
            holder=bindparam("mine"),
            held_until=clock_of(sqlite=sqlite) + bindparam("seconds", type_=Float()),
        )
    )
    return Quick(take.returning(*_CLAIMED), *_CLAIMED)


_CLAIMED = tuple(runs.c[name] for name in Claimed.__dataclass_fields__ if name != "begun")


def _takable(at: ColumnElement[Any], now: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a run is due, in nobody's hand, and no other of its entity is in hand or comes before it.

    `at` is the database's clock, `now` the caller's.
    """
    # Two questions, each answered from an index of its own: an entity may have thousands of runs.
    other = runs.alias("other")
    in_hand = exists().where(
        other.c.entity == runs.c.entity,
        other.c.holder.is_not(None),
        other.c.held_until >= at,
        other.c.due_at.is_not(None),
        other.c.id != runs.c.id,
    )
    # The first of them, not whether there is one: PostgreSQL would make a join of that, which takes the square of their
    # number where its statistics are older than they are.
    before = (
        select(other.c.id)
        .where(
            other.c.entity == runs.c.entity,
            other.c.holds == true(),
            other.c.due_at.is_not(None),
            tuple_(other.c.happened_at, other.c.id) < tuple_(runs.c.happened_at, runs.c.id),
        )
        .order_by(other.c.happened_at, other.c.id)
        .limit(1)
        .correlate(runs)
        .scalar_subquery()
    )
    return and_(_free(at, now), ~in_hand, before.is_(None))


#: ranks of entries: a run is put down when it has gone on as far as it does
_GOING_ON, _PUTTING_DOWN = 1, 2


def renewing(connection: Connection, run_id: UUID, holder: str, seconds: float) -> Entry:
    """To keep a run in hand for so many seconds from then. It finds no run that is another's, or nobody's, by then; nor
    do the others of these."""
    keep = _renewing(sqlite=connection.dialect.name == "sqlite")
    return Entry(keep, {"run": run_id, "mine": holder, "seconds": seconds}, of=run_id, rank=_GOING_ON)


def advancing(connection: Connection, run_id: UUID, holder: str, step: int, seconds: float) -> Entry:
    """The step before `step` is over, and the lease begins anew."""
    go_on = _renewing(sqlite=connection.dialect.name == "sqlite", advances=True)
    values = {"run": run_id, "mine": holder, "seconds": seconds, "next": step}
    return Entry(go_on, values, of=run_id, rank=_GOING_ON)


@cache
def _renewing(*, sqlite: bool, advances: bool = False) -> Quick:
    at = clock_of(sqlite=sqlite)
    values: dict[str, Any] = {"step": bindparam("next", type_=Integer()), "attempt": 0} if advances else {}
    renew = (
        update(runs)
        .where(
            runs.c.id == bindparam("run"),
            runs.c.holder == bindparam("mine"),
            runs.c.held_until >= at,
            runs.c.due_at.is_not(None),
        )
        .values(held_until=at + bindparam("seconds", type_=Float()), **values)
    )
    return Quick(renew.returning(runs.c.id), runs.c.id)


def postponing(run_id: UUID, holder: str, *, due_at: datetime, attempt: int, reason: str, failed: bool) -> Entry:
    """Put a run down until `due_at`: after a failed attempt, with later runs of its entity waiting for it; else not."""
    values = {
        "run": run_id,
        "mine": holder,
        "new_state": RunState.FAILED if failed else RunState.RUNNING,
        "due": due_at,
        "tries": attempt,
        "why": reason,
        "waited_for": failed,
    }
    return Entry(_POSTPONING, values, of=run_id, rank=_PUTTING_DOWN)


def finishing(run_id: UUID, holder: str, *, state: RunState, reason: str | None, now: datetime) -> Entry:
    """A run is over."""
    values = {"run": run_id, "mine": holder, "new_state": state, "why": reason, "ended": now}
    return Entry(_FINISHING, values, of=run_id, rank=_PUTTING_DOWN)


def _over(now: Any) -> dict[str, Any]:
    return {"due_at": None, "holds": False, "holder": None, "held_until": None, "ended_at": now}


#: put down by whoever has it in hand
_PUT_DOWN = (
    update(runs)
    .where(runs.c.id == bindparam("run"), runs.c.holder == bindparam("mine"), runs.c.due_at.is_not(None))
    .values(state=bindparam("new_state"), reason=bindparam("why"), holder=None, held_until=None)
    .returning(runs.c.id)
)
_POSTPONING = Quick(
    _PUT_DOWN.values(
        due_at=bindparam("due"), attempt=bindparam("tries"), holds=bindparam("waited_for", type_=Boolean())
    ),
    runs.c.id,
)
_FINISHING = Quick(_PUT_DOWN.values(**_over(bindparam("ended"))), runs.c.id)


def give_back(connection: Connection, holder: str, *, besides: Sequence[str] = ()) -> int:
    """Put down everything that `holder` has in hand, and every `holder.…` but those in `besides`, to be taken at once
    by another; how many."""
    given = connection.execute(
        update(runs)
        .where(or_(runs.c.holder == holder, runs.c.holder.startswith(f"{holder}.", autoescape=True)))
        .where(runs.c.holder.not_in(besides), runs.c.due_at.is_not(None))
        .values(holder=None, held_until=None)
        .returning(runs.c.id)
    )
    return len(given.all())


def cancel(connection: Connection, run_id: UUID, *, reason: str, now: datetime) -> bool:
    """Nothing more of an unfinished run is done; False where it is over, or in hand at this moment."""
    # Who changes it at this moment has it in hand. Not waited for: that one may wait for a run that we have in hand.
    free = select(runs.c.id).where(runs.c.id == run_id).with_for_update(skip_locked=True)
    statement = (
        update(runs)
        .where(runs.c.id.in_(free), runs.c.due_at.is_not(None), _idle(connection))
        .values(state=RunState.SKIPPED, reason=reason, **_over(now))
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


def _idle(connection: Connection) -> ColumnElement[bool]:
    return or_(runs.c.held_until.is_(None), runs.c.held_until < clock(connection))


def free(connection: Connection, event_ids: Sequence[UUID]) -> int:
    """The keys of the runs of these events may have a run again; how many. Only a person wants that."""
    freed = connection.execute(
        update(runs)
        .where(runs.c.event_id.in_(event_ids), ~runs.c.once.startswith(_APART), runs.c.due_at.is_(None))
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


def count_due(connection: Connection, now: datetime, *, most: int) -> int:
    """How many runs could be taken now, counted up to `most`."""
    takable = _takable(clock(connection), literal(now, Instant()))
    some = select(runs.c.id).where(takable).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


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
