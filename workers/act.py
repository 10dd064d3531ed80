"""Carrying out runs: take one in hand, go through its steps, write down each before and after it is done.

What a step does is its kind's; this knows when it may be done. Before a step that changes anything `sending` is
committed; after a crash, or an answer that was lost, nothing is sent again until the kind's probe has said that the
effect is not there. Where no probe can tell, a person decides.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import structlog
from sqlalchemy import Connection

from workers.actions.kind import (
    Absent,
    Again,
    Call,
    Done,
    Kind,
    Lost,
    Outcome,
    Refused,
    Stop,
    Toolbox,
    Unknowable,
    Until,
)
from workers.catalogue import bodies
from workers.catalogue.mask import mask
from workers.errors import DaybookError, NotFound, StoreUnavailable
from workers.retries import Retry
from workers.rulebook import Rulebook
from workers.rules.expressions import Bindings, Unresolved, bind
from workers.rules.rule import Rule, Step
from workers.store import events, history, ledger, runs
from workers.store.engine import Store
from workers.store.ledger import Action, ActionState
from workers.store.runs import Claimed, RunState

log = structlog.get_logger(__name__)

#: seconds that a run is in one process's hand, unless settings say otherwise; each step begins them anew
LEASE = 300.0
#: bytes of JSON of a step's output that are kept
MOST_KEPT = 1_000_000
#: seconds between two looks of a run that waits for the one it is to take back
_LOOK_AGAIN = 5.0
#: how patiently a run waits for a process that can read its version of the rule
_UNREADABLE = Retry()
#: states of an action that may have been done
_IN_DOUBT = (ActionState.SENDING, ActionState.UNKNOWN)
_NOTHING_YET = "there is no run to take back"


_Told = TypeVar("_Told")


class _LeaseLostError(Exception):
    """Another process has the run by now: nothing of it is ours to write any more."""


class _OverError(Exception):
    """The run ends here."""

    def __init__(self, state: RunState, reason: str | None) -> None:
        self.state = state
        self.reason = reason


class _InDoubt(Again):
    """Cal.com could not be asked now whether an earlier attempt did it: all stays as it was, in doubt."""


class _LaterError(Exception):
    """The run is put down until an instant; `failed`: because an attempt failed."""

    def __init__(self, due_at: datetime, reason: str, *, failed: bool, attempt: int) -> None:
        self.due_at = due_at
        self.reason = reason
        self.failed = failed
        self.attempt = attempt


@dataclass(slots=True)
class _Run:
    """A run in hand, with what its expressions see."""

    claimed: Claimed
    rule: Rule
    steps: Sequence[Step]
    event: Mapping[str, Any]
    #: outputs by step, of this run; for an undo, of the run taken back
    outputs: dict[str, Any]
    #: outputs by step of the undo itself
    undone: dict[str, Any]
    actions: dict[str, Action]
    #: of the run taken back, the steps that found done what they were to do: that is not ours to take back
    foreign: frozenset[str] = frozenset()
    troubles: list[str] = field(default_factory=list)
    #: it is written down that the run is over
    over: bool = False

    @property
    def trouble(self) -> str | None:
        return "; ".join(self.troubles) or None

    @property
    def undoes(self) -> bool:
        return self.claimed.act == "undo"

    def bindings(self, now: datetime) -> Bindings:
        return bind(self.event, run=self.outputs, undo=self.undone, now=now)

    def keep(self, step: Step, output: Any) -> None:
        (self.undone if self.undoes else self.outputs)[step.id] = output


class Acting:
    """Carries out runs for one process. Safe to share between threads.

    `holder` names the process; `clock` gives an aware instant, `dice` a number from 0 to 1. An attempt may take half
    of `lease`: what is still under way when a lease runs out could be done a second time by the next holder.
    """

    def __init__(
        self,
        store: Store,
        book: Rulebook,
        kinds: Mapping[str, Kind],
        box: Toolbox,
        *,
        holder: str,
        lease: float = LEASE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._book = book
        self._kinds = kinds
        self._box = box
        self._holder = holder
        self._lease = lease
        self._clock = clock
        self._dice = dice
        self._claims = itertools.count(1)
        self._under_way: set[str] = set()

    def act(self) -> bool:
        """Carry out one run that is due, as far as it goes now; False where there is none. Raises StoreUnavailable."""
        # Not durable: a claim that a power cut takes back is missed before anything is sent, when `sending` is written.
        # Each claim is a holder of its own: a thread that slept through its lease must not take for its own what
        # another thread of the process has taken up since.
        mine = f"{self._holder}.{next(self._claims)}"
        self._under_way.add(mine)
        try:
            with self._store.write(durable=False) as connection:
                taken = runs.claim(connection, holder=mine, now=self._clock(), seconds=self._lease, limit=1)
            for claimed in taken:
                self._carry_out(claimed)
        finally:
            self._under_way.discard(mine)
        return bool(taken)

    def give_back(self) -> None:
        """Put down what is in hand and no thread is at, for another process. What is still under way stays in hand:
        the call may be on its way, and nobody could see that."""
        with self._store.write() as connection:
            runs.give_back(connection, self._holder, besides=tuple(self._under_way))

    def _carry_out(self, claimed: Claimed) -> None:
        try:
            run = self._open(claimed)
            if run.rule.dry_run:
                self._rehearse(run)
            for place in range(claimed.step, len(run.steps)):
                self._step(run, place)
            if not run.over:
                raise _OverError(RunState.DONE, run.trouble)
        except _OverError as over:
            self._end(claimed, over.state, over.reason)
        except _LaterError as later:
            with self._store.write() as connection:
                runs.postpone(
                    connection,
                    claimed.id,
                    claimed.holder,
                    due_at=later.due_at,
                    attempt=later.attempt,
                    reason=later.reason,
                    failed=later.failed,
                )
        except _LeaseLostError:
            log.warning("run.lease_lost", run=str(claimed.id), rule=claimed.rule)
        except StoreUnavailable:
            raise
        except Exception as error:  # else it would be taken up again and again, and its entity with it
            log.exception("run.failed", run=str(claimed.id), rule=claimed.rule)
            self._end(claimed, RunState.DEAD, f"an unexpected {type(error).__name__}, which is a bug; the log has more")

    def _end(self, claimed: Claimed, state: RunState, reason: str | None) -> None:
        with self._store.write() as connection:
            runs.finish(connection, claimed.id, claimed.holder, state=state, reason=reason, now=self._clock())
        if state is RunState.DEAD:
            log.error("run.dead", run=str(claimed.id), rule=claimed.rule, reason=reason)

    def _rule(self, claimed: Claimed) -> Rule:
        """The run's version of its rule. While processes of two releases or settings run side by side, one may know
        what the other cannot read."""
        try:
            return self._book.rule(claimed.version_id)
        except NotFound as error:
            attempt = claimed.attempt + 1
            pause = _UNREADABLE.pause(attempt, self._dice())
            if pause is None:
                raise _OverError(RunState.DEAD, error.message) from None
            due_at = self._clock() + timedelta(seconds=pause)
            raise _LaterError(due_at, error.message, failed=True, attempt=attempt) from None

    def _open(self, claimed: Claimed) -> _Run:
        rule = self._rule(claimed)
        with self._store.read() as connection:
            row = history.one(connection, claimed.event_id)
            if row is None:
                raise _OverError(RunState.DEAD, f"event {claimed.event_id} is no longer in the history")
            event = {**events.shape(row), "payload": events.payloads(connection, [row])[row.id]}
            actions = {action.step: action for action in ledger.of_run(connection, claimed.id)}
        done = {name: action.answer for name, action in actions.items() if action.state is ActionState.DONE}
        troubles = [
            action.reason or ""
            for action in actions.values()
            if action.place < claimed.step and action.state in (ActionState.FAILED, ActionState.UNKNOWN)
        ]
        if claimed.act == "do":
            if rule.undo is not None and not actions:
                self._heed_undo(claimed)
            return _Run(claimed, rule, rule.steps, event, done, {}, actions, troubles=troubles)
        if rule.undo is None:
            raise _OverError(RunState.DEAD, "this version of the rule has nothing to take back")
        found = self._taken_back(claimed)
        before = [action for action in found if action.state is ActionState.DONE]
        troubles += [_doubted(action) for action in found if action.state in _IN_DOUBT]
        foreign = frozenset(action.step for action in before if not action.ours)
        outputs = {action.step: action.answer for action in before}
        return _Run(claimed, rule, rule.undo.steps, event, outputs, done, actions, foreign, troubles)

    def _heed_undo(self, claimed: Claimed) -> None:
        """What was taken back while nothing of it was known here, its event coming late, is not begun any more."""
        with self._store.read() as connection:
            undo = runs.holding(connection, runs.once("undo", claimed.rule, claimed.key))
        if undo is not None and undo.reason == _NOTHING_YET and undo.happened_at > claimed.happened_at:
            raise _OverError(RunState.SKIPPED, f"run {undo.id} was to take it back before it was begun")

    def _taken_back(self, claimed: Claimed) -> list[Action]:
        """What the run did that this one takes back; it is over by then."""
        with self._store.write() as connection:
            before = runs.of_key(connection, claimed.rule, claimed.key)
            if before is None:
                raise _OverError(RunState.SKIPPED, _NOTHING_YET)
            if before.due_at is not None and not runs.cancel(
                connection, before.id, reason=f"taken back by run {claimed.id}", now=self._clock()
            ):
                due_at = self._clock() + timedelta(seconds=_LOOK_AGAIN)
                raise _LaterError(due_at, f"run {before.id} is still under way", failed=True, attempt=claimed.attempt)
            found = ledger.of_run(connection, before.id)
            if before.due_at is not None and any(action.state is ActionState.SENDING for action in found):
                # Not cancelled, but left to find out, and not waited for in a way that would hold it up.
                due_at = self._clock() + timedelta(seconds=_LOOK_AGAIN)
                reason = f"run {before.id} is to find out what it did"
                raise _LaterError(due_at, reason, failed=False, attempt=claimed.attempt)
        if not any(action.state is ActionState.DONE for action in found):
            if doubted := [action for action in found if action.state in _IN_DOUBT]:
                raise _OverError(RunState.DEAD, f"{_doubted(doubted[0])}; say so there, then try this one again")
            raise _OverError(RunState.SKIPPED, f"run {before.id} did nothing that could be taken back")
        return found

    def _rehearse(self, run: _Run) -> None:
        """A dry run: what each step would be told is written down, and nothing is done."""
        for place, step in enumerate(run.steps):
            now = self._clock()
            try:
                request = self._kinds[step.kind].shown(_values(step, run.bindings(now)))
                reason = "dry run"
            except Unresolved as error:  # it needs what an earlier step would have given
                request, reason = {}, f"dry run; {error.reason}"
            with self._mine(run) as connection:
                self._begin(connection, run, place, ActionState.SKIPPED, request, None, now)
                ledger.settle(connection, run.claimed.id, step.id, state=ActionState.SKIPPED, now=now, reason=reason)
        raise _OverError(RunState.SKIPPED, "dry run")

    def _step(self, run: _Run, place: int) -> None:
        step = run.steps[place]
        earlier = run.actions.get(step.id)
        now = earlier.begun_at if earlier is not None else self._clock()
        try:
            bindings = run.bindings(now)
            if step.condition is not None and earlier is None and not step.condition.holds(bindings):
                self._note(run, place, ActionState.SKIPPED, reason="its `if` did not hold", now=now)
                return
            if needs := sorted(run.foreign & step.outputs):
                reason = f"what step {needs[0]} was to do somebody else had done: it is not taken back"
                self._note(run, place, ActionState.SKIPPED, reason=reason, now=now)
                return
            values = _values(step, bindings)
        except Unresolved as error:
            doubted = earlier is not None and earlier.state in _IN_DOUBT and self._kinds[step.kind].changes
            state = ActionState.UNKNOWN if doubted else ActionState.FAILED
            self._give_up(run, place, f"step {step.id}: {error.reason}", state)
            return
        call = Call(
            key=f"{run.claimed.id}.{run.claimed.act}.{step.id}",
            rule=run.rule.name,
            step=step.id,
            connection=step.connection or run.claimed.connection,
            values=values,
            event=run.event,
            reached=now,
            attempt=run.claimed.attempt + 1,
            seconds=self._lease / 2,
        )
        self._judge(run, place, call, self._attempt(run, place, call, earlier))

    def _attempt(self, run: _Run, place: int, call: Call, earlier: Action | None) -> Outcome | Unknowable:
        """One attempt; after one whose end nobody knows, only if it is certain that the effect is not there."""
        kind = self._kinds[run.steps[place].kind]
        if earlier is not None and earlier.state is ActionState.DONE:  # a person says so, and the run goes on
            return Done(earlier.answer, note=earlier.reason or "")
        if earlier is not None and earlier.state in _IN_DOUBT and kind.changes:
            found = self._asked(kind.probe, call)
            if isinstance(found, Again):
                return _InDoubt(found.reason, found.after, found.counts)
            if isinstance(found, Refused):
                return Unknowable(found.reason)
            if not isinstance(found, Absent):
                return found
        if kind.changes or earlier is None:
            state = ActionState.SENDING if kind.changes else ActionState.PLANNED
            with self._mine(run) as connection:
                shown, effect = kind.shown(call.values), kind.effect(call)
                run.actions[call.step] = self._begin(connection, run, place, state, shown, effect, call.reached)
        return self._asked(kind.perform, call)

    def _asked(self, ask: Callable[[Call, Toolbox], _Told], call: Call) -> _Told | Refused | Lost:
        """A kind raises nothing but bugs: one of those must not bring the same run down again and again."""
        try:
            return ask(call, self._box)
        except StoreUnavailable:
            raise
        except DaybookError as error:
            return Refused(error.message)
        except Exception as error:
            log.exception("action.failed", rule=call.rule, step=call.step)
            return Lost(f"an unexpected {type(error).__name__}, which is a bug; the log has more")

    def _judge(self, run: _Run, place: int, call: Call, outcome: Outcome | Unknowable) -> None:
        step = run.steps[place]
        attempt = run.claimed.attempt + 1
        match outcome:
            case Done():
                output = _kept(outcome.output)
                note = outcome.note or ("it was there already" if outcome.found else None)
                ours = not (outcome.found and outcome.note)
                self._note(run, place, ActionState.DONE, answer=output, reason=note, now=self._clock(), ours=ours)
                run.keep(step, output)
            case Stop():
                self._note(run, place, ActionState.DONE, reason=outcome.reason, now=self._clock(), advance=False)
                raise _OverError(RunState.DONE, outcome.reason)
            case Until():
                raise _LaterError(outcome.at, f"step {step.id} waits", failed=False, attempt=run.claimed.attempt)
            case Refused():
                self._give_up(run, place, f"step {step.id}: {outcome.reason}", ActionState.FAILED)
            case Unknowable():
                self._give_up(
                    run,
                    place,
                    f"step {step.id}: nobody knows whether it was done: {outcome.reason}",
                    ActionState.UNKNOWN,
                )
            case Lost() | Again():
                at_least = outcome.after if isinstance(outcome, Again) else 0.0
                counts = outcome.counts if isinstance(outcome, Again) else True
                pause = step.retry.pause(attempt if counts else attempt - 1, self._dice(), at_least=at_least)
                lost = isinstance(outcome, Lost | _InDoubt)
                if pause is None:
                    state = ActionState.UNKNOWN if lost and self._kinds[step.kind].changes else ActionState.FAILED
                    self._give_up(run, place, f"step {step.id}: {outcome.reason}, {attempt} times", state)
                    return
                if not lost:
                    with self._mine(run) as connection:
                        ledger.settle(
                            connection,
                            run.claimed.id,
                            step.id,
                            state=ActionState.FAILED,
                            reason=outcome.reason,
                            now=self._clock(),
                        )
                raise _LaterError(
                    self._clock() + timedelta(seconds=pause),
                    f"step {step.id}: {outcome.reason}",
                    failed=True,
                    attempt=attempt if counts else run.claimed.attempt,
                )

    def _give_up(self, run: _Run, place: int, reason: str, state: ActionState) -> None:
        """Another attempt would end the same way: the run is dead, or goes on without the step where it says so."""
        goes_on = run.steps[place].on_error == "continue"
        run.troubles.append(reason)
        self._note(run, place, state, reason=reason, now=self._clock(), advance=goes_on)
        if not goes_on:
            raise _OverError(RunState.DEAD, reason)

    def _note(
        self,
        run: _Run,
        place: int,
        state: ActionState,
        *,
        now: datetime,
        answer: Any = None,
        reason: str | None = None,
        ours: bool = True,
        advance: bool = True,
    ) -> None:
        """How a step ended, and, unless the run ends with it, that the next one comes."""
        step, run_id, holder = run.steps[place], run.claimed.id, run.claimed.holder
        last = place + 1 == len(run.steps)
        with self._store.write() as connection:
            if not advance:
                mine = runs.renew(connection, run_id, holder, self._lease)
            elif last:
                done, at = RunState.DONE, self._clock()
                mine = runs.finish(connection, run_id, holder, state=done, reason=run.trouble, now=at)
            else:
                mine = runs.advance(connection, run_id, holder, place + 1, self._lease)
            if not mine:
                raise _LeaseLostError
            if step.id not in run.actions:
                self._begin(connection, run, place, ActionState.PLANNED, {}, None, now)
            ledger.settle(connection, run_id, step.id, state=state, now=now, answer=answer, reason=reason, ours=ours)
        if advance:
            run.claimed = replace(run.claimed, step=place + 1, attempt=0)
            run.over = last

    def _begin(
        self,
        connection: Connection,
        run: _Run,
        place: int,
        state: ActionState,
        request: Mapping[str, Any],
        effect: str | None,
        now: datetime,
    ) -> Action:
        step = run.steps[place]
        return ledger.begin(
            connection,
            run.claimed.id,
            step=step.id,
            place=place,
            kind=step.kind,
            state=state,
            request=_storable(request),
            effect=effect,
            now=now,
        )

    @contextmanager
    def _mine(self, run: _Run) -> Iterator[Connection]:
        """A transaction that writes, with the run still ours and its lease begun anew."""
        with self._store.write() as connection:
            if not runs.renew(connection, run.claimed.id, run.claimed.holder, self._lease):
                raise _LeaseLostError
            yield connection


def _values(step: Step, bindings: Bindings) -> dict[str, Any]:
    return {key: template.evaluate(bindings) for key, template in step.values.items()}


def _doubted(action: Action) -> str:
    return f"nobody knows whether step {action.step} of run {action.run_id} was done"


def _kept(output: Any) -> Any:
    """A step's output as it is kept and seen by later steps: without secrets, and of bounded size."""
    kept = mask({"output": _storable(output)})["output"]
    size = len(msgspec.json.encode(kept))
    return kept if size <= MOST_KEPT else {"left_out": f"{size} bytes; at most {MOST_KEPT} are kept"}


def _storable(value: Any) -> Any:
    """The value as JSON that SQL can hold: it must not fail to be written down once it was done."""
    try:
        document = bodies.decode(json.dumps({"value": value}, default=str).encode())
    except (TypeError, ValueError, RecursionError):
        document = None
    return document["value"] if document is not None else {"left_out": "it is no JSON"}
