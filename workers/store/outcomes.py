"""What became of runs, as it is shown to people: the shapes of runs and actions, and counts. It changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from workers.store.events import spell
from workers.store.ledger import Action, ActionState
from workers.store.tables import actions, runs

#: of these something is outside, or may be
_DID = (ActionState.DONE, ActionState.SENDING, ActionState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class ByRule:
    """How many runs of a rule are in each state, and when the newest was planned."""

    states: dict[str, int]
    last: datetime


def by_rule(connection: Connection) -> dict[str, ByRule]:
    """What became of all runs, by rule."""
    query = select(runs.c.rule, runs.c.state, func.count(), func.max(runs.c.created_at))
    found: dict[str, ByRule] = {}
    for rule, state, number, last in connection.execute(query.group_by(runs.c.rule, runs.c.state)):
        before = found.get(rule, ByRule({}, last))
        found[rule] = ByRule({**before.states, state: number}, max(before.last, last))
    return found


def did(connection: Connection, event_ids: Sequence[UUID]) -> dict[str, int]:
    """By rule, how many runs of these events are over and did something that still holds their key: see `runs.free`."""
    query = select(runs.c.rule, func.count()).where(
        runs.c.event_id.in_(event_ids),
        runs.c.once.is_not(None),
        runs.c.due_at.is_(None),
        select(actions.c.id).where(actions.c.run_id == runs.c.id, actions.c.state.in_(_DID)).exists(),
    )
    rows = connection.execute(query.group_by(runs.c.rule).order_by(runs.c.rule))
    return {str(rule): int(number) for rule, number in rows}


def run(row: Row[Any]) -> dict[str, Any]:
    """A run as the command line and the API show it. Instants are ISO text ending in Z."""
    return {
        "id": str(row.id),
        "rule": row.rule,
        "version_id": str(row.version_id),
        "act": row.act,
        "event_id": str(row.event_id),
        "trigger": row.trigger,
        "connection": row.connection,
        "entity": row.entity,
        "key": row.key,
        "depth": row.depth,
        "state": row.state,
        "reason": row.reason,
        "step": row.step,
        "attempt": row.attempt,
        "created_at": spell(row.created_at),
        "due_at": spell(row.due_at),
        "ended_at": spell(row.ended_at),
    }


def action(one: Action) -> dict[str, Any]:
    """An action as the command line and the API show it. Instants are ISO text ending in Z."""
    return {
        "id": str(one.id),
        "step": one.step,
        "kind": one.kind,
        "state": one.state.value,
        "attempts": one.attempts,
        "request": one.request,
        "answer": one.answer,
        "reason": one.reason,
        "caused": str(one.echo_id) if one.echo_id else None,
        "begun_at": spell(one.begun_at),
        "ended_at": spell(one.ended_at),
    }
