"""One parent over the processes of one machine: started in order, restarted when they die, stopped in reverse.

It knows nothing of what they do. A child whose parent is killed outright is told by the kernel (Linux).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import structlog

from workers.errors import DaybookError, Misconfigured

log = structlog.get_logger(__name__)

#: seconds a child may take to be ready, and to stop
START_PATIENCE = 30.0
STOP_PATIENCE = 35.0
#: a child that lived this long is restarted at once; one that did not waits, longer each time
_STEADY = 30.0
_LONGEST_WAIT = 30.0
#: seconds to hear what a process said before it ended
_LAST_WORDS = 1.0
_PR_SET_PDEATHSIG = 1


class ChildFailed(DaybookError):
    """A process did not start; its own words above say why."""


async def _at_once() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. `ready` is asked until it says True.

    What it writes goes to the file `log_to`, else line by line to `heard`, else where ours goes.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], Awaitable[bool]] = _at_once
    log_to: Path | None = None
    heard: Callable[[str], None] | None = None


class Supervisor:
    """Keeps children running from `start` to `stop`."""

    def __init__(self) -> None:
        self._running: list[tuple[Child, asyncio.Task[None]]] = []
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._listening: set[asyncio.Task[None]] = set()

    async def start(self, child: Child) -> None:
        """Start `child` and wait until it is ready; `ChildFailed` where it is not within the patience."""
        await self._spawn(child)
        self._running.append((child, asyncio.create_task(self._keep(child))))
        deadline = time.monotonic() + START_PATIENCE
        while not await child.ready():
            process = self._processes[child.name]
            if process.returncode is not None or time.monotonic() > deadline:
                raise ChildFailed(f"{child.name} did not start (exit status {process.returncode}); see its log above.")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop every child, the last started first, each only when the one before has ended."""
        while self._running:
            child, keeper = self._running.pop()
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await _end(self._processes[child.name])
        if self._listening:  # the last words; what a process left behind may hold its output open
            await asyncio.wait(self._listening, timeout=_LAST_WORDS)

    async def _spawn(self, child: Child) -> None:
        with contextlib.ExitStack() as stack:
            output: IO[bytes] | int | None = None
            if child.log_to is not None:
                child.log_to.parent.mkdir(parents=True, exist_ok=True)
                output = stack.enter_context(child.log_to.open("ab"))
            elif child.heard is not None:
                output = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(
                *child.argv,
                env={**os.environ, **child.env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output if output is None else asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the parent, which then stops them in order
                preexec_fn=_die_with(os.getpid()) if sys.platform == "linux" else None,
            )
        self._processes[child.name] = process
        if process.stdout is not None and child.heard is not None:
            listener = asyncio.create_task(_listen(process.stdout, child.heard))
            self._listening.add(listener)
            listener.add_done_callback(self._listening.discard)

    async def _keep(self, child: Child) -> None:
        wait = 0.1
        while True:
            born = time.monotonic()
            status = await self._processes[child.name].wait()
            if time.monotonic() - born > _STEADY:
                wait = 0.1
            log.warning("supervise.restarting", child=child.name, exit_status=status, after_seconds=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)
            try:
                await self._spawn(child)
            except OSError as error:  # too many processes or files, a full disk: the next try may go well
                log.error("supervise.not_started", child=child.name, reason=error.strerror)


def _die_with(parent: int) -> Callable[[], None]:
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew that we care
            os.kill(os.getpid(), signal.SIGTERM)

    return arrange


async def _listen(output: asyncio.StreamReader, heard: Callable[[str], None]) -> None:
    """Hand on each line until the process, and whoever has its output from it, has closed it."""
    while True:
        try:
            line = await output.readline()
        except ValueError:  # longer than any line is; asyncio has thrown it away
            continue
        if not line:
            return
        heard(line.decode("utf-8", "replace").rstrip())


async def _end(process: asyncio.subprocess.Process) -> None:
    """SIGTERM, patience, then SIGKILL to the child's whole group."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_PATIENCE)
    except TimeoutError:
        log.warning("supervise.killed", pid=process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process: two supervisors over one data directory would fight over its broker."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                f"another `daybook up` runs on {folder}; stop it, or set DAYBOOK_DATA_DIR to another folder."
            ) from None
        yield


@contextlib.asynccontextmanager
async def until_signal() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
