"""One run: all that is told of it, and what a person does where it came to a stop. Whoever asks, by any door."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from dramatiq import Broker
from sqlalchemy import Connection, Row

from workers import queue
from workers.errors import Conflict
from workers.store import history, ledger, outcomes, rules, runs
from workers.store.ledger import Action, ActionState
from workers.store.runs import RunState


def told(sql: Connection, row: Row[Any]) -> dict[str, Any]:
    """A run with its event, the version of its rule, and each step with what it was told and what it gave."""
    event = history.one(sql, row.event_id)
    version = rules.version(sql, row.version_id)
    return {
        **outcomes.run(row),
        "event": {"id": str(event.id), "trigger": event.trigger, "title": event.title} if event is not None else None,
        "version": {"id": str(version.id), "digest": version.digest, "file": version.file, "live": version.live}
        if version is not None
        else None,
        "actions": [outcomes.action(action) for action in ledger.of_run(sql, row.id)],
    }


def unknown(sql: Connection, row: Row[Any]) -> Action | None:
    """The step at which a run stopped because nobody knows whether it was done."""
    stopped = [action for action in ledger.of_run(sql, row.id) if action.place == row.step]
    return next((action for action in stopped if action.state is ActionState.UNKNOWN), None)


def meant(sql: Connection, row: Row[Any], step: str) -> None:
    """Raises `Conflict` where a run stopped at another step than the one that somebody speaks of."""
    stopped = unknown(sql, row)
    if stopped is not None and stopped.step != step:
        raise Conflict(f"run {row.id} stopped at step {stopped.step}, not at {step[:100]}.")


def retry(
    sql: Connection,
    row: Row[Any],
    *,
    done: bool | None,
    look: bool,
    undecided: Callable[[Action], str],
    needless: str,
    now: datetime,
) -> None:
    """Try a dead or failed run again at once. Raises `Conflict`, and then changes nothing.

    Of a step whose end is unknown, `done` says whether it was done, `look` that it is to be looked for once more; with
    neither, `undecided` says what is to be found out. Where there is no such step, `needless` says what to leave away.
    """
    if row.due_at is None and row.state != RunState.DEAD:
        raise Conflict(f"run {row.id} is {row.state}: there is nothing of it to try again. {_ANEW}")
    stopped = unknown(sql, row)
    if stopped is not None and done is None and not look:
        raise Conflict(undecided(stopped))
    if stopped is None and (look or done is not None):
        raise Conflict(f"run {row.id} did not stop at a step whose end is unknown; {needless}")
    if stopped is not None and done is not None:
        said = "a person says that it was done" if done else "a person says that it was not done"
        ledger.resolve(sql, row.id, stopped.step, done=done, reason=said, now=now)
    if not runs.retry(sql, row.id, now=now):
        raise Conflict(f"run {row.id} is {row.state} and goes on by itself; `daybook runs show` says when.")


def ring(broker: Broker) -> None:
    """Have what may go on now taken up at once."""
    with contextlib.suppress(Exception):  # any broker, any way of being away: the sweep rings when it is back
        queue.ring_to_act(broker, 1)


_ANEW = "`daybook deliveries replay --again` does all of it once more, on purpose."


def cancel(sql: Connection, row: Row[Any], *, now: datetime) -> None:
    """Do nothing more of an unfinished run; what it did stays done. Raises `Conflict`, and then changes nothing."""
    if row.state == RunState.DEAD:
        raise Conflict(f"run {row.id} is dead: nothing more of it is done, unless you try it again.")
    if row.due_at is None:
        raise Conflict(f"run {row.id} is {row.state}: it is over, and there is nothing left to cancel.")
    if not runs.cancel(sql, row.id, reason="a person cancelled it", now=now):
        raise Conflict(f"run {row.id} is in a worker's hand at this moment; try again in a few seconds.")
