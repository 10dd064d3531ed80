from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import dramatiq
import pytest
from dramatiq import Broker, Worker
from dramatiq.errors import ConnectionClosed
from uuid_utils.compat import uuid7

from tests import rabbitmq
from tests.conftest import PATIENCE, Valkey
from tests.rabbitmq import Line
from workers import queue
from workers.errors import Misconfigured
from workers.queue import ACT, PER_MESSAGE, PERSIST, Doorbell


@pytest.fixture(scope="module")
def rabbitmq_url() -> Iterator[str]:
    """A RabbitMQ of its own, where the machine has one."""
    with rabbitmq.running() as port:
        yield f"amqp://guest:guest@127.0.0.1:{port}"


@pytest.fixture
def line(rabbitmq_url: str) -> Iterator[Line]:
    """A line to that RabbitMQ, which has nothing in its queues."""
    with contextlib.closing(queue.open_broker(rabbitmq_url)) as broker:
        for name in (PERSIST, ACT):
            broker.flush(name)
    made = Line(urlsplit(rabbitmq_url).port or 0)
    yield made
    made.cut()


@pytest.fixture(params=["valkey", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker with nothing in it, once on each kind."""
    if request.param == "valkey":
        server: Valkey = request.getfixturevalue("broker_server")
        opened = queue.open_broker(server.url)
    else:
        opened = queue.open_broker(request.getfixturevalue("rabbitmq_url"))
        opened.flush(PERSIST)
    yield opened
    opened.close()


@contextlib.contextmanager
def listening(broker: Broker) -> Iterator[list[list[UUID]]]:
    """A worker that only notes what the doorbell said."""
    heard: list[list[UUID]] = []

    @dramatiq.actor(broker=broker, actor_name=PERSIST, queue_name=PERSIST)
    def note(ids: list[str]) -> None:
        heard.append([UUID(one) for one in ids])

    worker = Worker(broker, worker_threads=1, worker_timeout=20)
    worker.start()
    try:
        yield heard
    finally:
        worker.stop()


def test_what_is_rung_is_heard_in_messages_of_bounded_size(broker: Broker, eventually: Callable[..., None]) -> None:
    ids = [uuid7() for _ in range(PER_MESSAGE + 3)]

    with listening(broker) as heard:
        queue.ring(broker, ids)
        eventually(lambda: sum(map(len, heard)) == len(ids), what="hearing all ids")

    assert sorted(map(len, heard)) == [3, PER_MESSAGE]
    assert {one for message in heard for one in message} == set(ids)


def test_it_knows_how_many_messages_wait(broker: Broker, eventually: Callable[..., None]) -> None:
    assert queue.depth(broker) == 0

    for _ in range(5):
        queue.ring(broker, [uuid7()])

    eventually(lambda: queue.depth(broker) == 5, what="a depth of five")


def test_nothing_is_rung_for_nothing(broker: Broker) -> None:
    queue.ring(broker, [])

    assert queue.depth(broker) == 0


def test_the_doorbell_joins_what_waits_together(broker: Broker, eventually: Callable[..., None]) -> None:
    ids = [uuid7() for _ in range(100)]

    with listening(broker) as heard:
        bell = Doorbell(broker)
        for one in ids:
            bell.ring([one])
        bell.close()
        eventually(lambda: sum(map(len, heard)) == len(ids), what="hearing all ids")

    assert len(heard) < len(ids)


def test_ringing_a_broker_that_is_away_returns_at_once_and_works_again_later(
    broker_server: Valkey, eventually: Callable[..., None]
) -> None:
    broker = queue.open_broker(broker_server.url)
    bell = Doorbell(broker)
    broker_server.kill()
    for _ in range(1000):
        bell.ring([uuid7()])
    broker_server.start()
    last = uuid7()

    with listening(broker) as heard:

        def came() -> bool:
            bell.ring([last])
            time.sleep(0.1)
            return any(last in message for message in heard)

        eventually(came, what="hearing the bell again")
        bell.close()
    broker.close()


def test_a_dead_workers_messages_come_back_within_seconds(
    broker_server: Valkey, eventually: Callable[..., None]
) -> None:
    dead = queue.open_broker(broker_server.url)
    queue.ring(dead, [uuid7()])
    taken = next(iter(dead.consume(PERSIST, timeout=20)))
    assert taken is not None  # in the hands of a worker that will never say so
    dead.close()
    heartbeats = "dramatiq:__heartbeats__"
    for holder, _ in broker_server.client.zscan_iter(heartbeats):
        broker_server.client.zadd(heartbeats, {holder: 1})  # it was last heard of long ago

    broker = queue.open_broker(broker_server.url)
    with listening(broker) as heard:
        eventually(lambda: heard, what="the message of the dead worker")
    broker.close()


def test_an_unreachable_rabbitmq_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "workers.rabbitmq", raising=False)
    monkeypatch.setitem(sys.modules, "dramatiq.brokers.rabbitmq", None)

    with pytest.raises(Misconfigured, match=r"daybook\[rabbitmq\]"):
        queue.open_broker("amqp://127.0.0.1")


def test_threads_may_share_a_doorbell(broker_server: Valkey, eventually: Callable[..., None]) -> None:
    broker = queue.open_broker(broker_server.url)
    bell = Doorbell(broker)
    ids = [[uuid7() for _ in range(50)] for _ in range(4)]

    with listening(broker) as heard:

        def ring_each(part: list[UUID]) -> None:
            for one in part:
                bell.ring([one])

        threads = [threading.Thread(target=ring_each, args=(part,)) for part in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bell.close()
        eventually(lambda: sum(map(len, heard)) == 200, what="hearing all ids")
    broker.close()


def through(line: Line) -> Broker:
    return queue.open_broker(f"amqp://guest:guest@127.0.0.1:{line.port}")


def test_after_rabbitmq_was_started_again_it_is_rung_and_asked_as_before(
    line: Line, eventually: Callable[..., None]
) -> None:
    broker = through(line)
    queue.ring(broker, [uuid7()])
    assert queue.depth(broker, ACT) == 0

    line.break_off()

    eventually(lambda: queue.depth(broker) == 1, what="a depth of one")
    line.break_off()
    queue.ring_to_act(broker, 2)
    eventually(lambda: queue.depth(broker, ACT) == 2, what="a depth of two")
    broker.close()


def test_threads_that_come_and_go_leave_no_connections_to_rabbitmq(line: Line) -> None:
    broker = through(line)

    def ask_and_ring() -> None:
        queue.depth(broker)
        queue.ring(broker, [uuid7()])

    for _ in range(5):
        threads = [threading.Thread(target=ask_and_ring) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert queue.depth(broker) == 20
    assert line.connected == 1
    broker.close()


def test_a_rabbitmq_that_is_away_is_an_error_at_once_and_is_rung_again_when_it_is_back(
    line: Line, eventually: Callable[..., None]
) -> None:
    broker = through(line)
    queue.ring(broker, [uuid7()])
    line.cut()

    with pytest.raises(ConnectionClosed):
        queue.depth(broker)
    with pytest.raises(ConnectionClosed):
        queue.ring(broker, [uuid7()])

    line.mend()
    queue.ring(broker, [uuid7()])
    eventually(lambda: queue.depth(broker) == 2, what="a depth of two")
    broker.close()


def test_what_a_dead_worker_took_from_rabbitmq_comes_back(line: Line, eventually: Callable[..., None]) -> None:
    dead, lasting = through(line), through(line)
    queue.ring(dead, [uuid7()])
    consumer = dead.consume(PERSIST, timeout=int(PATIENCE * 1000))
    assert next(iter(consumer)) is not None  # in the hands of a worker that will never say so
    assert queue.depth(lasting) == 0

    line.break_off()

    eventually(lambda: queue.depth(lasting) == 1, what="the message of the dead worker")
    with contextlib.suppress(ConnectionClosed):
        consumer.close()
    dead.close()
    lasting.close()


def test_a_worker_hears_rabbitmq_again_after_it_was_away(line: Line, eventually: Callable[..., None]) -> None:
    broker = through(line)
    with listening(broker) as heard:
        queue.ring(broker, [uuid7()])
        eventually(lambda: len(heard) == 1, what="the first")
        line.break_off()
        queue.ring(broker, [uuid7()])
        eventually(lambda: len(heard) >= 2, what="the second")
    broker.close()


def test_nobody_waits_without_end_for_rabbitmq_unless_the_url_says_so(rabbitmq_url: str) -> None:
    usual: Any = queue.open_broker(rabbitmq_url)
    said: Any = queue.open_broker(f"{rabbitmq_url}/?heartbeat=7&socket_timeout=9")

    assert (usual.parameters.heartbeat, usual.parameters.blocked_connection_timeout) == (30, 5)
    assert (usual.parameters.socket_timeout, usual.parameters.stack_timeout) == (2, 3)
    assert (said.parameters.heartbeat, said.parameters.socket_timeout, said.parameters.stack_timeout) == (7, 9, 3)
    assert usual.confirm_delivery
