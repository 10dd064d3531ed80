"""How long a thread may be at expressions that are evaluated, or read, for one purpose: all of them together.

What one of them may take by itself is `guard.py`'s. Time is that of a processor, so a busy machine changes nothing.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: seconds for a trial: a rule read, and all its expressions evaluated for an event
TRIAL = 2.0
#: seconds for what loops and long texts take in all rules that an event is compared with, or in one step
LIVE = 5.0
#: characters of a long text
_LONG = 10_000


class Spent(ValueError):
    """Nothing is left. The message is for people."""

    def __init__(self) -> None:
        super().__init__("it takes too many steps together with other expressions; make loops shorter or fewer")


class _Left(threading.local):
    """Until when this thread may go on: by its own time, in seconds."""

    def __init__(self) -> None:
        self.all = self.dear = math.inf


_LEFT = _Left()


@contextmanager
def for_all(seconds: float) -> Iterator[None]:
    """Everything that this thread evaluates and reads meanwhile takes so long at most. Within another: the shorter."""
    before = _LEFT.all, _LEFT.dear
    until = time.thread_time() + seconds
    _LEFT.all, _LEFT.dear = min(before[0], until), min(before[1], until)
    try:
        yield
    finally:
        _LEFT.all, _LEFT.dear = before


@contextmanager
def for_dear(seconds: float) -> Iterator[None]:
    """The same for loops and long texts alone: what some expressions waste keeps no simple one from its value."""
    before = _LEFT.dear
    _LEFT.dear = min(before, time.thread_time() + seconds)
    try:
        yield
    finally:
        _LEFT.dear = before


def ask() -> None:
    """Whether anything may begin. Raises Spent."""
    if _LEFT.all < math.inf and time.thread_time() > _LEFT.all:
        raise Spent


def ask_for(length: int) -> None:
    """Whether a text of so many characters may be worked on. Raises Spent."""
    if length > _LONG and _LEFT.dear < math.inf and time.thread_time() > _LEFT.dear:
        raise Spent


def loops_end(now: float) -> float:
    """Until when a loop may go round that begins now, by the time of this thread. Raises Spent."""
    if now > _LEFT.dear:
        raise Spent
    return _LEFT.dear
