"""When a booking is, as people read it: by UTC and by the clock of whoever holds it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

_DAY = "%a %d %b %Y"


def zone(name: str | None) -> ZoneInfo | None:
    """The time zone of that name; None for what is none, whoever wrote it."""
    if not name or len(name) > 100:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such file, a path that leads elsewhere, a folder of zones
        return None


def span(start: str | None, end: str | None, where: tzinfo = UTC) -> str | None:
    """As in `Fri 20 Nov 2026, 10:00 to 10:30`, by the clock of `where`; None where no start is told.

    Both are instants as ISO text.
    """
    begins, ends = there(start, where), there(end, where)
    if begins is None:
        return None
    said = f"{begins:{_DAY}}, {begins:%H:%M}"
    if ends is None:
        return said
    return f"{said} to {ends:%H:%M}" if ends.date() == begins.date() else f"{said} to {ends:{_DAY}}, {ends:%H:%M}"


def there(instant: str | None, where: tzinfo) -> datetime | None:
    """An instant, as ISO text, by the clock of `where`; None for none, and for what is none there."""
    if not instant:
        return None
    try:
        return datetime.fromisoformat(instant).astimezone(where)
    except (ValueError, OverflowError):  # the year 1 or 9999
        return None
