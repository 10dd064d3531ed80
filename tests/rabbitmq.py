"""A real RabbitMQ for tests, where the machine has one, and a line to it that a test may cut."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.conftest import PATIENCE, free_port, lacking


class Line:
    """A port that leads to another one. `cut` breaks what is connected and refuses more, `mend` lets come again."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: list[socket.socket] = []
        self.port = free_port()
        self._door: socket.socket | None = None
        self.mend()

    def mend(self) -> None:
        self._door = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        threading.Thread(target=self._let_in, args=(self._door,), daemon=True).start()

    def cut(self) -> None:
        if self._door is not None:
            self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
            self._door = None
        self.break_off()

    def break_off(self) -> None:
        """Break what is connected now, as a broker that starts again does."""
        while self._open:
            one = self._open.pop()
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    @property
    def connected(self) -> int:
        """Connections that a client has made and not closed."""
        return sum(1 for one in self._open if one.fileno() >= 0) // 2

    def _let_in(self, door: socket.socket) -> None:
        while True:
            try:
                near, _ = door.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := source.recv(65536):
                to.sendall(said)
        for one in (source, to):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def running() -> Iterator[int]:
    """A RabbitMQ of its own; its port."""
    binary = shutil.which("rabbitmq-server")
    if binary is None:
        lacking("RabbitMQ is not installed (Debian: rabbitmq-server)")
        raise AssertionError
    folder = Path(tempfile.mkdtemp(prefix="daybook-mq-"))
    folder.chmod(0o777)
    for attempt in range(3):  # another process may take a port between finding it free and listening on it
        port = free_port()
        process = start(binary, folder / str(attempt), port)
        if answers(process, port):
            break
    else:
        raise AssertionError("RabbitMQ did not start:\n" + (folder / "2" / "out").read_text()[-2000:])
    try:
        yield port
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)


def end(process: subprocess.Popen[bytes]) -> None:
    """kill -9."""
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for one in family:  # Debian's script runs the server as another user, in a group of its own
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(timeout=PATIENCE)
    psutil.wait_procs(family, timeout=PATIENCE)


def start(binary: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A RabbitMQ that keeps all it has in `folder`, which is not there yet."""
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


def answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until it takes connections; False where it ended."""
    deadline = time.monotonic() + 2 * PATIENCE
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        assert time.monotonic() < deadline, "RabbitMQ did not listen in time"
        time.sleep(0.2)
    return False
