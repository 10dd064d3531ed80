"""The clients: `AsyncClient` for event loops, `Client` for threads. They send and wait, and decide nothing.

What is sent and what an answer means is in `requests`, the order of pages in `pages`, waiting and repeating in
`exchange`, the bounds in `rim`. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import httpx2
from anyio.from_thread import start_blocking_portal

from workers import certificates
from workers.calcom.budget import Budget
from workers.calcom.connection import Connection
from workers.calcom.exchange import Answer, Exchange, halt
from workers.calcom.requests import Reply, Request
from workers.calcom.rim import AS_USUAL, ATTEMPTS, MAX_WAIT, NO_ARGUMENTS, Rim, Timeouts, body_of, returned
from workers.calcom.tool import Tool


class AsyncClient(Rim):
    """Calls tools. The budget is asked in a thread, as it may do I/O. Close it, or use it in `async with`.

    A call ends after at most `timeouts.total` seconds and those it waits for its budget, at most `max_wait`.
    """

    def __init__(
        self,
        connection: Connection,
        budget: Budget,
        *,
        timeouts: Timeouts = AS_USUAL,
        max_wait: float = MAX_WAIT,
        attempts: int = ATTEMPTS,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        super().__init__(connection, budget, timeouts, max_wait, attempts)
        self._http = httpx2.AsyncClient(timeout=timeouts.for_httpx2(), transport=transport, verify=certificates.known())
        self._sleep = sleep

    async def call(self, tool: Tool | str, arguments: Mapping[str, Any] = NO_ARGUMENTS) -> Reply:
        """Cal.com's reply. Raises BadArguments, NotFound (no such tool) or a CalcomError."""
        steps = self.plan(tool, arguments)
        exchange = next(steps)
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.timeouts.total) as deadline:
                while True:
                    reply = await self._answer(exchange, deadline)
                    try:
                        exchange = steps.send(reply)
                    except StopIteration as end:
                        return returned(end)
        except TimeoutError:
            raise self.overdue(exchange, started) from None

    async def _answer(self, exchange: Exchange, deadline: asyncio.Timeout) -> Reply:
        async for attempt in self.attempts_of(exchange):
            with attempt:
                seconds = exchange.patience.spend(exchange.tool, await asyncio.to_thread(self.budget.reserve))
                _postpone(deadline, seconds)
                await self._sleep(seconds)
                started = time.monotonic()
                with self.carried(exchange, started):
                    answer = await self._send(exchange.request)
                if pause := halt(answer):
                    await asyncio.to_thread(self.budget.halt, pause)
                return self.read(exchange, answer, started)
        raise AssertionError("stamina raises the last error itself")

    async def _send(self, request: Request) -> Answer:
        async with self._http.stream(
            request.method,
            request.url,
            params=list(request.query) or None,
            headers=dict(request.headers),
            content=request.body or None,
        ) as response:
            return Answer(response.status_code, response.headers, await body_of(response))

    async def aclose(self) -> None:
        """Closes its connections. It cannot be used afterwards."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Client:
    """Calls tools with an AsyncClient, for threads. Safe to share between them; close it, or use it in `with`.

    It runs an event loop in a thread of its own: a thread that reads from a socket cannot be told to stop at a
    deadline while bytes keep dripping in, and a task can.
    """

    def __init__(self, client: AsyncClient) -> None:
        self.connection = client.connection
        self._client = client
        self._open = ExitStack()
        self._portal = self._open.enter_context(start_blocking_portal(name="calcom"))
        self._open.enter_context(self._portal.wrap_async_context_manager(client))

    def call(self, tool: Tool | str, arguments: Mapping[str, Any] = NO_ARGUMENTS) -> Reply:
        """Cal.com's reply. Raises BadArguments, NotFound (no such tool) or a CalcomError."""
        under_way: Future[Reply] = self._portal.start_task_soon(self._client.call, tool, arguments)
        try:
            return under_way.result()
        finally:
            under_way.cancel()  # does nothing but after Ctrl-C, or what else this thread was interrupted with

    def close(self) -> None:
        """Closes its connections and ends its thread. It cannot be used afterwards."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _postpone(deadline: asyncio.Timeout, seconds: float) -> None:
    """Waiting for the budget is not part of a call's time."""
    when = deadline.when()
    if seconds and when is not None:
        deadline.reschedule(when + seconds)
