"""What can be said of counts in buckets. They are numbers here; who counts is another matter."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.histogram import BOUNDS, BUCKETS, SECONDS, quantile


def counted(*milliseconds: float) -> list[int]:
    """The histogram of so many times."""
    counts = [0] * BUCKETS
    for each in milliseconds:
        counts[bisect_left(SECONDS, each / 1000)] += 1
    return counts


def test_a_time_that_is_a_bound_is_within_its_bucket() -> None:
    assert counted(*BOUNDS) == [1] * len(BOUNDS) + [0]
    assert counted(BOUNDS[-1] + 1)[-1] == 1


def test_of_nothing_nothing_is_said() -> None:
    assert quantile([0] * BUCKETS, 0.5) is None


def test_times_are_taken_to_lie_evenly_in_their_bucket() -> None:
    counts = counted(*[15] * 100)
    assert quantile(counts, 0.5) == 15
    assert quantile(counts, 0.01) == 10.1
    assert quantile(counts, 1) == 20


def test_a_quantile_is_looked_for_in_the_bucket_that_it_falls_into() -> None:
    counts = counted(*[0.5] * 90, *[150] * 10)
    assert quantile(counts, 0.9) == 1
    assert quantile(counts, 0.95) == 150
    assert quantile(counts, 0.99) == 190


def test_what_took_longer_than_the_last_bound_is_told_as_that_bound() -> None:
    assert quantile(counted(60_000), 0.5) == BOUNDS[-1]


@given(st.lists(st.floats(0, 20_000), min_size=1, max_size=50))
def test_a_larger_part_never_took_less_time(times: list[float]) -> None:
    found = [quantile(counted(*times), part) for part in (0.01, 0.5, 0.95, 0.99, 1)]
    assert None not in found
    assert found == sorted(found, key=lambda each: each or 0)


@pytest.mark.parametrize("part", [0.5, 0.95, 0.99])
def test_histograms_of_two_processes_are_one_by_adding_them_up(part: float) -> None:
    one, other = counted(3, 30, 300), counted(7, 70, 700)
    together = [first + second for first, second in zip(one, other, strict=True)]
    assert quantile(together, part) == quantile(counted(3, 30, 300, 7, 70, 700), part)
