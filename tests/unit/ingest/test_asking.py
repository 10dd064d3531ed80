from __future__ import annotations

import asyncio
import threading

import pytest

from ingest.asking import Asking


async def test_an_answer_is_given_on_and_so_is_an_error() -> None:
    asking = Asking("test", 60.0)

    assert await asking.ask(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await asking.ask(lambda: 1 // 0)
    assert await asking.ask(lambda: 8) == 8


async def test_what_hangs_takes_one_thread_however_often_it_is_asked() -> None:
    asking, release = Asking("hanging", 0.05), threading.Event()

    for _ in range(5):
        with pytest.raises(TimeoutError):
            await asking.ask(release.wait)
    assert [one.name for one in threading.enumerate()].count("hanging") == 1

    release.set()
    asking._seconds = 60.0
    assert await asking.ask(lambda: "back") == "back"


async def test_two_who_ask_at_once_are_both_answered() -> None:
    asking = Asking("test", 60.0)

    assert tuple(await asyncio.gather(asking.ask(lambda: 1), asking.ask(lambda: 2))) == (1, 2)
