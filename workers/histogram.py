"""How long things took, as counts in fixed buckets: where they end, and what can be said of many. Pure.

Counts of several processes, or minutes, are one histogram by adding them up bucket by bucket.
"""

from __future__ import annotations

from collections.abc import Sequence

#: the upper end of each bucket, in milliseconds; one more bucket is for all that took longer
BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
BUCKETS = len(BOUNDS) + 1
#: the same in seconds: `bisect_left(SECONDS, took)` is the place of the bucket for what took so long
SECONDS = tuple(bound / 1000 for bound in BOUNDS)


def quantile(counts: Sequence[int], part: float) -> float | None:
    """The milliseconds within which this part of all (above 0, at most 1) was done; None where there was nothing.

    Times are taken to lie evenly within their bucket. What took longer than the last bound is told as that bound: of
    it no more is known than that it took longer.
    """
    wanted = sum(counts) * part
    if not wanted:
        return None
    below = 0
    for place, number in enumerate(counts[: len(BOUNDS)]):
        if number and below + number >= wanted:
            begins = BOUNDS[place - 1] if place else 0
            return round(begins + (BOUNDS[place] - begins) * (wanted - below) / number, 2)
        below += number
    return float(BOUNDS[-1])
