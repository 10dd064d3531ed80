"""One who listens: what it wants, what waits for it, and what it has heard. It asks nothing of SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from workers.store.history import Filter
from workers.store.position import Position

#: bytes, and messages, that may wait for one listener: one who reads slower than that is to come back
_BYTES, _MESSAGES = 4 * 1024 * 1024, 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a listener is told: events of this filter, with their payloads or without."""

    events: Filter
    payload: bool = False


class Listener:
    """Hears from the feed in the loop's thread, and is asked what there is by its own response, in the same thread."""

    def __init__(self, wanted: Wanted, last: Position | None, start: Position) -> None:
        self.wanted = wanted
        #: where it was when it was last told something, elsewhere or earlier
        self.last = last
        #: where the feed was when it began to tell it everything
        self.start = start
        #: behind it lies what was told, and what waits
        self.position = start
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._news = asyncio.Event()
        self._cut = False

    def tell(self, told: Sequence[bytes], position: Position) -> bool:
        """Let it hear this; False where it is too slow, and will hear nothing more."""
        size = sum(map(len, told))
        if self._waiting and (self._bytes + size > _BYTES or len(self._waiting) + len(told) > _MESSAGES):
            self.cut()
        else:
            self._waiting += told
            self._bytes += size
            self.position = position
            if told:
                self._news.set()
        return not self._cut

    def cut(self) -> None:
        """Let it hear nothing more."""
        self._cut = True
        self._waiting.clear()
        self._news.set()

    async def heard(self, seconds: float) -> bytes | None:
        """All that waits; nothing after so many seconds of silence; None: it was too slow, or cut off."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            if not self._news.is_set():  # it may come in the same turn of the loop
                return b""
        self._news.clear()
        if self._cut:
            return None
        told = b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return told
