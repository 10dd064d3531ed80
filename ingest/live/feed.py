"""One look at the history for all who listen in this process. What a message looks like is in `messages.py`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import anyio
import anyio.to_thread
import structlog
from sqlalchemy import Row

from ingest.live import messages
from ingest.live.listener import Listener, Wanted
from workers.errors import DaybookError, StoreUnavailable
from workers.store import history, tail
from workers.store.engine import Store
from workers.store.events import payloads
from workers.store.position import Position
from workers.store.tail import Following

log = structlog.get_logger(__name__)

#: seconds between two looks while anybody listens
_PACE = 0.4
#: events in one look; and where their bodies are read, which may have megabytes each
_EVENTS, _BODIES = 500, 25
#: listeners of one process
MOST = 200
#: numbers of events that one who comes back is told of what was missed
FURTHEST = 10_000

Answer = TypeVar("Answer")
_Page = tuple[Sequence[Row[Any]], Mapping[UUID, dict[str, Any]]]


class Crowded(DaybookError):
    """As many listen to this process as may; come again later, or ask for pages instead."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look found: for each wish its messages."""

    following: Following
    told: Mapping[Wanted, list[bytes]]
    more: bool


class Feed:
    """Tells listeners what is written. It looks while anybody listens, and not otherwise.

    A listener that comes back with the position of its last message is told first what it missed, by statements of its
    own; then it hears what all hear. Nothing is lost or told twice on the way.
    """

    def __init__(self, store: Store, *, most: int = MOST, furthest: int = FURTHEST) -> None:
        self._store = store
        self.most, self._furthest = most, furthest
        self._listeners: dict[Listener, None] = {}
        self._coming = 0
        self._following: Following | None = None
        self._looking: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._nobody = asyncio.Event()
        # Whoever asks for what it missed waits for others who do, and keeps nobody from hearing what is new.
        self._looks, self._pages = anyio.CapacityLimiter(1), anyio.CapacityLimiter(2)

    async def listen(self, wanted: Wanted, last: Position | None) -> Listener:
        """A new listener, who is to `leave`. Raises `Crowded`, and `StoreUnavailable` as it asks SQL once."""
        if len(self._listeners) + self._coming >= self.most:
            raise Crowded
        self._coming += 1
        try:
            async with self._turn:
                if self._following is None or not self._listeners:
                    self._following = await anyio.to_thread.run_sync(self._begin, limiter=self._looks)
                else:  # what this listener was told elsewhere must be seen here too before it goes on from there
                    while await self._look():
                        pass
                listener = Listener(wanted, last, self._following.position)
                self._listeners[listener] = None
        finally:
            self._coming -= 1
        self._nobody.clear()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._keep_looking(), context=Context())
        return listener

    def leave(self, listener: Listener) -> None:
        """Tell it nothing more."""
        self._listeners.pop(listener, None)
        if not self._listeners:
            self._nobody.set()

    async def missed(self, listener: Listener) -> AsyncIterator[bytes]:
        """What it missed before it listened, piece by piece; SQL is waited for."""
        last, goal = listener.last, listener.start
        if last is None:
            return
        if last.highest > goal.highest or goal.highest - last.highest > self._furthest:
            yield messages.gap(goal, await _patiently(partial(self._known, last), self._pages))
            return
        size = _BODIES if listener.wanted.payload else _EVENTS
        after = 0
        while True:
            page = partial(self._page, listener.wanted, last, goal, after, size)
            rows, bodies = await _patiently(page, self._pages)
            told = [
                messages.event(row, last.on_the_way_to(goal, row.seq), bodies.get(row.id))
                for row in rows
                if row.seq not in goal.open  # the feed will come to it
            ]
            if told:
                yield b"".join(told)
            if len(rows) < size:
                return
            after = rows[-1].seq

    async def close(self) -> None:
        """Look no more, once the look is over that is going on."""
        self._listeners.clear()
        self._nobody.set()
        if self._looking is not None:
            await self._looking

    async def _keep_looking(self) -> None:
        away = False
        more = False
        while self._listeners:
            if not more:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PACE):
                        await self._nobody.wait()
                        continue
            more = False
            try:
                async with self._turn:
                    more = await self._look()
            except StoreUnavailable as error:
                if not away:
                    log.warning("live.store_away", reason=error.message)
                away = True
                continue
            except Exception:
                log.exception("live.look_failed")
                continue
            if away:
                log.info("live.store_back")
            away = False

    async def _look(self) -> bool:
        """Tell all what is new; whether there is more."""
        assert self._following is not None
        wanted = {listener.wanted for listener in self._listeners}
        seen = await anyio.to_thread.run_sync(self._see, self._following, wanted, limiter=self._looks)
        self._following = seen.following
        for listener in list(self._listeners):
            if not listener.tell(seen.told.get(listener.wanted, ()), seen.following.position):
                self.leave(listener)
        return seen.more

    def _begin(self) -> Following:
        with self._store.read() as connection:
            return tail.begin(connection)

    def _see(self, following: Following, wanted: set[Wanted]) -> _Seen:
        with self._store.read() as connection:
            some = any(one.payload for one in wanted)
            look = tail.look(connection, following, limit=_BODIES if some else _EVENTS)
            seqs = [seq for seq, _ in look.found]
            chosen = {
                events: frozenset(history.among(connection, events, seqs)) for events in {one.events for one in wanted}
            }
            with_body = frozenset[int]().union(*(chosen[one.events] for one in wanted if one.payload))
            rows = history.by_seq(connection, sorted(frozenset[int]().union(*chosen.values())))
            bodies = payloads(connection, [row for row in rows if row.seq in with_body])
        positions = dict(look.found)
        told: dict[Wanted, list[bytes]] = {one: [] for one in wanted}
        for row in rows:
            made: dict[bool, bytes] = {}  # the same bytes for all who are told the same
            for one in wanted:
                if row.seq in chosen[one.events]:
                    if one.payload not in made:
                        payload = bodies[row.id] if one.payload else None
                        made[one.payload] = messages.event(row, positions[row.seq], payload)
                    told[one].append(made[one.payload])
        return _Seen(look.following, told, look.more)

    def _page(self, wanted: Wanted, last: Position, goal: Position, after: int, size: int) -> _Page:
        with self._store.read() as connection:
            seqs = history.seqs_beyond(connection, wanted.events, last, limit=size, after=after, until=goal.highest)
            rows = history.by_seq(connection, seqs)
            return rows, payloads(connection, rows) if wanted.payload else {}

    def _known(self, last: Position) -> Row[Any] | None:
        with self._store.read() as connection:
            return next(iter(history.by_seq(connection, [last.highest])), None)


async def _patiently(ask: Callable[[], Answer], limiter: anyio.CapacityLimiter) -> Answer:
    """What a question to SQL gives, asked again until SQL is there."""
    while True:
        try:
            return await anyio.to_thread.run_sync(ask, limiter=limiter)
        except StoreUnavailable:
            await asyncio.sleep(_PACE)
