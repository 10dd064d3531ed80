"""The response to one who listens. Who may, and to what, is said by whoever answers with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
from sse_starlette import EventSourceResponse
from starlette.types import Receive, Scope, Send

from ingest.live import messages
from ingest.live.feed import Feed
from ingest.live.listener import Listener, Wanted
from ingest.session import NotAllowed, SignInNeeded
from workers.errors import StoreUnavailable
from workers.store.position import Position

#: seconds between two looks whether the listener still may listen, and of silence after which a sign of life is given
_PULSE = 10.0
#: seconds that a stream has to end by itself once the process is told to stop
_GRACE = 3.0

#: raises `SignInNeeded` or `NotAllowed` once the one who listens may no longer
Allowed = Callable[[], Awaitable[object]]


async def stream(feed: Feed, wanted: Wanted, last: Position | None, allowed: Allowed) -> EventSourceResponse:
    """What is written from now on, or since the message at `last`. Raises `Crowded` and `StoreUnavailable`.

    It ends when the client goes, reads too slowly or may no longer listen, and when the process is told to stop; not
    while SQL is away. A client comes back with the id of its last message.
    """
    return _Stream(feed, await feed.listen(wanted, last), allowed)


class _Stream(EventSourceResponse):
    """Leaves the feed however it ends, also where it never began: HEAD is answered without a body."""

    def __init__(self, feed: Feed, listener: Listener, allowed: Allowed) -> None:
        stopping = anyio.Event()
        told = _told(feed, listener, allowed, stopping)
        super().__init__(told, ping=0, shutdown_event=stopping, shutdown_grace_period=_GRACE)
        self._feed, self._listener = feed, listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._feed.leave(self._listener)


async def _told(feed: Feed, listener: Listener, allowed: Allowed, stopping: anyio.Event) -> AsyncIterator[bytes]:
    async def end() -> None:
        await stopping.wait()
        listener.cut()

    ending = asyncio.create_task(end())
    try:
        async for told in _heard(feed, listener, _Patience(allowed)):
            yield told
    finally:
        ending.cancel()


async def _heard(feed: Feed, listener: Listener, patience: _Patience) -> AsyncIterator[bytes]:
    yield messages.beginning(listener.last or listener.start)
    async for told in feed.missed(listener):
        yield told
        if not await patience.lasts():
            return
    while True:
        heard = await listener.heard(_PULSE)
        if heard is None or not await patience.lasts():
            return
        yield heard or messages.pulse(listener.position)


class _Patience:
    """Asks now and then whether somebody may still listen."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._loop = asyncio.get_running_loop()
        self._asked = self._loop.time()

    async def lasts(self) -> bool:
        """Whether they may; a database that is away takes nothing from anyone."""
        if self._loop.time() < self._asked + _PULSE:
            return True
        try:
            await self._allowed()
        except (SignInNeeded, NotAllowed):
            return False
        except StoreUnavailable:
            return True
        self._asked = self._loop.time()
        return True
