"""What there is around a request: bounds, attempts, errors of the network, the log. No sending."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType
from typing import Any, TypeVar

import httpx2
import stamina
import structlog

from workers.calcom.budget import Budget
from workers.calcom.connection import Connection
from workers.calcom.dialects import spoken
from workers.calcom.exchange import Answer, Exchange, plan
from workers.calcom.requests import Reply
from workers.calcom.tokens import source_of
from workers.calcom.tool import Tool
from workers.calcom.tools import find
from workers.errors import CalcomUnavailable, DaybookError, Rejected

T = TypeVar("T")

#: An answer larger than this, in bytes, is not read to its end.
LARGEST_ANSWER = 32 * 1024 * 1024
#: Seconds a call may wait for its budget; beyond it RateLimited says when to come again.
MAX_WAIT = 120.0
ATTEMPTS = 3
NO_ARGUMENTS: Mapping[str, Any] = MappingProxyType({})

#: What httpx2 raises before the first byte of a request has left.
NEVER_LEFT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)

_dice = random.random
log = structlog.get_logger(__name__)
# httpx2 logs each URL with its query at INFO, and our queries hold e-mail addresses.
logging.getLogger("httpx2").addFilter(lambda record: record.levelno > logging.INFO)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long things may take, in seconds."""

    connect: float = 5.0
    #: between two pieces of an answer
    read: float = 30.0
    #: a whole call: all its pages, what is sent again and the pauses before that, but not waiting for the budget
    total: float = 120.0

    def within(self, seconds: float) -> Timeouts:
        """The same, none longer than so many seconds."""
        return Timeouts(*(min(each, seconds) for each in (self.connect, self.read, self.total)))

    def for_httpx2(self) -> httpx2.Timeout:
        """The same in the library's words."""
        return httpx2.Timeout(self.read, connect=self.connect)


AS_USUAL = Timeouts()


def body_of(response: httpx2.Response) -> bytes:
    """The body as it comes in. Raises what `Rim.carried` understands where it is too large."""
    body = _announced(response)
    for piece in response.iter_bytes():
        _add(body, piece)
    return bytes(body)


async def abody_of(response: httpx2.Response) -> bytes:
    """The same in an event loop."""
    body = _announced(response)
    async for piece in response.aiter_bytes():
        _add(body, piece)
    return bytes(body)


def _announced(response: httpx2.Response) -> bytearray:
    """Where its body goes; none that says it will be too large."""
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > LARGEST_ANSWER:
        raise TooLargeError
    return bytearray()


def _add(body: bytearray, piece: bytes) -> None:
    if len(body) + len(piece) > LARGEST_ANSWER:
        raise TooLargeError
    body += piece


class TooLargeError(Exception):
    """More than LARGEST_ANSWER; `Rim.carried` turns it into CalcomUnavailable."""


class Rim:
    """What a client has around a request. It holds no connection to anything."""

    def __init__(
        self, connection: Connection, budget: Budget, timeouts: Timeouts, max_wait: float, attempts: int
    ) -> None:
        self.connection = connection
        self.budget = budget
        # Whoever reads all pages of a list, and waits between them, says nothing until it is done.
        self.timeouts = replace(timeouts, read=timeouts.total) if spoken(connection).WHOLE_LISTS else timeouts
        #: where the bearer token comes from; None: it is part of the credential
        self.tokens = source_of(connection.credential)
        self._max_wait = max_wait
        self._attempts = attempts
        self._host = httpx2.URL(connection.base_url).host

    def plan(self, tool: Tool | str, arguments: Mapping[str, Any]) -> Generator[Exchange, Reply, Reply]:
        """The exchanges of a call, checked. Raises NotFound and BadArguments."""
        tool = find(tool) if isinstance(tool, str) else tool
        return plan(self.connection, tool, arguments, self._max_wait)

    def attempts_of(self, exchange: Exchange, left: Callable[[], float] = lambda: math.inf) -> Any:
        """Stamina's attempts. It logs the pauses, and of the call only what the error says.

        No pause is longer than what is `left` of the call's seconds, as a thread sleeps through its deadline.
        """
        pauses = (min(8.0, 0.5 * 2**number + _dice()) for number in count())

        def again(error: Exception) -> bool | float:
            verdict = exchange.again(error)
            return max(0.0, min(next(pauses), left())) if verdict is True else verdict

        return stamina.retry_context(on=again, attempts=self._attempts, timeout=None)

    @contextmanager
    def carried(self, exchange: Exchange, started: float) -> Iterator[None]:
        """Turns what can go wrong on the way into CalcomUnavailable, which knows if the request left."""
        name, host = exchange.tool.name, self._host
        exchange.begun = True
        try:
            yield
        except NEVER_LEFT as error:
            raise self._noted(
                CalcomUnavailable(
                    f"{name}: {host} could not be reached ({type(error).__name__}); nothing was sent.",
                    sent=False,
                ),
                exchange,
                started,
            ) from None
        except httpx2.TimeoutException:
            problem = "did not answer in time"
        except TooLargeError:
            problem = f"answered more than {LARGEST_ANSWER // 1024 // 1024} MiB"
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            problem = f"broke off ({type(error).__name__})"
        except httpx2.InvalidURL:
            raise Rejected(f"{name}: the connection's base URL is none.") from None
        else:
            return
        raise self._noted(
            CalcomUnavailable(f"{name}: {host} {problem}; it may have been done or not."), exchange, started
        )

    def overdue(self, exchange: Exchange, started: float) -> CalcomUnavailable:
        """What a call ends with that took its whole time, in the exchange it was at."""
        problem = f"{exchange.tool.name}: no answer within {self.timeouts.total:.0f} s, repeats and pages included"
        done = "it may have been done or not" if exchange.begun else "nothing was sent"
        error = CalcomUnavailable(f"{problem}; {done}.", sent=exchange.begun)
        self._noted(error, exchange, started)
        return error

    def read(self, exchange: Exchange, answer: Answer, started: float) -> Reply:
        """The reply in the answer, and a line in the log."""
        try:
            reply = exchange.answered(answer)
        except DaybookError as error:
            raise self._noted(error, exchange, started) from None
        log.info(
            "calcom.answered",
            tool=exchange.tool.name,
            pcid=self.connection.pcid,
            status=reply.status,
            request_id=reply.request_id,
            seconds=round(time.monotonic() - started, 3),
        )
        return reply

    def got(self, exchange: Exchange, started: float, get: Callable[..., T], *values: Any) -> T:
        """What a source of tokens gives; where it gives none, nothing was sent."""
        try:
            return get(*values)
        except CalcomUnavailable as error:
            raise self._noted(error, exchange, started) from None

    def renewed(self, exchange: Exchange, token: str) -> None:
        """The server refused the token, so nothing was done; the request goes once more with that one."""
        log.info("calcom.token_renewed", tool=exchange.tool.name, pcid=self.connection.pcid)
        exchange.request = exchange.request.bearing(token)

    def _noted(self, error: DaybookError, exchange: Exchange, started: float) -> DaybookError:
        log.warning(
            "calcom.failed",
            tool=exchange.tool.name,
            pcid=self.connection.pcid,
            error=error.kind,
            status=getattr(error, "status", None),
            request_id=getattr(error, "request_id", None),
            seconds=round(time.monotonic() - started, 3),
        )
        return error


def returned(end: StopIteration) -> Reply:
    """The reply a plan ends with."""
    reply: Reply = end.value
    return reply
