"""The clients: `AsyncClient` for event loops, `Client` for threads. They send and wait, and decide nothing.

What is sent and what an answer means is in `dialects`, the order of pages in `pages`, waiting and repeating in
`exchange`, the bounds in `rim`. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from workers import certificates
from workers.calcom.budget import Budget
from workers.calcom.connection import Connection
from workers.calcom.deadline import TimeLeft, TimeUp
from workers.calcom.exchange import Answer, Exchange
from workers.calcom.proxies import proxy_for
from workers.calcom.requests import Reply, Request
from workers.calcom.rim import AS_USUAL, ATTEMPTS, MAX_WAIT, NO_ARGUMENTS, Rim, Timeouts, abody_of, returned
from workers.calcom.tokens import Tokens
from workers.calcom.tool import Tool
from workers.calcom.transport import DeadlineTransport, Through
from workers.calcom.wire import Wire
from workers.errors import CalcomError


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
        self._http = httpx2.AsyncClient(
            timeout=self.timeouts.for_httpx2(), transport=transport, verify=certificates.known()
        )
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
                if self.tokens is None:
                    answer = await self._carry(exchange, started)
                else:
                    answer = await self._bear(exchange, self.tokens, started)
                try:
                    return self.read(exchange, answer, started)
                finally:
                    if exchange.pause:
                        await asyncio.to_thread(self.budget.halt, exchange.pause)
        raise AssertionError("stamina raises the last error itself")

    async def _bear(self, exchange: Exchange, tokens: Tokens, started: float) -> Answer:
        """Send it with a token that has to be got first, in a thread; a refused one is renewed once."""
        most = self.timeouts.total
        token = await asyncio.to_thread(self.got, exchange, started, tokens.current, most)
        exchange.request = exchange.request.bearing(token)
        answer = await self._carry(exchange, started)
        if answer.status != 401:
            return answer
        newer = await asyncio.to_thread(self.got, exchange, started, tokens.instead_of, token, most)
        if newer is None:
            return answer
        self.renewed(exchange, newer)
        return await self._carry(exchange, started)

    async def _carry(self, exchange: Exchange, started: float) -> Answer:
        with self.carried(exchange, started):
            return await self._send(exchange.request)

    async def _send(self, request: Request) -> Answer:
        async with self._http.stream(
            request.method,
            request.url,
            params=list(request.query) or None,
            headers=dict(request.headers),
            content=request.body or None,
        ) as response:
            return Answer(response.status_code, response.headers, await abody_of(response))

    async def aclose(self) -> None:
        """Closes its connections. It cannot be used afterwards."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Client(Rim):
    """The same for threads, which may share it. Close it, or use it in `with`.

    A thread that waits cannot be told to stop, so each of its waits is bounded by what is left of the call's time:
    `deadline` says how, and what is not bounded. Nor is what the budget reads, where that is SQL. Cookies are not kept.
    """

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
        self._carrier = _carrier(connection.base_url) if transport is None else Through(transport)
        self._sleep = sleep

    def call(self, tool: Tool | str, arguments: Mapping[str, Any] = NO_ARGUMENTS) -> Reply:
        """Cal.com's reply. Raises BadArguments, NotFound (no such tool) or a CalcomError."""
        steps = self.plan(tool, arguments)
        exchange = next(steps)
        started = time.monotonic()
        time_left = TimeLeft(self.timeouts.total)
        try:
            while True:
                reply = self._answer(exchange, time_left)
                try:
                    exchange = steps.send(reply)
                except StopIteration as end:
                    return returned(end)
        except TimeUp:
            raise self.overdue(exchange, started) from None

    def _answer(self, exchange: Exchange, time_left: TimeLeft) -> Reply:
        try:
            return self._attempt(exchange, time_left)
        except CalcomError as error:
            failed = [error]
        # Stamina is asked only where the first attempt failed, and told of it: most calls need but one.
        for attempt in self.attempts_of(exchange, time_left.seconds):
            with attempt:
                if failed:
                    raise failed.pop()
                return self._attempt(exchange, time_left)
        raise AssertionError("stamina raises the last error itself")

    def _attempt(self, exchange: Exchange, time_left: TimeLeft) -> Reply:
        if seconds := exchange.patience.spend(exchange.tool, self.budget.reserve()):
            time_left.postpone(seconds)
            self._sleep(seconds)
        time_left.check()
        started = time.monotonic()
        if self.tokens is None:
            answer = self._carry(exchange, time_left, started)
        else:
            answer = self._bear(exchange, self.tokens, time_left, started)
        try:
            return self.read(exchange, answer, started)
        finally:
            if exchange.pause:
                self.budget.halt(exchange.pause)

    def _bear(self, exchange: Exchange, tokens: Tokens, time_left: TimeLeft, started: float) -> Answer:
        """Send it with a token that has to be got first; a refused one is renewed once."""
        token = self.got(exchange, started, tokens.current, time_left.seconds())
        exchange.request = exchange.request.bearing(token)
        answer = self._carry(exchange, time_left, started)
        if answer.status != 401:
            return answer
        newer = self.got(exchange, started, tokens.instead_of, token, time_left.seconds())
        if newer is None:
            return answer
        self.renewed(exchange, newer)
        return self._carry(exchange, time_left, started)

    def _carry(self, exchange: Exchange, time_left: TimeLeft, started: float) -> Answer:
        with self.carried(exchange, started):
            return self._send(exchange.request, time_left)

    def _send(self, request: Request, time_left: TimeLeft) -> Answer:
        try:
            return self._carrier.send(request, self.timeouts.within(time_left.seconds()), time_left.until)
        except httpx2.TimeoutException:
            time_left.check()
            raise

    def close(self) -> None:
        """Closes its connections. It cannot be used afterwards."""
        self._carrier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _carrier(base_url: str) -> Wire | Through:
    """Straight to the server, or through the proxy that the environment names. Raises Misconfigured."""
    proxy = proxy_for(httpx2.URL(base_url))
    return Wire(base_url) if proxy is None else Through(DeadlineTransport(base_url, proxy))


def _postpone(deadline: asyncio.Timeout, seconds: float) -> None:
    """Waiting for the budget is not part of a call's time."""
    when = deadline.when()
    if seconds and when is not None:
        deadline.reschedule(when + seconds)
