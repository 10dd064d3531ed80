"""`wait`: not before a time. The waiting itself is done in SQL: this only says until when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from workers.actions.kind import Absent, Call, Done, Outcome, Refused, Toolbox, Until
from workers.rules.kinds import UNKNOWN, Key, Problem

LONGEST = timedelta(days=3660)
TOO_LONG = f"must be no longer than {LONGEST.days} days"
FORMS = "a duration such as 90s, 45m, 24h, 3d, 2w or 1h30m, or an instant such as 2026-11-23T09:30:00Z"
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(?=.)" + "".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in _UNITS), re.ASCII)


def read(written: object) -> timedelta | datetime:
    """The duration or instant that is meant. Raises ValueError with half a sentence that says what may be written."""
    if isinstance(written, str):
        text = written.strip()
        if parts := _DURATION.fullmatch(text):
            given = zip(_UNITS.values(), parts.groups(), strict=True)
            try:
                return timedelta(**{unit: int(number) for unit, number in given if number})
            except OverflowError:
                raise ValueError(TOO_LONG) from None
        try:
            written = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"must be {FORMS}") from None
    if isinstance(written, timedelta):
        return written
    if isinstance(written, datetime):
        if written.tzinfo is None:
            raise ValueError("must be an instant with its offset, such as 2026-11-23T09:30:00Z")
        return written
    raise ValueError(f"must be {FORMS}")


class WaitStep:
    """Waits until an instant, or for a duration from when the run came to the step. One in the past is over."""

    name = "wait"
    keys: Mapping[str, Key] = {"wait": Key({"type": "string", "description": f"Until when: {FORMS}."}, required=True)}
    duration = True
    changes = False

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with what is written."""
        if (written := values.get("wait", UNKNOWN)) is UNKNOWN:
            return
        try:
            meant = read(written)
        except ValueError as error:
            yield Problem(("wait",), f"wait {error}.")
            return
        if isinstance(meant, timedelta) and meant > LONGEST:
            yield Problem(("wait",), f"wait {TOO_LONG}.")

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
