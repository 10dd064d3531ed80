"""Event loops whose time is as late as a test says, for what would otherwise depend on how busy the machine is."""

from __future__ import annotations

import asyncio


def later(seconds: float) -> None:
    """So many seconds pass for the loop that runs in this thread, which must be asyncio's own."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # it asks itself for the time at each turn
