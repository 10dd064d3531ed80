"""Carrying out runs: take one in hand, go through its steps, each of them done between two entries in the ledger.

What a step does is its kind's, what is written down is `clerk`'s; this knows when it may be done. Before a step that
changes anything `sending` is committed; after a crash, or an answer that was lost, nothing is sent again until the
kind's probe has said that the effect is not there. Where no probe can tell, a person decides.

Between two attempts there is one transaction, and threads that have come to theirs while another's was under way share
the next one.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from structlog.contextvars import bound_contextvars

from workers import measures, traces
from workers.actions.kind import Absent, Again, Call, Done, Kind, Lost, Outcome, Refused, Toolbox, Unknowable
from workers.clerk import Clerk, InDoubt, LeaseLostError, Reached, Sheet, SwitchedError
from workers.errors import DaybookError, StoreUnavailable
from workers.hand import Run
from workers.rulebook import Rulebook
from workers.store import claims
from workers.store.claims import Claimed
from workers.store.engine import Store
from workers.store.ledger import ActionState

log = structlog.get_logger(__name__)

#: seconds that a run is in one process's hand, unless settings say otherwise; each step begins them anew
LEASE = 300.0

_Told = TypeVar("_Told")


@dataclass(slots=True)
class _Taken:
    """What was taken in hand: None where nothing was due, where it could not be opened, where it is over."""

    claimed: Claimed | None = None
    run: Run | None = None
    reached: Reached | None = None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One that was made."""

    run: Run
    reached: Reached
    outcome: Outcome | Unknowable


@dataclass(slots=True, eq=False)
class _Turn:
    """What a thread has to be written down, and what came of it."""

    holder: str
    #: the attempt that it made; None: it has no run in hand
    attempt: _Attempt | None
    #: whether it takes up another run if that one comes to nothing more
    go_on: Callable[[], bool]
    taken: _Taken = field(default_factory=_Taken)
    error: Exception | None = None
    over: bool = False


class _Hand:
    """The span of a run in hand, from the first of its attempts until it is put down."""

    def __init__(self) -> None:
        self._claimed: Claimed | None = None
        self._began = 0

    def at(self, claimed: Claimed) -> None:
        """That run is in hand now; one before it was put down."""
        if self._claimed is None or self._claimed.id != claimed.id:
            self.end()
            self._claimed, self._began = claimed, traces.now()

    def end(self) -> None:
        """It is put down."""
        if (claimed := self._claimed) is not None and traces.on():
            facts = {**claimed.named, "act": claimed.act}
            under, own = traces.root(claimed.event_id), _hand(claimed)
            traces.tell("run", claimed.event_id, began=self._began, facts=facts, own=own, under=under)


