"""Instants, whichever way Cal.com spells them. Not durations, not time zones of people."""

from __future__ import annotations

from datetime import UTC, datetime

#: Years outside are refused: no booking is there, and converting year 1 or 9999 to another zone overflows.
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_LONGEST = 64  # characters; every ISO 8601 instant is shorter


def instant(value: object) -> datetime | None:
    """The instant a string names, aware and in UTC; None for anything that names none.

    Cal.com writes one instant in three ways: `…:00Z`, `…:00+00:00` and `….000Z`, and out-of-office entries
    carry their user's offset. A string without offset is UTC.
    """
    if type(value) is not str or not 10 <= len(value) <= _LONGEST:
        return None
    try:
        moment = utc(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def utc(moment: datetime) -> datetime:
    """The same moment, aware and in UTC; one without offset is UTC."""
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
