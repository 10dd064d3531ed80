"""Statements about actions, the ledger: what a run's step was about to do is committed before it is done.

Every change says whose run it is: a process that lost its lease changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from uuid_utils.compat import uuid7

from workers.store.quick import Entry, Quick
from workers.store.tables import actions, runs


class ActionState(StrEnum):
    """Where a step of a run is."""

    PLANNED = "planned"  #: its time has not come (a wait)
    SENDING = "sending"  #: an attempt is under way, or its end is not known
    DONE = "done"
    FAILED = "failed"  #: an attempt failed, and certainly did nothing
    UNKNOWN = "unknown"  #: nobody can tell whether it was done; a person decides
    SKIPPED = "skipped"  #: its `if` did not hold, or it was only a dry run


@dataclass(frozen=True, slots=True)
class Action:
    """One row of the ledger. `request` and `answer` are JSON; `request` is as people may see it."""

    id: UUID
    run_id: UUID
    step: str
    place: int
    kind: str
    state: ActionState
    attempts: int
    request: Any
    answer: Any
    reason: str | None
    ours: bool
    effect: str | None
    echo_id: UUID | None
    begun_at: datetime
    ended_at: datetime | None


#: ranks of entries: what is begun may be over in the same transaction
_BEGIN, _SETTLED = 0, 1


def begin(
    connection: Connection,
    run_id: UUID,
    *,
    step: str,
    place: int,
    kind: str,
    state: ActionState,
    request: Mapping[str, Any],
    effect: str | None,
    now: datetime,
) -> Entry:
    """What is about to be done, in `state` `sending` one attempt more. What was written first stays:
    the request, the moment it was begun."""
    row = {
        "id": uuid7(),
        "run_id": run_id,
        "step": step,
        "place": place,
        "kind": kind,
        "state": state,
        "attempts": 1 if state is ActionState.SENDING else 0,
        "request": dict(request),
        "ours": True,
        "effect": effect,
        "begun_at": now,
    }
    return Entry(_begin(sqlite=connection.dialect.name == "sqlite"), row, of=run_id, finds=False, rank=_BEGIN)


@cache
def _begin(*, sqlite: bool) -> Quick:
    new = (sqlite_dialect if sqlite else postgresql).insert(actions)
    again = {name: new.excluded[name] for name in ("state", "request", "effect")}
    return Quick(
        new.values({name: bindparam(name) for name in _BEGUN}).on_conflict_do_update(
            index_elements=[actions.c.run_id, actions.c.step],
            set_={**again, "attempts": actions.c.attempts + new.excluded.attempts, "ended_at": None},
        )
    )


_BEGUN = ("id", "run_id", "step", "place", "kind", "state", "attempts", "request", "ours", "effect", "begun_at")


def settle(
    run_id: UUID,
    step: str,
    *,
    state: ActionState,
    now: datetime,
    answer: Any = None,
    reason: str | None = None,
    ours: bool = True,
    again: bool = False,
) -> Entry:
    """How the attempt ended; `ours` is False where it was done before us, by somebody else, `again` is True where
    another attempt follows by itself."""
    ended = {"state": state, "answer": answer, "reason": reason, "ours": ours, "ended_at": None if again else now}
    values = {"run": run_id, "name": step, **{f"new_{key}": each for key, each in ended.items()}}
    return Entry(_SETTLING, values, of=run_id, finds=False, rank=_SETTLED)


_SETTLING = Quick(
    update(actions)
    .where(actions.c.run_id == bindparam("run"), actions.c.step == bindparam("name"))
    .values({key: bindparam(f"new_{key}") for key in ("state", "answer", "reason", "ours", "ended_at")})
)


def of_run(connection: Connection, run_id: UUID) -> list[Action]:
    """What a run did, step by step."""
    query = select(actions).where(actions.c.run_id == run_id).order_by(actions.c.place)
    return [_action(row) for row in connection.execute(query)]


def of_runs(connection: Connection, run_ids: Sequence[UUID]) -> dict[UUID, list[Action]]:
    """The same for several runs."""
    found: dict[UUID, list[Action]] = {run_id: [] for run_id in run_ids}
    query = select(actions).where(actions.c.run_id.in_(run_ids)).order_by(actions.c.run_id, actions.c.place)
    for row in connection.execute(query):
        found[row.run_id].append(_action(row))
    return found


@dataclass(frozen=True, slots=True)
class Caused:
    """The action that an event is the echo of, and its run."""

    action_id: UUID
    run_id: UUID
    rule: str
    depth: int


@dataclass(frozen=True, slots=True)
class Echo:
    """An event that may be one: when it says it happened, and the natural names of what it may tell of.

    `since`: of something that was found, when it was looked for before; it happened between the two. `shared`: several
    events may tell of one action.
    """

    event_id: UUID
    happened_at: datetime
    effects: tuple[str, ...]
    since: datetime | None = None
    shared: bool = False


def caused_by(connection: Connection, action_id: UUID) -> Caused | None:
    """An action by its id, as what caused an event."""
    return next(iter(causes(connection, [action_id])), None)


def causes(connection: Connection, action_ids: Sequence[UUID]) -> list[Caused]:
    """Actions by their ids, as what caused events; of one that there is not, nothing."""
    if not action_ids:
        return []
    query = select(actions.c.id, actions.c.run_id, runs.c.rule, runs.c.depth)
    query = query.join(runs, runs.c.id == actions.c.run_id).where(actions.c.id.in_(action_ids))
    return [Caused(*row) for row in connection.execute(query)]


#: how long after its last attempt an action can cause an event; the clocks are Cal.com's and ours
_ECHOES = timedelta(minutes=10)
#: how long after an action ended a look may not have seen what it did; the clocks are our own
_UNSEEN = timedelta(minutes=1)


def cause(connection: Connection, echoes: Sequence[Echo]) -> dict[UUID, Caused]:
    """Which of these events are echoes of actions of ours, by id.

    An action has one echo: the first event that tells of its effect, about then. An attempt whose end is not known
    counts, for its echo may come before its answer.
    """
    if not echoes:
        return {}
    # Locked in the order in which `enter` changes them: each transaction has several, and neither may have what the
    # other waits for.
    rows = connection.execute(
        select(actions, runs.c.rule, runs.c.depth)
        .join(runs, runs.c.id == actions.c.run_id)
        .where(actions.c.effect.in_({effect for echo in echoes for effect in echo.effects}))
        .where(actions.c.state.in_([ActionState.SENDING, ActionState.DONE, ActionState.UNKNOWN]))
        .order_by(actions.c.run_id, actions.c.id)
        .with_for_update(of=actions)
    ).all()
    rows = sorted(rows, key=lambda row: row.id)
    told = {row.id: row.echo_id for row in rows}
    found: dict[UUID, Caused] = {}
    for echo in echoes:
        fitting = [row for row in rows if row.effect in echo.effects and _about_then(row, echo)]
        row = next((row for row in fitting if told[row.id] == echo.event_id), None)
        row = row or next((row for row in fitting if told[row.id] is None), None)
        if row is None and echo.shared:
            row = next((row for row in fitting if _not_before(row, echo.since)), None)
        if row is None:
            continue
        if told[row.id] is None:
            connection.execute(update(actions).where(actions.c.id == row.id).values(echo_id=echo.event_id))
            told[row.id] = echo.event_id
        found[echo.event_id] = Caused(row.id, row.run_id, row.rule, row.depth)
    return found


def _about_then(row: Row[Any], echo: Echo) -> bool:
    """An action that is not over may have been begun long ago: its last attempt is what counts."""
    early: bool = row.begun_at - _ECHOES <= echo.happened_at
    if echo.since is not None:
        return early and _not_before(row, echo.since - _UNSEEN)
    return early and (row.ended_at is None or echo.happened_at <= row.ended_at + _ECHOES)


def _not_before(row: Row[Any], moment: datetime | None) -> bool:
    """Whether an action was not over by then."""
    return row.ended_at is None or moment is None or bool(row.ended_at >= moment)


def resolve(connection: Connection, run_id: UUID, step: str, *, done: bool, reason: str, now: datetime) -> bool:
    """A person says of an `unknown` step whether it was done; False where it is not unknown."""
    statement = (
        update(actions)
        .where(actions.c.run_id == run_id, actions.c.step == step, actions.c.state == ActionState.UNKNOWN)
        .values(state=ActionState.DONE if done else ActionState.FAILED, reason=reason, ended_at=now if done else None)
        .returning(actions.c.id)
    )
    return connection.execute(statement).scalar_one_or_none() is not None


def _action(row: Row[Any]) -> Action:
    return Action(**{**row._mapping, "state": ActionState(row.state)})