def _hand(claimed: Claimed) -> int:
    """The id of that span: of this run, in this hand."""
    return traces.span_id("run", claimed.id.hex, claimed.holder)


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
        self._kinds = kinds
        self._box = box
        self._holder = holder
        self._clerk = Clerk(book, kinds, lease, clock, dice)
        self._claims = itertools.count(1)
        self._under_way: set[str] = set()
        #: who has it writes for all those in the queue
        self._desk = threading.Lock()
        self._queue: deque[_Turn] = deque()

    def act(self, go_on: Callable[[], bool] = lambda: False) -> bool:
        """Carry out one run that is due, as far as it goes now, and others after it while `go_on` says so.

        False where there is none left. Raises StoreUnavailable.
        """
        # Each time is a holder of its own: a thread that slept through its lease must not take for its own what another
        # thread of the process has taken up since.
        mine = f"{self._holder}.{next(self._claims)}"
        self._under_way.add(mine)
        hand = _Hand()
        try:
            while True:
                taken = at = self._take(mine)
                while at.run is not None and at.reached is not None:
                    hand.at(at.run.claimed)
                    at = self._step(at.run, at.reached, go_on)
                if taken.claimed is None or not go_on():
                    return taken.claimed is not None
        finally:
            hand.end()
            self._under_way.discard(mine)

    @property
    def under_way(self) -> int:
        """How many threads are at a run, or about to take one."""
        return len(self._under_way)

    def give_back(self) -> None:
        """Put down what is in hand and no thread is at, for another process. What is still under way stays in hand:
        the call may be on its way, and nobody could see that."""
        with self._store.write() as connection:
            claims.give_back(connection, self._holder, besides=tuple(self._under_way))

    def _take(self, mine: str) -> _Taken:
        """Take a run in hand, and begin its first step."""
        turn = _Turn(mine, None, lambda: True)
        try:
            return self._written(turn)
        except StoreUnavailable:
            raise
        except LeaseLostError:  # the transaction took longer than the lease; nothing of it is there
            log.warning("run.lease_lost", **(turn.taken.claimed.named if turn.taken.claimed else {}))
        except Exception as error:
            if turn.taken.claimed is None:
                raise
            with self._store.write() as connection:  # the claim went with the rest
                sheet = Sheet(connection)
                for again in self._clerk.claim(connection, [mine], only=turn.taken.claimed.id):
                    self._clerk.bug(sheet, again, error)
                sheet.enter()
        return _Taken(turn.taken.claimed)

    def _step(self, run: Run, reached: Reached, go_on: Callable[[], bool]) -> _Taken:
        """Make the attempt that a run has come to, and write down how it ended; what was taken in hand after it."""
        try:
            attempt = _Attempt(run, reached, self._watched(run, reached))
            try:
                return self._written(_Turn(run.claimed.holder, attempt, go_on))
            except (LeaseLostError, StoreUnavailable):
                raise
            except Exception as error:
                return self._salvaged(attempt, error)
        except LeaseLostError:
            log.warning("run.lease_lost", **run.claimed.named)
            return _Taken()

    def _written(self, turn: _Turn) -> _Taken:
        """In one transaction, its own or one with others: how the attempt ended, and what begins now, the run's next
        step or another's first."""
        self._queue.append(turn)
        with self._desk:
            if not turn.over:
                if turn not in self._queue:  # who had it in front of them was torn away, and could not put it back
                    self._queue.append(turn)
                self._serve()
        if turn.error is not None:
            raise turn.error
        return turn.taken

    def _serve(self) -> None:
        """Write for all who wait. One whose entry cannot be written is no matter to the others."""
        turns: list[_Turn] = []
        try:
            try:
                with self._store.write() as connection:
                    self._come(turns)  # also who came while the transaction was waited for
                    self._write(connection, turns)
            except Exception as error:
                self._come(turns)
                self._serve_each(turns, error)
            for turn in turns:
                turn.over = True
        finally:
            # Where this thread was torn from what it does, the next of those who wait serves the others.
            self._queue.extendleft(turn for turn in reversed(turns) if not turn.over)

    def _come(self, turns: list[_Turn]) -> None:
        """All who wait come forward."""
        with suppress(IndexError):
            while True:
                turns.append(self._queue.popleft())

    def _serve_each(self, turns: list[_Turn], error: Exception) -> None:
        """The same, each in a transaction of its own, after one of all together failed with that error."""
        away = error if len(turns) == 1 else None
        for turn in turns:
            if away is None:
                try:
                    with self._store.write() as connection:
                        self._write(connection, [turn])
                except StoreUnavailable as unavailable:  # one try tells it for all the others
                    away = unavailable
                except Exception as own:
                    turn.error = own
            turn.error = turn.error or away
            turn.over = True

    def _write(self, connection: Connection, turns: list[_Turn]) -> None:
        sheet, idle = Sheet(connection), []
        for turn in turns:
            turn.taken = _Taken()
            if turn.attempt is not None:
                # A copy: what is written may be taken back, and then it is done again.
                run = turn.attempt.run.copy()
                reached = self._clerk.ended(sheet, run, turn.attempt.reached, turn.attempt.outcome)
                turn.taken = _Taken(run.claimed, run, reached)
                if reached is not None or not turn.go_on():
                    continue
            idle.append(turn)
        sheet.enter()  # a run that is over makes way for the next of its entity
        if idle:
            claimed = self._clerk.claim(connection, [turn.holder for turn in idle])
            # Whoever is in the middle may have got none, where another was quicker.
            of = {turn.holder: turn for turn in idle}
            for one in claimed:
                of[one.holder].taken = _Taken(one)
            for one, found in zip(claimed, self._clerk.opened(sheet, claimed), strict=True):
                of[one.holder].taken = _Taken(one, *found)
            sheet.enter()

    def _salvaged(self, attempt: _Attempt, error: Exception) -> _Taken:
        """A fault of our own came in between. That of another run is no matter here; for one of this run what came of
        the attempt is told all the same."""
        claimed = attempt.run.claimed
        log.error("run.not_written", **claimed.named, exc_info=error)
        try:
            return self._written(_Turn(claimed.holder, attempt, lambda: False))
        except (LeaseLostError, StoreUnavailable):
            raise
        except Exception as again:
            error = again
        try:
            with self._store.write() as connection:
                sheet = Sheet(connection)
                self._clerk.ended_by(sheet, attempt.run, attempt.reached, attempt.outcome, error)
                sheet.enter()
        except (LeaseLostError, StoreUnavailable):
            raise
        except Exception:
            with self._store.write() as connection:
                sheet = Sheet(connection)
                self._clerk.bug(sheet, claimed, error)
                sheet.enter()
        return _Taken()

    def _watched(self, run: Run, reached: Reached) -> Outcome | Unknowable:
        """One attempt, measured; what is logged within it says of which run and delivery it is."""
        claimed, kind = run.claimed, run.steps[reached.place].kind
        began, clock = traces.now(), time.monotonic()
        with bound_contextvars(**claimed.named, step=reached.call.step):
            outcome = self._attempt(run, reached)
        word = type(outcome).__name__.lower()
        measures.ATTEMPTS.labels(kind, word).observe(time.monotonic() - clock)
        if traces.on():
            facts = {**claimed.named, "step": reached.call.step, "kind": kind, "outcome": word}
            facts |= {"connection": reached.call.connection, "attempt": str(reached.call.attempt)}
            failed = word if isinstance(outcome, Refused | Lost | Again | Unknowable) else None
            traces.tell("attempt", claimed.event_id, began=began, facts=facts, under=_hand(claimed), failed=failed)
        return outcome

    def _attempt(self, run: Run, reached: Reached) -> Outcome | Unknowable:
        """One attempt; after one whose end nobody knows, only if it is certain that the effect is not there."""
        kind, call, earlier = self._kinds[run.steps[reached.place].kind], reached.call, reached.earlier
        if earlier is not None and earlier.state is ActionState.DONE:  # a person says so, and the run goes on
            return Done(earlier.answer, note=earlier.reason or "")
        if reached.doubted:
            found = self._asked(kind.probe, call)
            if isinstance(found, Again):
                return InDoubt(found.reason, found.after, found.counts)
            if isinstance(found, Refused):
                return Unknowable(found.reason)
            if not isinstance(found, Absent):
                return found
            try:
                with self._store.write() as connection:
                    sheet = Sheet(connection)
                    self._clerk.begun_again(sheet, run, reached)
                    sheet.enter()
            except SwitchedError:
                return Again("it was not done, and the rule is switched to dry run", counts=False)
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
