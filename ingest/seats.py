"""Few at once: seats for what takes a processor for seconds, and a short bench for those who wait. No tool is known."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from workers.errors import DaybookError


class Busy(DaybookError):
    """Too many ask for this at once; ask again in a few seconds. Nothing was done."""


class Seats:
    """So many at once. Of the others some wait, for so many seconds; whoever finds no place to wait is told at once."""

    def __init__(self, number: int, *, bench: int, patience: float) -> None:
        self._number, self._bench, self._patience = number, bench, patience
        self._changed = threading.Condition()
        self._taken = self._waiting = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """A seat of one's own meanwhile. Raises Busy."""
        self._take()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify()

    def _take(self) -> None:
        until = time.monotonic() + self._patience
        with self._changed:
            if self._taken >= self._number and self._waiting >= self._bench:
                raise Busy
            self._waiting += 1
            try:
                while self._taken >= self._number:
                    left = until - time.monotonic()
                    if left <= 0:
                        raise Busy
                    self._changed.wait(left)
            finally:
                self._waiting -= 1
            self._taken += 1
