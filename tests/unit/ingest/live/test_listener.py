"""One who listens: what waits for it, and what is too much."""

from __future__ import annotations

import pytest

from ingest.live.listener import Listener, Wanted
from workers.store.history import Filter
from workers.store.position import Position

#: seconds that no test waits
LONG = 3_600.0


def listening() -> Listener:
    return Listener(Wanted(Filter()), None, Position(0))


async def test_it_hears_all_that_waits_at_once() -> None:
    listener = listening()
    assert listener.tell([b"a", b"b"], Position(2))
    assert listener.tell([b"c"], Position(3))
    assert await listener.heard(LONG) == b"abc"
    assert await listener.heard(0) == b""
    assert listener.position == Position(3)


async def test_a_look_that_found_nothing_for_it_moves_it_on_without_a_word() -> None:
    listener = listening()
    assert listener.tell([], Position(7))
    assert await listener.heard(0) == b""
    assert listener.position == Position(7)


@pytest.mark.parametrize("told", [[b"x"] * 600, [b"x" * 3_000_000]])
async def test_one_who_does_not_read_hears_no_more(told: list[bytes]) -> None:
    listener = listening()
    assert listener.tell(told, Position(1))
    assert not listener.tell(told, Position(2))
    assert await listener.heard(LONG) is None


async def test_one_message_may_be_of_any_size() -> None:
    listener = listening()
    assert listener.tell([b"x" * 9_000_000], Position(1))
    heard = await listener.heard(LONG)
    assert heard is not None
    assert len(heard) == 9_000_000
