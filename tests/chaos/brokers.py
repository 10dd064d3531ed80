"""The brokers of a storm, each of which may be killed, emptied, and gone for a while."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import psutil

from tests import rabbitmq
from tests.conftest import Valkey, free_port
from workers import queue
from workers.settings import Settings


class Broker(Protocol):
    """What a storm does to a broker."""

    url: str

    def kill(self) -> None:
        """kill -9; it is gone until `start`."""

    def start(self) -> None:
        """Start it, and wait until it answers."""

    def flush(self) -> None:
        """Every message is gone."""


class EmptiedValkey(Valkey):
    """A Valkey whose messages can be thrown away."""

    def flush(self) -> None:
        self.client.flushall()


class Rabbit:
    """A RabbitMQ of its own, with its messages on disk as long as nobody throws them away."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("rabbitmq-server")
        if binary is None:
            raise SystemExit("RabbitMQ is not installed (Debian: rabbitmq-server); leave it out with --only.")
        self._binary = binary
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}"

    def start(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)  # a node that was killed may not find back to its own files
        self._process = rabbitmq.start(self._binary, self._folder, self._port)
        assert rabbitmq.answers(self._process, self._port), (self._folder / "out").read_text()[-2000:]

    def kill(self) -> None:
        assert self._process is not None
        rabbitmq.end(self._process)

    def flush(self) -> None:
        with contextlib.closing(queue.open_broker(self.url)) as broker:
            for name in (queue.PERSIST, queue.ACT):
                broker.flush(name)


@contextlib.contextmanager
def valkey(folder: Path) -> Iterator[Broker]:
    """A running Valkey."""
    made = EmptiedValkey(Settings(data_dir=folder / "valkey"))
    (folder / "valkey").mkdir()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def rabbit(_folder: Path) -> Iterator[Broker]:
    """A running RabbitMQ."""
    outer = Path(tempfile.mkdtemp(prefix="daybook-mq-"))
    outer.chmod(0o777)
    made = Rabbit(outer / "node")
    made.start()
    try:
        yield made
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            made.kill()
        shutil.rmtree(outer, ignore_errors=True)
