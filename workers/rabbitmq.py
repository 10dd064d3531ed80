"""RabbitMQ as Daybook rings it: one connection of a process for all its threads, and none that waits without end.

Dramatiq's own broker opens a connection for each thread that rings, and lets go of none. The web process asks and
rings from threads that live for seconds, so they would fill the process's files. Needs the extra `rabbitmq`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pika.exceptions  # type: ignore[import-untyped]
from dramatiq import Message
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware

#: what an operator may say otherwise after the ? of the URL, in seconds. Heartbeats find a peer that vanished; a
#: broker that has run out of memory or disk blocks who publishes until somebody makes room
_USUAL = {"heartbeat": 30, "socket_timeout": 2, "stack_timeout": 3, "blocked_connection_timeout": 5}
#: seconds that a question waits for the others' ringing to end
_PATIENCE = 3.0
#: what pika raises where a connection or channel is no more
_GONE = (pika.exceptions.AMQPConnectionError, pika.exceptions.AMQPChannelError)


class Rabbitmq(RabbitmqBroker):
    """Dramatiq's broker with one connection for ringing, which is taken in turns. Consumers have their own."""

    def __init__(self, url: str, middleware: Sequence[Middleware]) -> None:
        super().__init__(url=bounded(url), middleware=list(middleware), confirm_delivery=True)
        self.state: Any = SimpleNamespace()  # in place of what is each thread's own
        self._turn = threading.RLock()

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """As Dramatiq's, one thread at a time."""
        with self._turn:
            super().declare_queue(queue_name, ensure=ensure)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """As Dramatiq's, one thread at a time."""
        with self._turn:
            return super().enqueue(message, delay=delay)

    def depth(self, queue: str) -> int:
        """Messages of a queue that no worker has in its hands. Raises `ConnectionClosed` where the broker is away."""
        with self._soon():
            for last in (False, True):
                try:
                    declared: Any = self.channel.queue_declare(queue=queue, passive=True)
                except pika.exceptions.ChannelClosedByBroker as error:
                    del self.channel
                    if error.reply_code == 404:  # nobody has rung for anything yet
                        return 0
                    raise _closed(error) from None
                except _GONE as error:  # perhaps of old age: nobody beats its heart between two questions
                    del self.connection
                    if last:
                        raise _closed(error) from None
                else:
                    return int(declared.method.message_count)
        raise AssertionError("unreachable")

    @contextmanager
    def _soon(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=_PATIENCE):
            raise _closed(TimeoutError("the broker keeps those waiting that ring"))
        try:
            yield
        finally:
            self._turn.release()


def _closed(error: Exception) -> ConnectionClosed:
    return ConnectionClosed(error)  # type: ignore[no-untyped-call]


def bounded(url: str) -> str:
    """The URL with a bound to whatever may be waited for, where it does not say its own."""
    parts = urlsplit(url)
    said = parse_qs(parts.query, keep_blank_values=True)
    missing = urlencode({name: value for name, value in _USUAL.items() if name not in said})
    return parts._replace(query="&".join(filter(None, (parts.query, missing)))).geturl()
