"""What Cal.com says about its rate limit, on every reply. Pure, and total: any header gives a value.

The headers are `X-RateLimit-Limit-<Name>`, `-Remaining-<Name>` and `-Reset-<Name>`; the name is a limit's and
differs by key and endpoint (`Default`, `Organizations_delete`), and there may be several. Reset is seconds
left, not a time of day. Cal.com sends no Retry-After; a proxy before it may.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

#: Cal.com blocks for 60 seconds; taken when it does not say.
BLOCK = 60.0
SHORTEST = 1.0
LONGEST = 3600.0

HEADER = re.compile(r"x-ratelimit-(limit|remaining|reset)-(.+)", re.IGNORECASE)
DIGITS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Rate:
    """One limit: `remaining` of `limit` calls left, all again in `reset` seconds. None: not said."""

    name: str
    limit: int | None = None
    remaining: int | None = None
    reset: int | None = None

    @property
    def spent(self) -> bool:
        """Whether the next call would be refused."""
        return self.remaining == 0 and self.reset is not None


def rates(headers: Mapping[str, str]) -> tuple[Rate, ...]:
    """Every limit the headers name, the tightest first."""
    found: dict[str, dict[str, int]] = {}
    for name, value in headers.items():
        if (match := HEADER.fullmatch(name)) and (number := _seconds(value)) is not None:
            found.setdefault(match[2].casefold(), {})[match[1].casefold()] = number
    limits = [Rate(name, **numbers) for name, numbers in found.items()]
    return tuple(sorted(limits, key=lambda rate: (rate.remaining is None, rate.remaining or 0, -(rate.reset or 0))))


def wait(headers: Mapping[str, str]) -> float:
    """How many seconds a 429 asks to wait: 1 to 3600, 60 when it does not say."""
    limits = rates(headers)
    exhausted = [rate for rate in limits if rate.spent] or limits
    said = [rate.reset for rate in exhausted if rate.reset is not None]
    if (after := _retry_after(headers)) is not None:
        said.append(after)
    return min(max(float(max(said, default=BLOCK)), SHORTEST), LONGEST)


def _seconds(text: str) -> int | None:
    return int(text.strip()) if DIGITS.fullmatch(text.strip()) else None


def _retry_after(headers: Mapping[str, str]) -> int | None:
    lowered = {name.casefold(): value for name, value in headers.items()}
    text = lowered.get("retry-after", "")
    if (seconds := _seconds(text)) is not None:
        return seconds
    try:  # a date, which means something only against the sender's own clock
        return int((parsedate_to_datetime(text) - parsedate_to_datetime(lowered.get("date", ""))).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
