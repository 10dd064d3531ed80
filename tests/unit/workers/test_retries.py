from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.retries import Retry


def test_pauses_double_up_to_the_longest() -> None:
    retry = Retry(attempts=6, first=10, longest=60)
    assert [retry.pause(attempt, 1.0) for attempt in range(1, 6)] == [10, 20, 40, 60, 60]


def test_the_last_attempt_has_no_pause_after_it() -> None:
    assert Retry(attempts=3).pause(3, 0.5) is None
    assert Retry(attempts=1).pause(1, 0.5) is None


def test_what_was_asked_for_is_waited_for() -> None:
    assert Retry(first=10).pause(1, 0.0, at_least=42.0) == 42.0


@given(st.integers(1, 2**40), st.floats(0, 1))
def test_a_pause_is_at_least_half_of_it_and_never_longer_than_the_longest(attempt: int, dice: float) -> None:
    retry = Retry(attempts=2**41, first=10, longest=3600)
    pause = retry.pause(attempt, dice)
    assert pause is not None
    assert 5 <= pause <= 3600


@pytest.mark.parametrize("dice", [0.0, 1.0])
def test_the_dice_decide_the_second_half(dice: float) -> None:
    assert Retry(first=8).pause(1, dice) == 4 + 4 * dice
