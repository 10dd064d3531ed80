"""A run in hand: what it is about, what its steps did so far, what its expressions see. It reads and decides nothing
of what is done next; that is `act`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from workers.actions.kind import Kind
from workers.errors import NotFound
from workers.retries import Retry
from workers.rulebook import Rulebook
from workers.rules.expressions import Bindings, bind
from workers.rules.rule import Rule, Step
from workers.store import events, ledger, runs
from workers.store.claims import Claimed
from workers.store.ledger import Action, ActionState
from workers.store.runs import RunState

#: states of an action that may have been done
IN_DOUBT = (ActionState.SENDING, ActionState.UNKNOWN)
#: seconds between two looks of a run that waits for the one it is to take back
_LOOK_AGAIN = 5.0
#: how patiently a run waits for a process that can read its version of the rule
_UNREADABLE = Retry()
_NOTHING_YET = "there is no run to take back"


class Over(Exception):
    """The run ends here."""

    def __init__(self, state: RunState, reason: str | None) -> None:
        self.state = state
        self.reason = reason


class Later(Exception):
    """The run is put down until an instant; `failed`: because an attempt failed."""

    def __init__(self, due_at: datetime, reason: str, *, failed: bool, attempt: int) -> None:
        self.due_at = due_at
        self.reason = reason
        self.failed = failed
        self.attempt = attempt


@dataclass(slots=True)
class Run:
    """A run in hand, with what its expressions see."""

    claimed: Claimed
    rule: Rule
    steps: Sequence[Step]
    event: Mapping[str, Any]
    #: outputs by step, of this run; for an undo, of the run taken back
    outputs: dict[str, Any]
    #: outputs by step of the undo itself
    undone: dict[str, Any]
    #: what an earlier hand wrote down, by step
    actions: dict[str, Action]
    #: of the run taken back, the steps that found done what they were to do: that is not ours to take back
    foreign: frozenset[str] = frozenset()
    troubles: list[str] = field(default_factory=list)
    #: steps that this hand wrote down
    begun: set[str] = field(default_factory=set)
    #: it is written down that the run is over
    over: bool = False

    @property
    def trouble(self) -> str | None:
        return "; ".join(self.troubles) or None

    @property
    def undoes(self) -> bool:
        return self.claimed.act == "undo"

    def bindings(self, step: Step, now: datetime) -> Bindings:
        """What the expressions of a step see."""
        return bind(self.event, run=self.outputs, undo=self.undone, now=now, fields=step.fields)

    def copy(self) -> Run:
        """As it is now, whatever is done to this one."""
        return replace(
            self,
            outputs=dict(self.outputs),
            undone=dict(self.undone),
            troubles=list(self.troubles),
            begun=set(self.begun),
        )

    def keep(self, step: Step, output: Any) -> None:
        """What a step gave, for those after it."""
        (self.undone if self.undoes else self.outputs)[step.id] = output


def open_run(
    connection: Connection,
    book: Rulebook,
    kinds: Mapping[str, Kind],
    claimed: Claimed,
    row: Row[Any] | None,
    *,
    now: datetime,
    dice: float,
) -> Run:
    """Read what a run needs: of its event, whose `row` of the history that is, the payload only if a step looks at it.
    Raises Over and Later where the run does not come to its steps.

    An undo takes the run it takes back off the list, in this transaction, where nothing of that is under way.
    """
    rule = _rule(connection, book, claimed, now, dice)
    if row is None:
        raise Over(RunState.DEAD, f"event {claimed.event_id} is no longer in the history")
    steps = rule.steps if claimed.act == "do" else rule.undo.steps if rule.undo is not None else ()
    seen = any(step.sees_payload or kinds[step.kind].sees_payload for step in steps)
    event = {**events.shape(row), "payload": events.payload(connection, row) if seen else {}}
    actions = {action.step: action for action in ledger.of_run(connection, claimed.id)} if claimed.begun else {}
    done = {name: action.answer for name, action in actions.items() if action.state is ActionState.DONE}
    troubles = [
        action.reason or ""
        for action in actions.values()
        if action.place < claimed.step and action.state in (ActionState.FAILED, ActionState.UNKNOWN)
    ]
    if claimed.act == "do":
        if rule.undo is not None and not actions:
            _heed_undo(connection, claimed)
        return Run(claimed, rule, steps, event, done, {}, actions, troubles=troubles)
    if rule.undo is None:
        raise Over(RunState.DEAD, "this version of the rule has nothing to take back")
    found = _taken_back(connection, claimed, now)
    before = [action for action in found if action.state is ActionState.DONE]
    troubles += [_doubted(action) for action in found if action.state in IN_DOUBT]
    foreign = frozenset(action.step for action in before if not action.ours)
    outputs = {action.step: action.answer for action in before}
    return Run(claimed, rule, steps, event, outputs, done, actions, foreign, troubles)


def _rule(connection: Connection, book: Rulebook, claimed: Claimed, now: datetime, dice: float) -> Rule:
    """The run's version of its rule. While processes of two releases or settings run side by side, one may know what
    the other cannot read."""
    try:
        return book.rule(connection, claimed.version_id)
    except NotFound as error:
        attempt = claimed.attempt + 1
        pause = _UNREADABLE.pause(attempt, dice)
        if pause is None:
            raise Over(RunState.DEAD, error.message) from None
        raise Later(now + timedelta(seconds=pause), error.message, failed=True, attempt=attempt) from None


def _heed_undo(connection: Connection, claimed: Claimed) -> None:
    """What was taken back while nothing of it was known here, its event coming late, is not begun any more."""
    undo = runs.holding(connection, runs.once("undo", claimed.rule, claimed.key))
    if undo is not None and undo.reason == _NOTHING_YET and undo.happened_at > claimed.happened_at:
        raise Over(RunState.SKIPPED, f"run {undo.id} was to take it back before it was begun")


def _taken_back(connection: Connection, claimed: Claimed, now: datetime) -> list[Action]:
    """What the run did that this one takes back; it is over by then."""
    before = runs.of_key(connection, claimed.rule, claimed.key)
    if before is None:
        raise Over(RunState.SKIPPED, _NOTHING_YET)
    look_again = now + timedelta(seconds=_LOOK_AGAIN)
    with connection.begin_nested():  # what is raised undoes the cancelling
        reason = f"taken back by run {claimed.id}"
        if before.due_at is not None and not runs.cancel(connection, before.id, reason=reason, now=now):
            raise Later(look_again, f"run {before.id} is still under way", failed=True, attempt=claimed.attempt)
        found = ledger.of_run(connection, before.id)
        if before.due_at is not None and any(action.state is ActionState.SENDING for action in found):
            # Not cancelled, but left to find out, and not waited for in a way that would hold it up.
            reason = f"run {before.id} is to find out what it did"
            raise Later(look_again, reason, failed=False, attempt=claimed.attempt)
    if not any(action.state is ActionState.DONE for action in found):
        if doubted := [action for action in found if action.state in IN_DOUBT]:
            raise Over(RunState.DEAD, f"{_doubted(doubted[0])}; say so there, then try this one again")
        raise Over(RunState.SKIPPED, f"run {before.id} did nothing that could be taken back")
    return found


def _doubted(action: Action) -> str:
    return f"nobody knows whether step {action.step} of run {action.run_id} was done"
