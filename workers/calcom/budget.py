"""How often a connection may call: a rate with a burst, and a halt when Cal.com says so. Pure, and one lock.

Cal.com allows an API key 120 calls in 60 seconds and then blocks it for 60; bursts have locked accounts. The
budget stays below that. This is the generic cell rate algorithm: one number says when the next call is due,
so several processes can share a budget by sharing two numbers.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

PER_MINUTE = 90.0
BURST = 10
#: Nothing is due later than this, in seconds: a level beyond it comes from a clock that jumped.
HORIZON = 3600.0


@dataclass(frozen=True, slots=True)
class Level:
    """How much of a budget is used. Both are seconds on the clock that `now` is read from."""

    #: when the rate alone would allow another call, were there no burst
    next_at: float = 0.0
    #: no call before this
    halted_until: float = 0.0


def reserve(level: Level, now: float, *, per_minute: float = PER_MINUTE, burst: int = BURST) -> tuple[Level, float]:
    """Take one call. Gives the new level and how many seconds (>= 0) to wait before that call.

    `burst` calls may go at once after a pause; then one every 60 / `per_minute` seconds.
    """
    interval = 60.0 / per_minute
    start = max(now, min(level.halted_until, now + HORIZON))
    next_at = max(start, min(level.next_at, start + HORIZON))
    due = max(start, next_at - interval * (burst - 1))
    return Level(next_at + interval, level.halted_until if start > now else 0.0), due - now


def halt(level: Level, now: float, seconds: float) -> Level:
    """Nobody calls for that many seconds (at most `HORIZON`). A halt never shortens one that runs longer."""
    until = now + min(max(seconds, 0.0), HORIZON)
    return Level(level.next_at, max(until, min(level.halted_until, now + HORIZON)))


def left(level: Level, now: float, *, per_minute: float = PER_MINUTE, burst: int = BURST) -> int:
    """How many calls could be made at once, now; nothing is taken."""
    if level.halted_until > now:
        return 0
    used = (min(level.next_at, now + HORIZON) - now) * per_minute / 60.0
    return max(0, math.floor(burst - max(used, 0.0) + 1e-6))  # a call that is due this moment counts


class Budget(Protocol):
    """One connection's budget. Both may do I/O, briefly; they are called from several threads."""

    def reserve(self) -> float:
        """Take one call; the seconds to wait before making it."""
        ...

    def halt(self, seconds: float) -> None:
        """Cal.com wants no call for so many seconds."""
        ...


class LocalBudget:
    """A budget of this process alone, for the sandbox, tests and single commands."""

    def __init__(
        self,
        per_minute: float = PER_MINUTE,
        burst: int = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_minute = per_minute
        self._burst = burst
        self._clock = clock
        self._level = Level()
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take one call; the seconds to wait before making it."""
        with self._lock:
            self._level, seconds = reserve(self._level, self._clock(), per_minute=self._per_minute, burst=self._burst)
        return seconds

    def halt(self, seconds: float) -> None:
        """No call for so many seconds."""
        with self._lock:
            self._level = halt(self._level, self._clock(), seconds)
