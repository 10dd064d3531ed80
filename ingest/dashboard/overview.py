"""The first page: what needs a person, what came lately and how fast it was taken, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from ingest.dashboard.page import Shown, Visit
from workers.store import overview
from workers.store.overview import Window

_NAMES = {Window.HOUR: "hour", Window.DAY: "24 hours", Window.WEEK: "7 days"}
#: where each kind of what needs a person is looked at
_WHERE = {
    "quarantine": "/quarantine",
    "unknown": "/runs?state=dead",
    "dead": "/runs?state=dead",
    "drift": "/webhooks",
    "unseen": "/connections",
}
#: what to do next, where it is done on pages; else it is what a terminal is told
_NEXT = {
    "quarantine": "See why, mend the secret, then release what is Cal.com's and discard the rest.",
    "unknown": "Find out whether it was done, and say so on the run's page.",
    "dead": "Mend the cause, then try it again on the run's page.",
    "drift": "Plan shows each difference; applying it mends what can be mended.",
    "unseen": "Test says what is wrong; a plan looks again.",
}
#: triggers told one by one
_MOST = 12
_VERDICTS = ("signed", "mismatch", "unsigned")
_QUANTILES = ("p50", "p95", "p99")


def home(visit: Visit) -> Shown:
    """The figures of an hour, a day or a week; another window is the day."""
    asked = visit.asked("window")
    window = Window(asked) if asked in list(Window) else Window.DAY
    with visit.store.read() as sql:
        found = overview.overview(sql, window, visit.now)
        needed = overview.attention(sql, visit.now)
    points: Sequence[Mapping[str, Any]] = found["points"]
    told = {
        "window": window,
        "windows": [(each, _NAMES[each]) for each in Window],
        "span": _NAMES[window],
        "needed": [{**each, "where": _where(each), "next": _next(each)} for each in needed],
        "found": found,
        "came": sum(found["deliveries"].values()),
        "busiest": _rate(points, found["minutes"]),
        "triggers": list(found["events"].items())[:_MOST],
        "others": sum(list(found["events"].values())[_MOST:]),
        "most": max(found["events"].values(), default=0),
        "verdicts": _chart("deliveries", points, window, _VERDICTS),
        "speed": _chart("speed", points, window, _QUANTILES) if found["accepted"]["number"] else None,
    }
    return Shown("overview.html", "Overview", told)


def _chart(what: str, points: Sequence[Mapping[str, Any]], window: Window, names: Sequence[str]) -> Markup:
    form = "%d %b" if window is Window.WEEK else "%H:%M"
    labels = tuple(datetime.fromisoformat(point["at"]).strftime(form) for point in points)
    return _drawn(what, labels, tuple((name, tuple(point[name] for point in points)) for name in names))


@lru_cache(maxsize=64)
def _drawn(what: str, labels: tuple[str, ...], series: tuple[tuple[str, tuple[Any, ...]], ...]) -> Markup:
    """Drawing costs more than all else on the page; who looks again before anything came gets the same chart."""
    from ingest.dashboard import charts  # it takes a second to load, of which a start should not know

    if what == "speed":
        return charts.lines("How long deliveries took to be answered, in milliseconds", labels, dict(series))
    return charts.stacked("Deliveries by verdict", labels, dict(series))


def _rate(points: Sequence[Mapping[str, Any]], minutes: int) -> str:
    """Deliveries a minute at the busiest point."""
    most = max((sum(point[name] for name in _VERDICTS) for point in points), default=0) / minutes
    return f"{most:.0f}" if most >= 10 or most == round(most) else f"{most:.1f}" if most >= 0.1 else "less than 0.1"


def _next(item: Mapping[str, Any]) -> str:
    return _NEXT.get(str(item["kind"]), str(item["next"]))


def _where(item: Mapping[str, Any]) -> str | None:
    if item["kind"] == "silent":
        return f"/events?trigger={item['about']}"
    return _WHERE.get(str(item["kind"]))
