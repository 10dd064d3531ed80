"""Which triggers fell silent: one that came regularly and has not come for much longer than it ever paused, or one that
should have come of meetings that ended. Pure.

The webhook may have lost it, or Cal.com may have switched it off; nobody else would say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

#: how far back it is looked for what is regular
SPAN = timedelta(days=28)
#: events within the span that make a trigger a regular one; and they must lie as far apart as `LEAST`, all in all
REGULAR = 8
#: nothing is silent before this
LEAST = timedelta(hours=24)
#: how many times the longest pause a silence is longer
FACTOR = 3

#: meetings that ended unheard make a silence, from so many on; they ended so long ago at most, and at least
UNHEARD = 3
ENDED_WITHIN, ENDED_BEFORE = timedelta(days=2), timedelta(hours=2)

#: the first and the last event of a period
Busy = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Silence:
    """A trigger that fell silent. Before, it never paused for longer than `longest`."""

    trigger: str
    last: datetime
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Unheard:
    """A trigger that is subscribed and did not come, though `number` meetings ended, the first of them at `since`."""

    trigger: str
    number: int
    since: datetime


def unheard(trigger: str, ends: Sequence[datetime], now: datetime) -> Unheard | None:
    """Whether nothing was heard of meetings that ended. `ends` says when those did that nobody called off, and that
    ended after the trigger came last."""
    missed = [end for end in ends if now - ENDED_WITHIN <= end < now - ENDED_BEFORE]
    return Unheard(trigger, len(missed), min(missed)) if len(missed) >= UNHEARD else None


def period(last: datetime, now: datetime) -> timedelta:
    """How long the periods may be in which nobody has to look for pauses: `FACTOR` times one of them is no longer than
    the silence since `last`, or `LEAST`."""
    return max(LEAST, now - last) / FACTOR


def silence(trigger: str, number: int, busy: Sequence[Busy], now: datetime) -> Silence | None:
    """Whether a trigger fell silent. `number` is how many events of it there were within `SPAN` before `now`, at least
    `REGULAR` where there were more; `busy` are the periods within it in which any came, in their order, each no longer
    than `period`."""
    if number < REGULAR or not busy:
        return None
    last = busy[-1][1]
    if last - busy[0][0] < LEAST:  # they came in one go
        return None
    pauses = [later[0] - earlier[1] for earlier, later in pairwise(busy)]
    longest = max(pauses, default=timedelta(0))
    if now - last <= max(LEAST, FACTOR * longest):
        return None
    return Silence(trigger, last, max(longest, period(last, now)))
