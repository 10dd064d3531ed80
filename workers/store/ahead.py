"""Statements about runs that were put down by a clock that was ahead: until it was right again they would wait for a
time that means nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, or_, select, update

from workers.store.tables import actions, runs

#: by how much clocks of different machines may differ without anybody minding
_APART = timedelta(minutes=1)
#: runs that are looked at in one go, those that are due next first: a clock that was ahead wrote times near by
_LOOKED_AT = 5_000


def set_right(connection: Connection, now: datetime) -> int:
    """Runs that are not due yet, and were planned or tried last in what is the future, are due now; what they wait for
    is reckoned from now on. Returns how many. One that somebody has in hand is left alone."""
    later = now + _APART
    waiting = (
        select(runs.c.id, runs.c.created_at)
        .where(runs.c.due_at.is_not(None), runs.c.due_at > later, runs.c.holder.is_(None))
        .order_by(runs.c.due_at)
        .limit(_LOOKED_AT)
        .subquery()
    )
    begun = select(func.max(actions.c.begun_at)).where(actions.c.run_id == waiting.c.id).scalar_subquery()
    ahead = select(waiting.c.id).where(or_(waiting.c.created_at > later, begun > later))
    wrong = list(connection.execute(ahead).scalars())
    if not wrong:
        return 0
    changed = connection.execute(
        update(runs)
        .where(runs.c.id.in_(wrong), runs.c.holder.is_(None), runs.c.due_at.is_not(None))
        .values(due_at=now)
        .returning(runs.c.id)
    )
    mine = list(changed.scalars())
    connection.execute(update(actions).where(actions.c.run_id.in_(mine), actions.c.begun_at > now).values(begun_at=now))
    return len(mine)
