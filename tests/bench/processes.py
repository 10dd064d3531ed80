"""One process of a contender: started, waited for, and stopped by its id whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.failure import BenchFailed

#: seconds a process may take to be ready, and to end after SIGTERM
_START = 30.0
_STOP = 20.0


@contextlib.contextmanager
def running(
    name: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    ready: Callable[[], bool] = lambda: True,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `argv` while the block runs, its output in `log`; enter the block once `ready` says True."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the bench, which then stops them in order
        )
    try:
        deadline = time.monotonic() + _START
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchFailed(f"{name} did not start (exit status {process.poll()}):\n{_tail(log)}")
            time.sleep(0.05)
        yield process
        if process.poll() is not None:
            raise BenchFailed(f"{name} ended while it was measured (exit status {process.poll()}):\n{_tail(log)}")
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, patience, then SIGKILL to the session that the process leads, and so to what it forked."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-1500:]


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:`port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
