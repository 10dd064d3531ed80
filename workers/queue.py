"""The broker, which is only a doorbell: SQL owns what is to be done. Making it, ringing it, asking how deep it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from dramatiq import Broker, Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware, ShutdownNotifications, TimeLimit
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from workers import wellformed
from workers.errors import Misconfigured

log = structlog.get_logger(__name__)

#: the queue, and the actor behind it, that makes events of receipts
PERSIST = "persist"
#: the queue, and the actor behind it, that carries out runs: slow calls, which must not stand in an event's way
ACT = "act"
#: ids in one message: about 9 KB, one transaction of the worker
PER_MESSAGE = 256
#: ids that may wait to be sent
_WAITING = 20_000
#: seconds without ringing after the broker was found away; the sweep rings for what was missed
_PAUSE = 1.0
#: seconds of rest after a message for each id in it, and the longest rest: what arrives meanwhile shares the next, so
#: that a crowd makes large batches, which cost a worker half as much, and a lone delivery's successor hardly waits
_BREATH = 0.001
_LONGEST_BREATH = 0.06
_UNREADABLE = (  # and not repeated: it may hold a password
    "DAYBOOK_BROKER_URL cannot be read; write redis://user:password@host:6379/0, unix:///path/of/socket or "
    f"amqp://user:password@host:5672/, where {wellformed.READABLE}, and only options after the ? that its client knows."
)


def open_broker(url: str, *, middleware: Sequence[Middleware] = ()) -> Broker:
    """A broker for `url` (redis://, rediss://, unix://, amqp://, amqps://). Connecting happens at first use.

    Dramatiq's own retries are left out: a failed message is rung again by the sweep, from SQL.
    """
    stack: list[Middleware] = [ShutdownNotifications(), TimeLimit(time_limit=300_000), *middleware]
    if url.startswith("amqp"):
        return _rabbitmq(url, stack)
    try:
        pool = ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=5, socket_connect_timeout=1)
        pool.connection_class(**pool.connection_kwargs)  # connects to nothing; an option it does not know is said now
    except (ValueError, TypeError, AttributeError, RedisError):
        raise Misconfigured(_UNREADABLE) from None
    broker: Broker = RedisBroker(  # type: ignore[no-untyped-call]  # Dramatiq annotates its other brokers only
        client=Redis(connection_pool=pool),
        middleware=stack,
        # A dead worker's messages come back within seconds; with the defaults an idle worker takes minutes.
        maintenance_chance=50_000,
        heartbeat_timeout=15_000,
        dead_message_ttl=3_600_000,
    )
    broker.declare_queue(PERSIST)
    broker.declare_queue(ACT)
    return broker


def _rabbitmq(url: str, stack: list[Middleware]) -> Broker:
    try:
        from workers.rabbitmq import Rabbitmq
    except ImportError:
        raise Misconfigured(
            "DAYBOOK_BROKER_URL is amqp://, which needs the extra: pip install 'daybook[rabbitmq]'."
        ) from None
    try:
        broker = Rabbitmq(url, stack)
    except (ValueError, TypeError, SyntaxError, OSError):  # pika reads some options as Python
        raise Misconfigured(_UNREADABLE) from None
    broker.declare_queue(PERSIST)
    broker.declare_queue(ACT)
    return broker


def persist_message(ids: Sequence[UUID]) -> Message[Any]:
    """The message that says: these receipts wait."""
    return Message(queue_name=PERSIST, actor_name=PERSIST, args=([one.hex for one in ids],), kwargs={}, options={})


def ring(broker: Broker, ids: Sequence[UUID]) -> None:
    """Send the doorbell for `ids`, in messages of at most `PER_MESSAGE`. Raises what the broker raises."""
    broker.declare_queue(PERSIST)
    for start in range(0, len(ids), PER_MESSAGE):
        broker.enqueue(persist_message(ids[start : start + PER_MESSAGE]))


def ring_to_act(broker: Broker, times: int) -> None:
    """Send the doorbell for runs that are due: each message wakes one thread, which goes on while there are any."""
    broker.declare_queue(ACT)
    for _ in range(times):
        broker.enqueue(Message(queue_name=ACT, actor_name=ACT, args=(), kwargs={}, options={}))


def depth(broker: Broker, queue: str = PERSIST) -> int:
    """How many messages wait to be taken, none of them in a worker's hands."""
    if isinstance(broker, RedisBroker):
        return int(broker.client.llen(f"{broker.namespace}:{queue}"))
    return int(broker.depth(queue))  # type: ignore[attr-defined]  # `Rabbitmq`, which needs an extra to be imported


class Doorbell:
    """Rings from a thread of its own, so that a slow or absent broker never delays an answer to Cal.com.

    Ids of several batches that wait together go out as one message. What cannot be sent is dropped: the receipts
    are in SQL, and the sweep finds them.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._ids: list[UUID] = []
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
        self._thread.start()

    def ring(self, ids: Sequence[UUID]) -> None:
        """Say that `ids` wait; returns at once."""
        if not ids:
            return
        with self._wake:
            if len(self._ids) < _WAITING:  # while a broker blocks; the sweep rings for the rest
                self._ids.extend(ids)
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._ids or self._closing)
                ids, self._ids = self._ids, []
            if not ids:
                return
            try:
                ring(self._broker, ids)
            except Exception as error:  # any broker, any way of being away
                log.warning("doorbell.broker_away", receipts=len(ids), reason=type(error).__name__)
                with self._wake:
                    self._wake.wait_for(lambda: self._closing, _PAUSE)
                    self._ids.clear()
            time.sleep(min(_BREATH * len(ids), _LONGEST_BREATH))  # after ringing: a lone delivery does not wait

    def close(self) -> None:
        """Send what waits, then stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout=10)
