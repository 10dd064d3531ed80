"""Ctrl-C as a wish to end in good order: what was begun is finished and told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def until_ctrl_c() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets: an exception in its place may be lost in a library's clean-up, or tear a line."""
    ended = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: ended.set())
    try:
        yield ended
    finally:
        signal.signal(signal.SIGINT, before)
