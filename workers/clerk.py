"""What is written down of runs between two attempts: how the last one ended, and that the next one begins.

It is noted on a sheet, and entered before the transaction of whoever asks is over, for all runs of it together.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Connection

from workers.actions.kind import Again, Call, Done, Kind, Lost, Outcome, Refused, Stop, Unknowable, Until
from workers.catalogue import bodies
from workers.catalogue.mask import mask
from workers.hand import IN_DOUBT, Later, Over, Run, open_run
from workers.rulebook import Rulebook
from workers.rules import allowance
from workers.rules.expressions import Bindings, Unresolved
from workers.rules.rule import Step
from workers.store import claims, history, ledger, switches
from workers.store.claims import Claimed
from workers.store.ledger import Action, ActionState
from workers.store.quick import Entry, enter
from workers.store.runs import RunState

log = structlog.get_logger(__name__)

#: bytes of JSON of a step's output that are kept
MOST_KEPT = 1_000_000


class LeaseLostError(Exception):
    """Another process has the run by now: nothing of it is ours to write any more."""


class SwitchedError(Exception):
    """A person switched the rule to dry run meanwhile: what is not there is not done any more."""


class InDoubt(Again):
    """Cal.com could not be asked now whether an earlier attempt did it: all stays as it was, in doubt."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A step whose time has come, with its values."""

    place: int
    call: Call
    #: what was written down of it by an earlier attempt
    earlier: Action | None
    #: an earlier attempt may have done it: that is looked for first
    doubted: bool


