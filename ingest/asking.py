"""Asking what may hang: a database or a broker that says neither yes nor no. It knows nothing of what is asked."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


class Asking:
    """One thread for one kind of question. However often it is asked while nothing comes back, it stays one thread.

    The thread ends with the process, whatever it waits for then. For one event loop.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._name = name
        self._seconds = seconds
        self._questions: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        #: what the thread is at
        self._asked: asyncio.Future[Any] | None = None

    async def ask(self, question: Callable[[], _T]) -> _T:
        """What `question` gives, or what it raises; `TimeoutError` where that takes longer than our seconds."""
        async with asyncio.timeout(self._seconds):
            while self._asked is not None and not self._asked.done():
                await asyncio.wait([self._asked])
            self._asked = asyncio.get_running_loop().create_future()
            self._asked.add_done_callback(_heard)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._questions.put((question, self._asked))
            answer: _T = await asyncio.shield(self._asked)
            return answer

    def _run(self) -> None:
        while True:
            question, asked = self._questions.get()
            answer, error = None, None
            try:
                answer = question()
            except Exception as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                asked.get_loop().call_soon_threadsafe(_settle, asked, answer, error)


def _settle(asked: asyncio.Future[Any], answer: Any, error: Exception | None) -> None:
    if asked.done():
        return
    if error is not None:
        asked.set_exception(error)
    else:
        asked.set_result(answer)


def _heard(asked: asyncio.Future[Any]) -> None:
    """An error of which nobody waits to hear any more is none to complain of."""
    if not asked.cancelled():
        asked.exception()
