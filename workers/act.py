"""Carrying out runs: take one in hand, go through its steps, write down each before and after it is done.

What a step does is its kind's; this knows when it may be done. Before a step that changes anything `sending` is
committed; after a crash, or an answer that was lost, nothing is sent again until the kind's probe has said that the
effect is not there. Where no probe can tell, a person decides.

Between two attempts there is one transaction: how the last one ended, and that the next one begins.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from workers.errors import DaybookError, StoreUnavailable
from workers.hand import IN_DOUBT, Later, Over, Run, open_run
from workers.rulebook import Rulebook
from workers.rules.expressions import Bindings, Unresolved
from workers.rules.rule import Step
from workers.store import ledger, runs
from workers.store.engine import Store
from workers.store.ledger import Action, ActionState
from workers.store.runs import Claimed, RunState

log = structlog.get_logger(__name__)

#: seconds that a run is in one process's hand, unless settings say otherwise; each step begins them anew
LEASE = 300.0
#: bytes of JSON of a step's output that are kept
MOST_KEPT = 1_000_000


_Told = TypeVar("_Told")


class _LeaseLostError(Exception):
    """Another process has the run by now: nothing of it is ours to write any more."""


class _InDoubt(Again):
    """Cal.com could not be asked now whether an earlier attempt did it: all stays as it was, in doubt."""


@dataclass(frozen=True, slots=True)
class _Reached:
    """A step whose time has come, with its values."""

    place: int
    call: Call
    #: what was written down of it by an earlier attempt
    earlier: Action | None
    #: an earlier attempt may have done it: that is looked for first
    doubted: bool


@dataclass(slots=True)
class _Taken:
    """What was taken in hand: None where nothing was due, where it could not be opened, where it is over."""

    claimed: Claimed | None = None
    run: Run | None = None
    reached: _Reached | None = None


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

    def act(self, go_on: Callable[[], bool] = lambda: False) -> bool:
        """Carry out one run that is due, as far as it goes now, and others after it while `go_on` says so.

        False where there is none left. Raises StoreUnavailable.
        """
        # Each time is a holder of its own: a thread that slept through its lease must not take for its own what another
        # thread of the process has taken up since.
        mine = f"{self._holder}.{next(self._claims)}"
        self._under_way.add(mine)
        try:
            while True:
                taken = at = self._take(mine)
                while at.run is not None and at.reached is not None:
                    at = self._step(at.run, at.reached, go_on)
                if taken.claimed is None or not go_on():
                    return taken.claimed is not None
        finally:
            self._under_way.discard(mine)

    def give_back(self) -> None:
        """Put down what is in hand and no thread is at, for another process. What is still under way stays in hand:
        the call may be on its way, and nobody could see that."""
        with self._store.write() as connection:
            runs.give_back(connection, self._holder, besides=tuple(self._under_way))

    def _take(self, mine: str) -> _Taken:
        """Take a run in hand, and begin its first step, in a transaction of their own."""
        taken = _Taken()
        try:
            with self._store.write() as connection:
                self._begun(connection, mine, taken)
        except StoreUnavailable:
            raise
        except _LeaseLostError:  # the transaction took longer than the lease; nothing of it is there
            log.warning("run.lease_lost", run=str(taken.claimed and taken.claimed.id))
            taken.reached = None
        except Exception as error:
            if taken.claimed is None:
                raise
            taken.reached = None
            with self._store.write() as connection:  # the claim went with the rest
                if (again := self._claim(connection, mine, taken.claimed)) is not None:
                    self._bug(connection, again, error)
        return taken

    def _begun(self, connection: Connection, mine: str, taken: _Taken) -> None:
        """Take the run that is due next, if there is one, and begin its first step."""
        claimed = taken.claimed = self._claim(connection, mine)
        if claimed is not None:
            with self._put_down(connection, claimed):
                taken.run = open_run(connection, self._book, self._kinds, claimed, now=self._clock(), dice=self._dice())
                taken.reached = self._next(connection, taken.run)

    def _claim(self, connection: Connection, mine: str, only: Claimed | None = None) -> Claimed | None:
        taken = runs.claim(
            connection,
            holder=mine,
            now=self._clock(),
            seconds=self._lease,
            limit=1,
            only=only.id if only is not None else None,
        )
        return taken[0] if taken else None

    def _step(self, run: Run, reached: _Reached, go_on: Callable[[], bool]) -> _Taken:
        """Make the attempt that a run has come to, and write down how it ended; what was taken in hand after it."""
        before = run.copy()
        try:
            outcome = self._attempt(run, reached)
            try:
                return self._written(run, reached, outcome, go_on)
            except (_LeaseLostError, StoreUnavailable):
                raise
            except Exception as error:
                return self._salvaged(before, reached, outcome, error)
        except _LeaseLostError:
            log.warning("run.lease_lost", run=str(run.claimed.id), rule=run.claimed.rule)
            return _Taken()

    def _written(self, run: Run, reached: _Reached, outcome: Outcome | Unknowable, go_on: Callable[[], bool]) -> _Taken:
        """In one transaction: how the attempt ended, and what begins now, the run's next step or another's first."""
        after = _Taken(run.claimed, run)
        with self._store.write() as connection:
            with self._put_down(connection, run.claimed):
                self._judge(connection, run, reached, outcome)
                after.reached = self._next(connection, run)
            if after.reached is None and go_on():
                self._begun(connection, run.claimed.holder, after)
        return after

    def _salvaged(self, run: Run, reached: _Reached, outcome: Outcome | Unknowable, error: Exception) -> _Taken:
        """A fault of our own came in between. That of another run is no matter here; for one of this run what came of
        the attempt is told all the same."""
        log.error("run.not_written", run=str(run.claimed.id), rule=run.claimed.rule, exc_info=error)
        try:
            return self._written(run.copy(), reached, outcome, lambda: False)
        except (_LeaseLostError, StoreUnavailable):
            raise
        except Exception as again:
            error = again
        try:
            with self._store.write() as connection, self._put_down(connection, run.claimed):
                self._judge(connection, run, reached, outcome)
                self._bug(connection, run.claimed, error)
        except (_LeaseLostError, StoreUnavailable):
            raise
        except Exception:
            with self._store.write() as connection:
                self._bug(connection, run.claimed, error)
        return _Taken()

    @contextmanager
    def _put_down(self, connection: Connection, claimed: Claimed) -> Iterator[None]:
        """Where the run is over, or comes to nothing now, that is written down, and the block ends there."""
        try:
            yield
        except Over as over:
            self._end(connection, claimed, over.state, over.reason)
        except Later as later:
            mine = runs.postpone(
                connection,
                claimed.id,
                claimed.holder,
                due_at=later.due_at,
                attempt=later.attempt,
                reason=later.reason,
                failed=later.failed,
            )
            if not mine:
                raise _LeaseLostError from None

    def _bug(self, connection: Connection, claimed: Claimed, error: Exception) -> None:
        """A fault of our own ends the run: else it would be taken up again and again, and its entity with it."""
        log.error("run.failed", run=str(claimed.id), rule=claimed.rule, exc_info=error)
        reason = f"an unexpected {type(error).__name__}, which is a bug; the log has more"
        self._end(connection, claimed, RunState.DEAD, reason)

    def _end(self, connection: Connection, claimed: Claimed, state: RunState, reason: str | None) -> None:
        if not runs.finish(connection, claimed.id, claimed.holder, state=state, reason=reason, now=self._clock()):
            raise _LeaseLostError
        if state is RunState.DEAD:
            log.error("run.dead", run=str(claimed.id), rule=claimed.rule, reason=reason)

    def _next(self, connection: Connection, run: Run) -> _Reached | None:
        """The step that has to be attempted, written down as begun; None where the run is over. Raises Over."""
        if run.rule.dry_run:
            self._rehearse(connection, run)
        while run.claimed.step < len(run.steps):
            if (reached := self._reach(connection, run, run.claimed.step)) is not None:
                return reached
        if not run.over:
            raise Over(RunState.DONE, run.trouble)
        return None

    def _rehearse(self, connection: Connection, run: Run) -> None:
        """A dry run: what each step would be told is written down, and nothing is done."""
        for place, step in enumerate(run.steps):
            now = self._clock()
            try:
                request = self._kinds[step.kind].shown(_values(step, run.bindings(now)))
                reason = "dry run"
            except Unresolved as error:  # it needs what an earlier step would have given
                request, reason = {}, f"dry run; {error.reason}"
            self._begin(connection, run, place, ActionState.SKIPPED, request, None, now)
            ledger.settle(connection, run.claimed.id, step.id, state=ActionState.SKIPPED, now=now, reason=reason)
        raise Over(RunState.SKIPPED, "dry run")

    def _reach(self, connection: Connection, run: Run, place: int) -> _Reached | None:
        """The step at that place, begun; None where it is passed over."""
        step = run.steps[place]
        earlier = run.actions.get(step.id)
        now = earlier.begun_at if earlier is not None else self._clock()
        kind = self._kinds[step.kind]
        doubted = earlier is not None and earlier.state in IN_DOUBT and kind.changes
        try:
            bindings = run.bindings(now)
            if step.condition is not None and earlier is None and not step.condition.holds(bindings):
                self._note(connection, run, place, ActionState.SKIPPED, reason="its `if` did not hold", now=now)
                return None
            if needs := sorted(run.foreign & step.outputs):
                reason = f"what step {needs[0]} was to do somebody else had done: it is not taken back"
                self._note(connection, run, place, ActionState.SKIPPED, reason=reason, now=now)
                return None
            values = _values(step, bindings)
        except Unresolved as error:
            state = ActionState.UNKNOWN if doubted else ActionState.FAILED
            self._give_up(connection, run, place, f"step {step.id}: {error.reason}", state)
            return None
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
        settled = earlier is not None and earlier.state is ActionState.DONE
        if not doubted and not settled and (kind.changes or earlier is None):
            self._attempted(connection, run, place, call)
        return _Reached(place, call, earlier, doubted)

    def _attempted(self, connection: Connection, run: Run, place: int, call: Call) -> None:
        """Write down that an attempt begins."""
        kind = self._kinds[run.steps[place].kind]
        state = ActionState.SENDING if kind.changes else ActionState.PLANNED
        self._begin(connection, run, place, state, kind.shown(call.values), kind.effect(call), call.reached)

    def _attempt(self, run: Run, reached: _Reached) -> Outcome | Unknowable:
        """One attempt; after one whose end nobody knows, only if it is certain that the effect is not there."""
        kind, call, earlier = self._kinds[run.steps[reached.place].kind], reached.call, reached.earlier
        if earlier is not None and earlier.state is ActionState.DONE:  # a person says so, and the run goes on
            return Done(earlier.answer, note=earlier.reason or "")
        if reached.doubted:
            found = self._asked(kind.probe, call)
            if isinstance(found, Again):
                return _InDoubt(found.reason, found.after, found.counts)
            if isinstance(found, Refused):
                return Unknowable(found.reason)
            if not isinstance(found, Absent):
                return found
            with self._store.write() as connection:
                if not runs.renew(connection, run.claimed.id, run.claimed.holder, self._lease):
                    raise _LeaseLostError
                self._attempted(connection, run, reached.place, call)
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

    def _judge(self, connection: Connection, run: Run, reached: _Reached, outcome: Outcome | Unknowable) -> None:
        """How an attempt ended, and what follows from it. Raises Over and Later."""
        place, step = reached.place, run.steps[reached.place]
        match outcome:
            case Done():
                output = _kept(outcome.output)
                note = outcome.note or ("it was there already" if outcome.found else None)
                ours = not (outcome.found and outcome.note)
                now = self._clock()
                self._note(connection, run, place, ActionState.DONE, answer=output, reason=note, now=now, ours=ours)
                run.keep(step, output)
            case Stop():
                reason, now = outcome.reason, self._clock()
                self._note(connection, run, place, ActionState.DONE, reason=reason, now=now, advance=False)
                raise Over(RunState.DONE, "; ".join([*run.troubles, outcome.reason]))
            case Until():
                raise Later(outcome.at, f"step {step.id} waits", failed=False, attempt=run.claimed.attempt)
            case Refused():
                self._give_up(connection, run, place, f"step {step.id}: {outcome.reason}", ActionState.FAILED)
            case Unknowable():
                reason = f"step {step.id}: nobody knows whether it was done: {outcome.reason}"
                self._give_up(connection, run, place, reason, ActionState.UNKNOWN)
            case Lost() | Again():
                self._try_again(connection, run, place, outcome)

    def _try_again(self, connection: Connection, run: Run, place: int, outcome: Lost | Again) -> None:
        """Another attempt, if the step has one left. Raises Over and Later."""
        step, attempt = run.steps[place], run.claimed.attempt + 1
        at_least = outcome.after if isinstance(outcome, Again) else 0.0
        counts = outcome.counts if isinstance(outcome, Again) else True
        pause = step.retry.pause(attempt if counts else attempt - 1, self._dice(), at_least=at_least)
        lost = isinstance(outcome, Lost | _InDoubt)
        if pause is None:
            state = ActionState.UNKNOWN if lost and self._kinds[step.kind].changes else ActionState.FAILED
            self._give_up(connection, run, place, f"step {step.id}: {outcome.reason}, {attempt} times", state)
            return
        now = self._clock()
        if not lost:
            failed, reason = ActionState.FAILED, outcome.reason
            ledger.settle(connection, run.claimed.id, step.id, state=failed, reason=reason, now=now, again=True)
        raise Later(
            now + timedelta(seconds=pause),
            f"step {step.id}: {outcome.reason}",
            failed=True,
            attempt=attempt if counts else run.claimed.attempt,
        )

    def _give_up(self, connection: Connection, run: Run, place: int, reason: str, state: ActionState) -> None:
        """Another attempt would end the same way: the run is dead, or goes on without the step where it says so."""
        goes_on = run.steps[place].on_error == "continue"
        run.troubles.append(reason)
        self._note(connection, run, place, state, reason=reason, now=self._clock(), advance=goes_on)
        if not goes_on:
            raise Over(RunState.DEAD, reason)

    def _note(
        self,
        connection: Connection,
        run: Run,
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
        if not advance:
            mine = runs.renew(connection, run_id, holder, self._lease)
        elif last:
            done, at = RunState.DONE, self._clock()
            mine = runs.finish(connection, run_id, holder, state=done, reason=run.trouble, now=at)
        else:
            mine = runs.advance(connection, run_id, holder, place + 1, self._lease)
        if not mine:
            raise _LeaseLostError
        if step.id not in run.actions and step.id not in run.begun:
            self._begin(connection, run, place, ActionState.PLANNED, {}, None, now)
        ledger.settle(connection, run_id, step.id, state=state, now=now, answer=answer, reason=reason, ours=ours)
        if advance:
            run.claimed = replace(run.claimed, step=place + 1, attempt=0)
            run.over = last

    def _begin(
        self,
        connection: Connection,
        run: Run,
        place: int,
        state: ActionState,
        request: Mapping[str, Any],
        effect: str | None,
        now: datetime,
    ) -> None:
        step = run.steps[place]
        ledger.begin(
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
        run.begun.add(step.id)


def _values(step: Step, bindings: Bindings) -> dict[str, Any]:
    return {key: template.evaluate(bindings) for key, template in step.values.items()}


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
