"""The call budget of a connection in SQL, so that all processes share it. How it is reckoned is `calcom.budget`'s."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from workers.calcom import budget
from workers.calcom.budget import BURST, Level
from workers.errors import NotFound
from workers.store.clock import clock as sql_clock
from workers.store.engine import Store
from workers.store.tables import budgets, connections

T = TypeVar("T")

#: seconds for which a look at SQL is good, where only a halt is looked for
LOOK = 0.1


class SqlBudget:
    """`workers.calcom.budget.Budget` on the row of a connection. The clock is the database's.

    `per_minute` 0: no rate of our own, though a halt that Cal.com asked for is kept. One asked for here counts at
    once. What another process does, a halt or a removal, is noticed up to `LOOK` seconds later: calls under way then
    are made anyway, and a call costs no SQL. Raises StoreUnavailable, and NotFound once the connection is removed.
    """

    def __init__(
        self, store: Store, pcid: str, per_minute: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._pcid = pcid
        self.per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        #: when SQL was last looked at for a halt, and the end of the latest halt that is known of; on our own clock
        self._looked_at = self._halted_until = -math.inf

    def reserve(self) -> float:
        """Take one call; the seconds to wait before making it."""
        if not self.per_minute:
            return self._halted()
        # A burst larger than a minute's worth would let a small budget be overdrawn several times over.
        burst = min(BURST, self.per_minute)
        return self._change(lambda level, now: budget.reserve(level, now, per_minute=self.per_minute, burst=burst))

    def halt(self, seconds: float) -> None:
        """No call of any process for so many seconds."""
        self._know(seconds)  # first: this process keeps it even where SQL is away
        self._change(lambda level, now: (budget.halt(level, now, seconds), None))

    def _halted(self) -> float:
        """Seconds until the halt ends."""
        now = self._clock()
        if now >= max(self._looked_at + LOOK, self._halted_until):
            if seconds := self._halted_in_sql():
                self._know(seconds)
            self._looked_at = now
        return max(0.0, self._halted_until - self._clock())

    def _know(self, seconds: float) -> None:
        with self._lock:  # a look that began before a halt must not undo it
            self._halted_until = max(self._halted_until, self._clock() + min(seconds, budget.HORIZON))

    def _halted_in_sql(self) -> float:
        """The same, read without a lock: there is nothing to take."""
        with self._store.read() as connection:
            query = select(budgets.c.halted_until, sql_clock(connection)).where(budgets.c.connection == self._pcid)
            row = connection.execute(query).one_or_none()
        if row is None:  # the first call of all; `_change` makes the row, or says that the connection is gone
            return self._change(lambda level, now: (None, max(0.0, min(level.halted_until - now, budget.HORIZON))))
        return max(0.0, min(float(row[0]) - float(row[1]), budget.HORIZON))

    def _change(self, step: Callable[[Level, float], tuple[Level | None, T]]) -> T:
        """Read the level, let `step` make a new one (None: it stays), write it; one process at a time."""
        with self._store.write() as connection:
            level = self._locked(connection)
            # The clock is asked once the row is locked: waiting for it takes time.
            changed, answer = step(level, float(connection.execute(select(sql_clock(connection))).scalar_one()))
            if changed is not None:
                connection.execute(
                    update(budgets)
                    .where(budgets.c.connection == self._pcid)
                    .values(next_at=changed.next_at, halted_until=changed.halted_until)
                )
            return answer

    def _locked(self, connection: Connection) -> Level:
        """The row, locked until the transaction ends; made where there is none yet."""
        # SQLite has no FOR UPDATE and needs none: `Store.write` begins IMMEDIATE.
        query = select(budgets).where(budgets.c.connection == self._pcid).with_for_update()
        row = connection.execute(query).one_or_none()
        if row is None:
            try:
                with connection.begin_nested():
                    connection.execute(insert(budgets).values(connection=self._pcid, next_at=0.0, halted_until=0.0))
            except IntegrityError:
                pass  # another process made it a moment ago, or there is no such connection: the next look tells
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"The connection {self._pcid!r} was removed while it was used.")
        return Level(row.next_at, row.halted_until)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a connection's budget stands. `left` is how many calls could be made at once now, None where it has no rate
    of its own; `halted_until` is when Cal.com wants calls again, None where it does not mind them."""

    connection: str
    per_minute: int
    left: int | None
    halted_until: datetime | None


def standings(connection: Connection) -> list[Standing]:
    """How every connection's budget stands, by PCID. Nothing is taken, nobody waits for it."""
    query = select(
        connections.c.pcid, connections.c.per_minute, budgets.c.next_at, budgets.c.halted_until, sql_clock(connection)
    )
    query = query.outerjoin(budgets, budgets.c.connection == connections.c.pcid).order_by(connections.c.pcid)
    found = []
    for pcid, per_minute, next_at, halted_until, clock in connection.execute(query):
        now = float(clock)
        level = Level(next_at or 0.0, min(halted_until or 0.0, now + budget.HORIZON))
        left = budget.left(level, now, per_minute=per_minute, burst=min(BURST, per_minute)) if per_minute else None
        halt = datetime.fromtimestamp(level.halted_until, UTC) if level.halted_until > now else None
        found.append(Standing(pcid, per_minute, left, halt))
    return found


class YieldingBudget(SqlBudget):
    """The same budget for whoever gives way to the actions of rules: it takes a call only where none is waited for.

    It looks again for up to `patience` seconds; after them `reserve` says how long it would still be, and has taken
    nothing.
    """

    def __init__(
        self,
        store: Store,
        pcid: str,
        per_minute: int,
        *,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(store, pcid, per_minute, clock=clock)
        self._patience = patience
        self._sleep = sleep

    def reserve(self) -> float:
        """Take one call, if need be later; more than 0 where none was taken: the seconds until there may be one."""
        until = self._clock() + self._patience
        while True:
            seconds = self._taken()
            left = until - self._clock()
            if seconds <= 0 or seconds > left:
                return seconds
            self._sleep(min(seconds, left))

    def _taken(self) -> float:
        if not self.per_minute:
            return super().reserve()
        # Half of what may go at once is left to the actions.
        burst = max(1, min(BURST, self.per_minute) // 2)

        def step(level: Level, now: float) -> tuple[Level | None, float]:
            taken, seconds = budget.reserve(level, now, per_minute=self.per_minute, burst=burst)
            return (taken, 0.0) if seconds <= 0 else (None, seconds)

        return self._change(step)
