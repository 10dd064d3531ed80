"""Whose turn it is to write SQLite: a lock on a file beside the database, which wakes the next in line at once.

SQLite has one writer at a time too, but who waits for it looks again after pauses that grow to a tenth of a second,
so a busy worker starves the web process. This lock is about order only: SQLite's own still decides, and the kernel
frees this one when its holder dies.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.errors import StoreUnavailable


class Turns:
    """`with turns.mine(patience):` waits for its turn; `StoreUnavailable` when it does not come within the seconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        #: among the threads of this process: only one of them waits for the file's lock, at the cost that has
        self._thread = threading.Lock()
        self._free: deque[int] = deque()  # open descriptors nobody uses: each holds, or waits for, one lock

    @contextmanager
    def mine(self, patience: float) -> Iterator[None]:
        until = time.monotonic() + patience
        if not self._thread.acquire(timeout=patience):
            raise _busy(patience)
        try:
            descriptor = self._take(until - time.monotonic(), patience)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                self._free.append(descriptor)
        finally:
            self._thread.release()

    def _take(self, left: float, patience: float) -> int:
        try:
            descriptor = self._free.pop()
        except IndexError:
            descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not _wait(descriptor, left):
                raise _busy(patience) from None
        return descriptor

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be opened: {error.strerror}.") from error

    def close(self) -> None:
        while self._free:
            os.close(self._free.pop())


def _busy(patience: float) -> StoreUnavailable:
    return StoreUnavailable(f"the database is busy: others have been writing for {patience:.0f} s.")


def _wait(descriptor: int, patience: float) -> bool:
    """Block for the lock, but not for ever: the kernel's call has no time-out, so a thread makes it for us."""
    got = threading.Event()
    guard = threading.Lock()
    gone = False

    def block() -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with guard:
            if gone:
                os.close(descriptor)  # frees the lock that nobody waits for any more
            else:
                got.set()

    threading.Thread(target=block, name="turn", daemon=True).start()
    if got.wait(patience):
        return True
    with guard:
        gone = not got.is_set()
    return not gone
