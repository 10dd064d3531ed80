"""Move the instants of a sample in time and keep each one's spelling. Not a clock: the caller brings `now`.

Cal.com spells instants in three ways, by the path an event took: `…:00Z`, `….000Z` and `…:00+00:00`; calendar
files add `20261203T150000Z` and no-show messages `2026-12-03 15:05:00 +00:00`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_SPELLED = re.compile(
    r"(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?P<fraction>\.\d{3})?(?P<zone>Z|\+00:00)"
    r"|(?P<compact>\d{8}T\d{6})Z"
    r"|(?P<spaced>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \+00:00"
)
_FORMATS = {"iso": "%Y-%m-%dT%H:%M:%S", "compact": "%Y%m%dT%H%M%S", "spaced": "%Y-%m-%d %H:%M:%S"}

Move = Callable[[datetime], datetime]


def milliseconds(instant: datetime) -> str:
    """The three digits after the second, as JavaScript's `toISOString` writes them."""
    return f"{instant.microsecond // 1000:03d}"


def javascript_iso(instant: datetime) -> str:
    """As JavaScript's `toISOString`: UTC, three digits of fraction, `Z`."""
    instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{milliseconds(instant)}Z"


def instant_of(text: object) -> datetime | None:
    """The instant that `text` spells, or None when it is no instant."""
    match = _SPELLED.fullmatch(text) if isinstance(text, str) else None
    return _read(match) if match else None


def move_instants(text: str, move: Move) -> str:
    """`text` with every instant in it replaced by `move(instant)`, each in its own spelling."""
    return _SPELLED.sub(lambda match: _spell(match, move(_read(match))), text)


def floor(span: timedelta, step: timedelta) -> timedelta:
    """The largest multiple of `step` that is not longer than `span`."""
    return span // step * step


def _kind(match: re.Match[str]) -> str:
    return next(name for name in _FORMATS if match[name] is not None)


def _read(match: re.Match[str]) -> datetime:
    kind = _kind(match)
    instant = datetime.strptime(match[kind], _FORMATS[kind]).replace(tzinfo=UTC)
    return instant + timedelta(milliseconds=int((match["fraction"] or ".0")[1:]))


def _spell(match: re.Match[str], instant: datetime) -> str:
    instant = instant.astimezone(UTC)
    kind = _kind(match)
    text = f"{instant:{_FORMATS[kind]}}"
    if kind == "iso":
        fraction = f".{milliseconds(instant)}" if match["fraction"] else ""
        return f"{text}{fraction}{match['zone']}"
    return f"{text}Z" if kind == "compact" else f"{text} +00:00"
