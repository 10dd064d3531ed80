"""The clients: `Client` for threads, `AsyncClient` for event loops. They send and wait, and decide nothing.

What is sent and what an answer means is in `requests`, the order of pages in `pages`, waiting and repeating in
`exchange`, the bounds in `rim`. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from workers.calcom.budget import Budget
from workers.calcom.connection import Connection
from workers.calcom.exchange import Answer, Exchange, halt
from workers.calcom.requests import Reply, Request
from workers.calcom.rim import AS_USUAL, ATTEMPTS, MAX_WAIT, NO_ARGUMENTS, Gathered, Rim, Timeouts, returned
from workers.calcom.tool import Tool


class Client(Rim):
    """Calls tools and waits for them. Safe to share between threads; close it, or use it in `with`."""

    def __init__(
        self,
        connection: Connection,
        budget: Budget,
        *,
        timeouts: Timeouts = AS_USUAL,
        max_wait: float = MAX_WAIT,
        attempts: int = ATTEMPTS,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(connection, budget, timeouts, max_wait, attempts)
        self._http = httpx2.Client(timeout=timeouts.for_httpx2(), transport=transport)
        self._sleep = sleep

    def call(self, tool: Tool | str, arguments: Mapping[str, Any] = NO_ARGUMENTS) -> Reply:
        """Cal.com's reply. Raises BadArguments, NotFound (no such tool) or a CalcomError."""
        steps = self.plan(tool, arguments)
        exchange = next(steps)
        while True:
            reply = self._answer(exchange)
            try:
                exchange = steps.send(reply)
            except StopIteration as end:
                return returned(end)

    def _answer(self, exchange: Exchange) -> Reply:
        for attempt in self.attempts_of(exchange):
            with attempt:
                self._sleep(exchange.patience.spend(exchange.tool, self.budget.reserve()))
                started = time.monotonic()
                with self.carried(exchange, started):
                    answer = self._send(exchange.request)
                if pause := halt(answer):
                    self.budget.halt(pause)
                return self.read(exchange, answer, started)
        raise AssertionError("stamina raises the last error itself")

    def _send(self, request: Request) -> Answer:
        with self._http.stream(
            request.method,
            request.url,
            params=list(request.query) or None,
            headers=dict(request.headers),
            content=request.body or None,
        ) as response:
            gathered = Gathered(self.timeouts.total, response.headers)
            for piece in response.iter_bytes():
                gathered.add(piece)
            return Answer(response.status_code, response.headers, bytes(gathered.body))

    def close(self) -> None:
        """Closes its connections. It cannot be used afterwards."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(Rim):
    """The same for an event loop. The budget is asked in a thread, as it may do I/O."""

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
        self._http = httpx2.AsyncClient(timeout=timeouts.for_httpx2(), transport=transport)
        self._sleep = sleep

    async def call(self, tool: Tool | str, arguments: Mapping[str, Any] = NO_ARGUMENTS) -> Reply:
        """Cal.com's reply. Raises BadArguments, NotFound (no such tool) or a CalcomError."""
        steps = self.plan(tool, arguments)
        exchange = next(steps)
        while True:
            reply = await self._answer(exchange)
            try:
                exchange = steps.send(reply)
            except StopIteration as end:
                return returned(end)

    async def _answer(self, exchange: Exchange) -> Reply:
        async for attempt in self.attempts_of(exchange):
            with attempt:
                seconds = await asyncio.to_thread(self.budget.reserve)
                await self._sleep(exchange.patience.spend(exchange.tool, seconds))
                started = time.monotonic()
                with self.carried(exchange, started):
                    async with asyncio.timeout(self.timeouts.total):
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
            gathered = Gathered(self.timeouts.total, response.headers)
            async for piece in response.aiter_bytes():
                gathered.add(piece)
            return Answer(response.status_code, response.headers, bytes(gathered.body))

    async def aclose(self) -> None:
        """Closes its connections. It cannot be used afterwards."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
