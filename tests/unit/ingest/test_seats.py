from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from ingest.seats import Busy, Seats


def test_whoever_finds_no_seat_and_no_place_to_wait_is_told_at_once() -> None:
    seats = Seats(2, bench=0, patience=60.0)
    with ExitStack() as stack:
        stack.enter_context(seats.one())
        stack.enter_context(seats.one())
        with pytest.raises(Busy, match="ask again in a few seconds"), seats.one():
            pass
    with seats.one(), seats.one():
        pass


def test_whoever_waits_gets_the_next_seat() -> None:
    seats = Seats(1, bench=1, patience=60.0)
    sat = threading.Event()

    def wait() -> None:
        with seats.one():
            sat.set()

    with seats.one():
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not sat.is_set()
    waiting.join()
    assert sat.is_set()


def test_whoever_waits_too_long_is_told_and_leaves_the_place() -> None:
    seats = Seats(1, bench=1, patience=0.01)
    with seats.one():
        for _ in range(2):
            with pytest.raises(Busy), seats.one():
                pass


def test_a_seat_is_free_again_whatever_happened_on_it() -> None:
    seats = Seats(1, bench=0, patience=0.0)
    with pytest.raises(ZeroDivisionError), seats.one():
        raise ZeroDivisionError
    with seats.one():
        pass
