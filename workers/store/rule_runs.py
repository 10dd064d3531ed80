"""How the newest runs stand, at a price that does not grow with the history: counts end at a number, and say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select

from workers.store.quick import Quick
from workers.store.runs import RunState
from workers.store.tables import runs

#: runs that are over or waiting because something went wrong
_TROUBLED = (RunState.DEAD, RunState.FAILED)
#: of those, the newest that are looked at
_LOOKED_AT = 500


@dataclass(slots=True)
class Standing:
    """The newest runs of one rule: how many there are, in which states, of which triggers, and when the last was
    planned."""

    number: int = 0
    states: Counter[str] = field(default_factory=Counter)
    triggers: Counter[str] = field(default_factory=Counter)
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """The newest run of a rule that went wrong."""

    run_id: UUID
    state: str
    reason: str | None
    created_at: datetime


_NEWEST = Quick(
    select(runs.c.state, runs.c.trigger, runs.c.created_at)
    .where(runs.c.rule == bindparam("rule"))
    .order_by(runs.c.id.desc())
    .limit(bindparam("most"))
)


def newest(connection: Connection, rule: str, *, most: int) -> Standing:
    """How the newest `most` runs of a rule stand."""
    found = Standing()
    for row in _NEWEST(connection, rule=rule, most=most):
        found.number += 1
        found.states[row.state] += 1
        found.triggers[row.trigger] += 1
        found.last = found.last or row.created_at
    return found


def troubles(connection: Connection) -> Mapping[str, Trouble]:
    """The newest run of each rule that is dead, or failed and tried again, among the newest few hundred of all."""
    found: dict[str, Trouble] = {}
    for state in _TROUBLED:
        query = select(runs.c.id, runs.c.rule, runs.c.state, runs.c.reason, runs.c.created_at)
        for row in connection.execute(query.where(runs.c.state == state).order_by(runs.c.id.desc()).limit(_LOOKED_AT)):
            known = found.get(row.rule)
            if known is None or known.run_id < row.id:
                found[row.rule] = Trouble(row.id, row.state, row.reason, row.created_at)
    return found


def trouble(connection: Connection, rule: str) -> Trouble | None:
    """The same of one rule."""
    return troubles(connection).get(rule)


def by_state(connection: Connection, *, most: int) -> dict[str, int]:
    """How many runs are in each state, each counted up to `most`."""
    found: dict[str, int] = {}
    for state in RunState:
        some: Any = select(runs.c.id).where(runs.c.state == state).limit(most).subquery()
        found[state.value] = int(connection.execute(select(func.count()).select_from(some)).scalar_one())
    return found
