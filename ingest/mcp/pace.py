"""How often a key may ask, and what it is told beyond. Calls of tools are counted in SQL, by `store.paces`.

Lists, resources and prompts cost little and are asked for at every start of a client, so each process counts them by
itself, in memory.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from workers.calcom.budget import Level, reserve
from workers.errors import DaybookError
from workers.store.audit import Who

#: JSON-RPC's code for it
TOO_MANY = -32029
#: messages that may come at once, however slow the pace: a client begins with a few
_BEGINNING = 10


class TooManyRequests(DaybookError):
    """This key asks too often; wait as many seconds as `after` says."""

    def __init__(self, message: str | None = None, *, after: float) -> None:
        super().__init__(message)
        self.after = after  # seconds


def used(per_minute: int, wait: float) -> TooManyRequests:
    """What a key is told that has used its minute."""
    return TooManyRequests(
        f"This key has used its {per_minute} calls a minute; the next may come in {math.ceil(wait)} s.", after=wait
    )


def key_of(who: Who) -> str:
    """What tells one key from others."""
    return str(who.key_id) if who.key_id is not None else who.name


class Pace:
    """So many messages a minute for each key, and a minute's worth at once; 0: as many as come. Threads share it."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._levels: dict[str, Level] = {}
        self._lock = threading.Lock()

    def take(self, who: Who) -> None:
        """One message. Raises TooManyRequests, and then it does not count."""
        if not self._per_minute:
            return
        key, burst = key_of(who), max(_BEGINNING, self._per_minute)
        with self._lock:
            before = self._levels.get(key, Level())
            level, wait = reserve(before, self._clock(), per_minute=self._per_minute, burst=burst)
            if wait > 0:
                raise used(self._per_minute, wait)
            self._levels[key] = level
