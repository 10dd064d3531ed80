"""Durations as people write them: `90m`, `1h30m`, `2d`. The one place that reads them."""

from __future__ import annotations

import re
from datetime import timedelta

_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|[dhms])", re.ASCII)
_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
#: longer than any run may wait
_LONGEST = timedelta(days=3660)


def duration(text: str) -> timedelta | None:
    """How long `24h`, `90m`, `1h30m`, `2d` or `1.5s` are; None for what is no duration, or one of over ten years.

    Parts are added up: `1d12h` is 36 hours. A day has 24 hours.
    """
    if not text or len(text) > 100:
        return None
    seconds, at = 0.0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        seconds += float(part[1]) * _UNITS[part[2]]
        at = part.end()
    return timedelta(seconds=seconds) if seconds <= _LONGEST.total_seconds() else None


def spell(span: timedelta) -> str:
    """A duration as text that `duration` reads again: seconds, with as many decimals as it takes."""
    seconds = span.total_seconds()
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{seconds:.6f}".rstrip("0") + "s"