class Sheet:
    """What is to be entered in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._noted: list[Entry] = []
        self._dry: frozenset[str] | None = None

    def dry(self, rule: str) -> bool:
        """Whether a person switched the rule to dry run; asked once in a transaction, in that transaction."""
        if self._dry is None:
            self._dry = switches.dry(self.connection)
        return rule in self._dry

    def note(self, entry: Entry) -> None:
        """To be entered."""
        self._noted.append(entry)

    def enter(self) -> None:
        """Enter what was noted. Raises LeaseLostError where one of the runs is no longer ours: then nothing may be
        committed."""
        noted, self._noted = self._noted, []
        if not enter(self.connection, noted):
            raise LeaseLostError


class Clerk:
    """Keeps the ledger for one process. Safe to share between threads.

    `clock` gives an aware instant, `dice` a number from 0 to 1; an attempt may take half of `lease` seconds.
    """

    def __init__(
        self,
        book: Rulebook,
        kinds: Mapping[str, Kind],
        lease: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._book = book
        self._kinds = kinds
        self._lease = lease
        self._clock = clock
        self._dice = dice

    def claim(self, connection: Connection, holders: Sequence[str], only: UUID | None = None) -> list[Claimed]:
        """Take in hand what is due next, a run for each holder as far as there are any, or that run."""
        return claims.claim(connection, holders=holders, now=self._clock(), seconds=self._lease, only=only)

    def opened(self, sheet: Sheet, claimed: Sequence[Claimed]) -> Iterator[tuple[Run | None, Reached | None]]:
        """Each run, and its first step, begun; None where there is nothing to be done of it now."""
        rows = history.many(sheet.connection, [one.event_id for one in claimed])
        for one, row in zip(claimed, rows, strict=True):
            run = reached = None
            with self._put_down(sheet, one):
                now, dice = self._clock(), self._dice()
                run = open_run(sheet.connection, self._book, self._kinds, one, row, now=now, dice=dice)
                reached = self._next(sheet, run)
            yield run, reached

    def ended(self, sheet: Sheet, run: Run, reached: Reached, outcome: Outcome | Unknowable) -> Reached | None:
        """How an attempt ended; the run's next step, begun, or None where none follows now."""
        after = None
        with self._put_down(sheet, run.claimed):
            self._judge(sheet, run, reached, outcome)
            after = self._next(sheet, run)
        return after  # noqa: RET504  # the block may end before that

    def ended_by(
        self, sheet: Sheet, run: Run, reached: Reached, outcome: Outcome | Unknowable, error: Exception
    ) -> None:
        """How an attempt ended, and that a fault of our own ends the run with it."""
        with self._put_down(sheet, run.claimed):
            self._judge(sheet, run, reached, outcome)
            if not run.over:  # after its last step there is nothing left to end
                self.bug(sheet, run.claimed, error)

    def begun_again(self, sheet: Sheet, run: Run, reached: Reached) -> None:
        """It is certain that the effect is not there: another attempt begins, and its lease anew. Raises SwitchedError
        where none may begin any more."""
        if sheet.dry(run.rule.name):
            raise SwitchedError
        sheet.note(claims.renewing(sheet.connection, run.claimed.id, run.claimed.holder, self._lease))
        self._attempted(sheet, run, reached.place, reached.call)

    def bug(self, sheet: Sheet, claimed: Claimed, error: Exception) -> None:
        """A fault of our own ends the run: else it would be taken up again and again, and its entity with it."""
        log.error("run.failed", **claimed.named, exc_info=error)
        reason = f"an unexpected {type(error).__name__}, which is a bug; the log has more"
        self._end(sheet, claimed, RunState.DEAD, reason)

    @contextmanager
    def _put_down(self, sheet: Sheet, claimed: Claimed) -> Iterator[None]:
        """Where the run is over, or comes to nothing now, that is written down, and the block ends there."""
        try:
            yield
        except Over as over:
            self._end(sheet, claimed, over.state, over.reason)
        except Later as later:
            sheet.note(
                claims.postponing(
                    claimed.id,
                    claimed.holder,
                    due_at=later.due_at,
                    attempt=later.attempt,
                    reason=later.reason,
                    failed=later.failed,
                )
            )

    def _end(self, sheet: Sheet, claimed: Claimed, state: RunState, reason: str | None) -> None:
        sheet.note(claims.finishing(claimed.id, claimed.holder, state=state, reason=reason, now=self._clock()))
        if state is RunState.DEAD:
            log.error("run.dead", **claimed.named, reason=reason)

    def _next(self, sheet: Sheet, run: Run) -> Reached | None:
        """The step that has to be attempted, written down as begun; None where the run is over. Raises Over."""
        if run.rule.dry_run:
            self._rehearse(sheet, run, "dry run")
        while run.claimed.step < len(run.steps):
            if not self._decided(run) and sheet.dry(run.rule.name):
                self._rehearse(sheet, run, "dry run, as its switch says")
            if (reached := self._reach(sheet, run, run.claimed.step)) is not None:
                return reached
        if not run.over:
            raise Over(RunState.DONE, run.trouble)
        return None

    def _decided(self, run: Run) -> bool:
        """Whether the step that comes next was begun before, and may have been done or was: what is known of it is
        written down first, whatever the switch says by now."""
        earlier = run.actions.get(run.steps[run.claimed.step].id)
        return earlier is not None and (
            earlier.state is ActionState.DONE or (earlier.state in IN_DOUBT and self._kinds[earlier.kind].changes)
        )

    def _rehearse(self, sheet: Sheet, run: Run, why: str) -> None:
        """A dry run from here on: what each step would be told is written down, and nothing is done."""
        outputs = run.undone if run.undoes else run.outputs
        acted = [
            step for step in run.steps[: run.claimed.step] if step.id in outputs and self._kinds[step.kind].changes
        ]
        for place, step in enumerate(run.steps[run.claimed.step :], run.claimed.step):
            now = self._clock()
            try:
                request = self._kinds[step.kind].shown(_values(step, run.bindings(step, now)))
                reason = why
            except Unresolved as error:  # it needs what an earlier step would have given
                request, reason = {}, f"{why}; {error.reason}"
            self._begin(sheet, run, place, ActionState.SKIPPED, request, None, now)
            sheet.note(ledger.settle(run.claimed.id, step.id, state=ActionState.SKIPPED, now=now, reason=reason))
        if acted:
            raise Over(RunState.DONE, "; ".join([*run.troubles, f"{why}, after step {acted[-1].id}"]))
        raise Over(RunState.SKIPPED, why)

    def _reach(self, sheet: Sheet, run: Run, place: int) -> Reached | None:
        """The step at that place, begun; None where it is passed over."""
        step = run.steps[place]
        earlier = run.actions.get(step.id)
        now = earlier.begun_at if earlier is not None else self._clock()
        kind = self._kinds[step.kind]
        doubted = earlier is not None and earlier.state in IN_DOUBT and kind.changes
        try:
            bindings = run.bindings(step, now)
            if step.condition is not None and earlier is None and not step.condition.holds(bindings):
                self._note(sheet, run, place, ActionState.SKIPPED, reason="its `if` did not hold", now=now)
                return None
            if run.foreign and (needs := sorted(run.foreign & step.outputs)):
                reason = f"what step {needs[0]} was to do somebody else had done: it is not taken back"
                self._note(sheet, run, place, ActionState.SKIPPED, reason=reason, now=now)
                return None
            values = _values(step, bindings)
        except Unresolved as error:
            state = ActionState.UNKNOWN if doubted else ActionState.FAILED
            self._give_up(sheet, run, place, f"step {step.id}: {error.reason}", state)
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
            self._attempted(sheet, run, place, call)
        return Reached(place, call, earlier, doubted)

    def _attempted(self, sheet: Sheet, run: Run, place: int, call: Call) -> None:
        """Write down that an attempt begins."""
        kind = self._kinds[run.steps[place].kind]
        state = ActionState.SENDING if kind.changes else ActionState.PLANNED
        self._begin(sheet, run, place, state, kind.shown(call.values), kind.effect(call), call.reached)

    def _judge(self, sheet: Sheet, run: Run, reached: Reached, outcome: Outcome | Unknowable) -> None:
        """How an attempt ended, and what follows from it. Raises Over and Later."""
        place, step = reached.place, run.steps[reached.place]
        match outcome:
            case Done():
                output = _kept(outcome.output)
                note = outcome.note or ("it was there already" if outcome.found else None)
                ours = not (outcome.found and outcome.note)
                now = self._clock()
                self._note(sheet, run, place, ActionState.DONE, answer=output, reason=note, now=now, ours=ours)
                run.keep(step, output)
            case Stop():
                reason, now = outcome.reason, self._clock()
                self._note(sheet, run, place, ActionState.DONE, reason=reason, now=now, advance=False)
                raise Over(RunState.DONE, "; ".join([*run.troubles, outcome.reason]))
            case Until():
                raise Later(outcome.at, f"step {step.id} waits", failed=False, attempt=run.claimed.attempt)
            case Refused():
                self._give_up(sheet, run, place, f"step {step.id}: {outcome.reason}", ActionState.FAILED)
            case Unknowable():
                reason = f"step {step.id}: nobody knows whether it was done: {outcome.reason}"
                self._give_up(sheet, run, place, reason, ActionState.UNKNOWN)
            case Lost() | Again():
                self._try_again(sheet, run, place, outcome)

    def _try_again(self, sheet: Sheet, run: Run, place: int, outcome: Lost | Again) -> None:
        """Another attempt, if the step has one left. Raises Over and Later."""
        step, attempt = run.steps[place], run.claimed.attempt + 1
        at_least = outcome.after if isinstance(outcome, Again) else 0.0
        counts = outcome.counts if isinstance(outcome, Again) else True
        pause = step.retry.pause(attempt if counts else attempt - 1, self._dice(), at_least=at_least)
        lost = isinstance(outcome, Lost | InDoubt)
        if pause is None:
            state = ActionState.UNKNOWN if lost and self._kinds[step.kind].changes else ActionState.FAILED
            self._give_up(sheet, run, place, f"step {step.id}: {outcome.reason}, {attempt} times", state)
            return
        now = self._clock()
        if not lost:
            failed, reason = ActionState.FAILED, outcome.reason
            sheet.note(ledger.settle(run.claimed.id, step.id, state=failed, reason=reason, now=now, again=True))
        raise Later(
            now + timedelta(seconds=pause),
            f"step {step.id}: {outcome.reason}",
            failed=True,
            attempt=attempt if counts else run.claimed.attempt,
        )

    def _give_up(self, sheet: Sheet, run: Run, place: int, reason: str, state: ActionState) -> None:
        """Another attempt would end the same way: the run is dead, or goes on without the step where it says so."""
        goes_on = run.steps[place].on_error == "continue"
        run.troubles.append(reason)
        self._note(sheet, run, place, state, reason=reason, now=self._clock(), advance=goes_on)
        if not goes_on:
            raise Over(RunState.DEAD, reason)

    def _note(
        self,
        sheet: Sheet,
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
            sheet.note(claims.renewing(sheet.connection, run_id, holder, self._lease))
        elif last:
            done, at = RunState.DONE, self._clock()
            sheet.note(claims.finishing(run_id, holder, state=done, reason=run.trouble, now=at))
        else:
            sheet.note(claims.advancing(sheet.connection, run_id, holder, place + 1, self._lease))
        if step.id not in run.actions and step.id not in run.begun:
            self._begin(sheet, run, place, ActionState.PLANNED, {}, None, now)
        sheet.note(ledger.settle(run_id, step.id, state=state, now=now, answer=answer, reason=reason, ours=ours))
        if advance:
            run.claimed = replace(run.claimed, step=place + 1, attempt=0)
            run.over = last

    def _begin(
        self,
        sheet: Sheet,
        run: Run,
        place: int,
        state: ActionState,
        request: Mapping[str, Any],
        effect: str | None,
        now: datetime,
    ) -> None:
        step = run.steps[place]
        entry = ledger.begin(
            sheet.connection,
            run.claimed.id,
            step=step.id,
            place=place,
            kind=step.kind,
            state=state,
            request=_storable(request),
            effect=effect,
            now=now,
        )
        sheet.note(entry)
        run.begun.add(step.id)


def _values(step: Step, bindings: Bindings) -> dict[str, Any]:
    with allowance.for_dear(allowance.LIVE):
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
