"""Time that passes when a test says so, for what would otherwise depend on how busy the machine is."""

from __future__ import annotations

import asyncio
import time

import pytest


def later(seconds: float) -> None:
    """So many seconds pass for the loop that runs in this thread, which must be asyncio's own."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # it asks itself for the time at each turn


class Clock:
    """The time that calls are given: in event loops, by `asyncio.timeout`, and in threads, by `calcom.deadline`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        #: seconds that each `asyncio.timeout` was asked for
        self.asked: list[float | None] = []
        self._late = 0.0
        self._loops: list[asyncio.AbstractEventLoop] = []
        self._timeout = asyncio.timeout
        patch.setattr(asyncio, "timeout", self.timeout)
        patch.setattr("workers.calcom.deadline.time", self)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        self.asked.append(seconds)
        self._loops.append(asyncio.get_running_loop())
        return self._timeout(seconds)

    def monotonic(self) -> float:
        return time.monotonic() + self._late

    def forward(self, seconds: float) -> None:
        """So many seconds pass. From any thread."""
        self._late += seconds
        for loop in self._loops[-1:]:
            loop.call_soon_threadsafe(later, seconds)
