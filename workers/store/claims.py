"""Statements about runs in hand: taking them, one at a time for each entity, keeping them, and putting them down.

Leases are judged by the database's clock, due times by the caller's. What runs there are is in `runs.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Float,
    Integer,
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

from workers.store.clock import clock, clock_of
from workers.store.quick import Entry, Quick
from workers.store.runs import RunState, over
from workers.store.tables import Instant, runs


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

    @property
    def named(self) -> dict[str, str]:
        """What a line of the log names it by: its own id, its rule, and the delivery it goes back to."""
        return {"run": str(self.id), "delivery": str(self.event_id), "rule": self.rule}


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
_FINISHING = Quick(_PUT_DOWN.values(**over(bindparam("ended"))), runs.c.id)


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


def count_due(connection: Connection, now: datetime, *, most: int) -> int:
    """How many runs could be taken now, counted up to `most`."""
    takable = _takable(clock(connection), literal(now, Instant()))
    some = select(runs.c.id).where(takable).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())
