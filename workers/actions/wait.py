"""`wait`: not before a time. The waiting itself is done in SQL: this only says until when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from workers.actions.kind import Absent, Call, Done, Outcome, Refused, Toolbox, Until
from workers.rules.durations import duration
from workers.rules.kinds import UNKNOWN, Key, Problem

LONGEST = timedelta(days=3660)
TOO_LONG = f"must be no longer than {LONGEST.days} days"
FORMS = "a duration such as 90s, 45m, 24h, 3d or 1h30m, or an instant such as 2026-11-23T09:30:00Z"


def read(written: object) -> timedelta | datetime:
    """The duration or instant that is meant. Raises ValueError with half a sentence that says what may be written.

    An expression may give a duration below zero: that is over.
    """
    if not isinstance(written, str):
        raise ValueError(f"must be {FORMS}")
    text = written.strip()
    if (span := duration(text.removeprefix("-"))) is not None:
        return -span if text.startswith("-") else span
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"must be {FORMS}") from None
    if instant.tzinfo is None:
        raise ValueError("must be an instant with its offset, such as 2026-11-23T09:30:00Z")
    return instant


class WaitStep:
    """Waits until an instant, or for a duration from when the run came to the step. One in the past is over."""

    name = "wait"
    keys: Mapping[str, Key] = {"wait": Key({"type": "string", "description": f"Until when: {FORMS}."}, required=True)}
    duration = True
    changes = False
    sees_payload = False

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with what is written."""
        if (written := values.get("wait", UNKNOWN)) is UNKNOWN:
            return
        try:
            read(written)
        except ValueError as error:
            yield Problem(("wait",), f"wait {error}.")

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """`until`: the instant it waited for."""
        return {"type": "object", "properties": {"until": {"type": "string", "format": "date-time"}}}

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        """Whether it is time."""
        try:
            meant = read(call.values["wait"])
            until = (call.reached + meant if isinstance(meant, timedelta) else meant).astimezone(UTC)
            if until - call.reached > LONGEST:
                raise ValueError(TOO_LONG)
        except ValueError as error:
            return Refused(f"wait {error}.")
        except OverflowError:
            return Refused(f"wait {TOO_LONG}.")
        if self._clock() < until:
            return Until(until)
        return Done({"until": until.isoformat().replace("+00:00", "Z")})

    def probe(self, call: Call, box: Toolbox) -> Absent:
        """It changes nothing."""
        return Absent()

    def shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """As they are."""
        return values

    def effect(self, call: Call) -> None:
        """It causes no event."""
