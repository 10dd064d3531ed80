"""Out-of-office entries that do not clash: each number has days of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def days(number: int) -> tuple[str, str]:
    """The start and end of an entry that no other number has."""
    day = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return f"{day:%Y-%m-%d}T09:00:00Z", f"{day:%Y-%m-%d}T10:00:00Z"
