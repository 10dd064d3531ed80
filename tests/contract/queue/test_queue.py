from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import dramatiq
import psutil
import pytest
from dramatiq import Broker, Worker
from uuid_utils.compat import uuid7

from tests.conftest import PATIENCE, Valkey, free_port, lacking
from workers import queue
from workers.errors import Misconfigured
from workers.queue import PER_MESSAGE, PERSIST, Doorbell


@pytest.fixture(scope="module")
def rabbitmq_url() -> Iterator[str]:
    """A RabbitMQ of its own, where the machine has one."""
    binary = shutil.which("rabbitmq-server")
    if binary is None:
        lacking("RabbitMQ is not installed (Debian: rabbitmq-server)")
        raise AssertionError
    folder = Path(tempfile.mkdtemp(prefix="daybook-mq-"))
    folder.chmod(0o777)
    for attempt in range(3):  # another process may take a port between finding it free and listening on it
        port = free_port()
        process = _start_rabbitmq(binary, folder / str(attempt), port)
        if _answers(process, port):
            break
    else:
        raise AssertionError("RabbitMQ did not start:\n" + (folder / "2" / "out").read_text()[-2000:])
    try:
        yield f"amqp://guest:guest@127.0.0.1:{port}"
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        for one in family:  # Debian's script runs the server as another user, in a group of its own
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait(timeout=PATIENCE)
        psutil.wait_procs(family, timeout=PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def _start_rabbitmq(binary: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.local = 127.0.0.1:{port}\nlog.console = false\n")
    config.chmod(0o644)  # Debian's script reads it as the user rabbitmq, whatever this process's umask is
    environ = {
        **os.environ,
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"daybook{port}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(config.with_suffix("")),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    with (folder / "out").open("wb") as out:
        return subprocess.Popen([binary], env=environ, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + 2 * PATIENCE
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        assert time.monotonic() < deadline, "RabbitMQ did not listen in time"
        time.sleep(0.2)
    return False


@pytest.fixture(params=["valkey", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker with nothing in it, once on each kind."""
    if request.param == "valkey":
        server: Valkey = request.getfixturevalue("broker_server")
        opened = queue.open_broker(server.url)
    else:
        opened = queue.open_broker(request.getfixturevalue("rabbitmq_url"))
        opened.declare_queue(PERSIST)
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
    monkeypatch.setitem(__import__("sys").modules, "dramatiq.brokers.rabbitmq", None)

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
