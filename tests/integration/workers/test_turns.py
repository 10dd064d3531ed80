from __future__ import annotations

import fcntl
import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import PATIENCE
from workers.errors import StoreUnavailable
from workers.store.turns import Turns


def test_one_at_a_time_among_threads_and_all_come_to_their_turn(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "turn")
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with turns.mine(PATIENCE):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (max(most), len(most)) == (1, 80)
    turns.close()


def test_a_turn_that_does_not_come_is_an_error_and_leaves_the_line_free(tmp_path: Path) -> None:
    turns, other = Turns(tmp_path / "turn"), Turns(tmp_path / "turn")
    with turns.mine(1), pytest.raises(StoreUnavailable, match="busy"), other.mine(0.1):
        pass

    with other.mine(PATIENCE):
        pass
    turns.close()
    other.close()


def _hold_and_die(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os._exit(9)


def test_a_holder_that_dies_frees_the_turn(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_hold_and_die, args=(str(tmp_path / "turn"),))
    process.start()
    process.join(PATIENCE)
    turns = Turns(tmp_path / "turn")

    with turns.mine(PATIENCE):
        assert process.exitcode == 9
    turns.close()


def test_a_folder_that_cannot_be_written_is_named() -> None:
    with pytest.raises(StoreUnavailable, match="/nonexistent/turn"), Turns(Path("/nonexistent/turn")).mine(1):
        pass
