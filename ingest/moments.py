"""Moments as people and scripts write them: `2026-11-23`, `2026-11-23T09:30Z`, or an age such as `30m`. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from workers.errors import BadInput

_AGE = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
#: what may be written, for help texts and errors
FORMS = "a date (2026-11-23), an instant (2026-11-23T09:30:00Z) or an age (45s, 30m, 12h, 30d, 2w)"


def moment(written: str, now: datetime, *, name: str, until: bool = False) -> datetime:
    """The instant that is meant, in UTC; `BadInput` names `name` and says what may be written.

    An age counts back from `now`. What has no zone is UTC. A date alone is its first instant, for an `until` the
    first after it, so that `--since 2026-11-23 --until 2026-11-23` is that day.
    """
    text = written.strip()
    try:
        age = _AGE.fullmatch(text)
        if age:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        day = _day(text)
        if day is not None:
            return datetime.combine(day, time(), UTC) + timedelta(days=1 if until else 0)
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{name} must be {FORMS}.") from None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
