"""When something that lasts is worth a word: as it begins, as it grows or goes on, and once it is over. Pure.

What is told is an event of Daybook's own, which rules hear and bring to somebody; so it must be few. What comes and
goes is one thing, and not many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from workers.catalogue.event import Event, Kind
from workers.catalogue.own import ALERTS

#: how long something has to be away until it is over
CALM = timedelta(minutes=10)
#: how long nothing more is said of what grows, and of what goes on
GROWS, GOES_ON = timedelta(minutes=15), timedelta(hours=24)


class Status(StrEnum):
    """Of what an alert tells; an event's `status`."""

    RAISED = "RAISED"  #: it began
    LASTING = "LASTING"  #: it goes on since, for a day more or twice as much
    CLEARED = "CLEARED"  #: it is over, for `CALM` at the least


@dataclass(frozen=True, slots=True)
class Condition:
    """Something is as it should not be. `about` is the rule, trigger, connection or machine that it is about, "" where
    it is about no one; `connection` is a PCID, where it is one's; `says` and `next` are whole sentences."""

    trigger: str
    about: str
    count: int
    since: datetime
    says: str
    next: str
    connection: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was told of, and is not over yet. `count` is as it was told; `away_since` None: it is there."""

    trigger: str
    about: str
    connection: str
    count: int
    since: datetime
    told_at: datetime
    away_since: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        """By which it is the same as a condition."""
        return self.trigger, self.about


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be told, and how it stands afterwards: `keep` in place of what stood, `drop` no longer."""

    told: Sequence[tuple[Event, str]]  #: with the connection that each is about
    keep: Sequence[Standing]
    drop: Sequence[Standing]


def changes(standing: Sequence[Standing], conditions: Sequence[Condition], now: datetime) -> Changes:
    """What has changed about what stands, now that these conditions hold."""
    told: list[tuple[Event, str]] = []
    keep: list[Standing] = []
    drop: list[Standing] = []
    before = {one.key: one for one in standing}
    there = {(one.trigger, one.about): one for one in conditions}
    for key, condition in there.items():
        stood = before.get(key)
        status = _due(stood, condition, now)
        if status is not None:
            told.append((_event(condition, status), condition.connection))
        since = stood.since if stood is not None else condition.since
        count, told_at = (condition.count, now) if status is not None or stood is None else (stood.count, stood.told_at)
        new = Standing(*key, condition.connection, count, since, told_at, None)
        if new != stood:
            keep.append(new)
    for key, stood in before.items():
        if key in there:
            continue
        if stood.away_since is None:
            keep.append(Standing(*key, stood.connection, stood.count, stood.since, stood.told_at, now))
        elif now - stood.away_since >= CALM:
            told.append((_over(stood), stood.connection))
            drop.append(stood)
    return Changes(told, keep, drop)


def _due(stood: Standing | None, condition: Condition, now: datetime) -> Status | None:
    if stood is None:
        return Status.RAISED
    quiet = now - stood.told_at
    if quiet >= GOES_ON or (quiet >= GROWS and condition.count >= 2 * stood.count):
        return Status.LASTING
    return None


def _event(condition: Condition, status: Status) -> Event:
    return Event(
        kind=Kind.SYNTHETIC,
        trigger=condition.trigger,
        title=condition.says,
        status=status.value,
        notes=condition.next,
        payload=_payload(condition.about, condition.count, condition.since, condition.says, condition.next),
    )


def _over(stood: Standing) -> Event:
    whose = f" ({stood.about})" if stood.about else ""
    says = f"It is over: {ALERTS[stood.trigger].about}{whose}."
    return Event(
        kind=Kind.SYNTHETIC,
        trigger=stood.trigger,
        title=says,
        status=Status.CLEARED.value,
        payload=_payload(stood.about, stood.count, stood.since, says, None),
    )


def _payload(about: str, count: int, since: datetime, says: str, following: str | None) -> dict[str, Any]:
    return {
        "about": about or None,
        "count": count,
        "since": since.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "says": says,
        "next": following,
    }
