"""Pages: how long the dashboard's pages keep somebody waiting on a long history, and how many bytes each one loads.

The time is from the request to the head of the answer, which a page sends once it is made, on a connection that is
open. A page that is not there, or answers anything but 200, is told of and not measured.
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit

import httpx2

from tests.bench import history, records
from tests.bench.databases import KINDS, TITLES, Kind, settled
from tests.bench.plan import Bench
from tests.bench.report import Goal, Line
from workers.settings import Settings
from workers.store import history as stored
from workers.store import sessions
from workers.store.engine import open_store
from workers.store.keys import Role
from workers.vault import open_vault

_MOST_MS, _MOST_KB = 50, 100
#: seconds that a page may take before it is given up
_PATIENCE = 30
#: what a module of ours loads beside itself
_IMPORT = re.compile(r"""\b(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")


@dataclass(frozen=True, slots=True)
class _Look:
    """What is looked at: pages by their names, and somebody who is signed in."""

    pages: dict[str, str]
    token: str


@dataclass(slots=True)
class _Found:
    """What one page was found to be."""

    status: int
    first: float  #: milliseconds of the first request of all, with nothing warm
    size: int  #: bytes of its body
    page: bool  #: whether it is one that people see
    loads: int = 0  #: bytes of what its body asks for
    times: list[float] = field(default_factory=list)  #: milliseconds, the median of each round


def measure(bench: Bench) -> list[Line]:
    """Of every page, on both databases, the time to its first byte and its bytes."""
    lines: list[Line] = []
    for kind in KINDS:
        looks: list[_Look] = []
        with bench.servers.daybook(
            kind,
            worker=False,
            rules=records.RULES,
            before=partial(_prepare, bench, kind, looks),
        ) as running:
            lines += _measure(bench, f"http://127.0.0.1:{running.port}", looks[0], kind)
    return lines


def _prepare(bench: Bench, kind: Kind, looks: list[_Look], settings: Settings) -> None:
    """Write the history, of which the newest events are of this hour; `looks` gets what is to be looked at."""
    task = bench.progress.add_task(f"pages: writing events to {TITLES[kind]}", total=bench.plan.events)
    with contextlib.closing(open_store(settings.database, pool_size=1)) as store:
        keeper = records.Keeper(settings, store, open_vault(settings))
        history.fill(
            store,
            bench.plan.events,
            lambda written: bench.progress.advance(task, written),
            began=datetime.now(UTC) - history.SPAN,
            follow=keeper.follow,
        )
        keeper.close()
        settled(store)
        now = datetime.now(UTC)
        with store.write() as sql:
            token = sessions.begin(sql, name="bench", role=Role.ADMIN, key_digest=None, now=now, lives=timedelta(1))
        with store.read() as sql:
            newest = stored.page(sql, stored.Filter(kinds=("booking",)), before=None, limit=1)[0]
    looks.append(_Look(_pages(str(newest.id), newest.booking_uid), token))


def _pages(event: str, booking: str) -> dict[str, str]:
    return {
        "overview": "/",
        "events": "/events",
        "events, a common word": f"/events?text={history.COMMON_WORD}",
        "events of an e-mail": f"/events?email={quote(history.EMAIL)}",
        "an event": f"/events/{event}",
        "bookings": "/bookings",
        "a booking": f"/bookings/{booking}",
        "rules": "/rules",
        "runs": "/runs",
        "quarantine": "/quarantine",
        "audit": "/audit",
        "events by the API": "/api/v1/events",
    }


def _measure(bench: Bench, base: str, look: _Look, kind: Kind) -> list[Line]:
    with httpx2.Client(
        base_url=base, cookies={"daybook": look.token}, timeout=_PATIENCE, trust_env=False, follow_redirects=False
    ) as client:
        found = {name: _first(client, path) for name, path in look.pages.items()}
        there = {name: look.pages[name] for name, one in found.items() if one.status == httpx2.codes.OK}
        turns = bench.alternate(
            f"pages from {TITLES[kind]}",
            {name: partial(_time, client, path, bench.plan.searches) for name, path in there.items()},
        )
    for name, times in turns.items():
        found[name].times = times
    return _lines(bench, kind, look, found)


def _lines(bench: Bench, kind: Kind, look: _Look, found: dict[str, _Found]) -> list[Line]:
    part = f"pages at {bench.plan.events:,} events, {TITLES[kind]}"
    lines = []
    weights = {name: (one.size + one.loads) / 1000 for name, one in found.items() if one.times}
    for name, weight in weights.items():
        loaded = " with all that it loads" if found[name].page else ""
        note = f"{weight:.1f} KB{loaded}; the very first {found[name].first:.0f} ms"
        goal = Goal("<=", _MOST_MS, "ours")
        lines.append(Line(part, f"first byte, {name}", "ms", found[name].times, goal=goal, note=note))
    heaviest = max((name for name in weights if found[name].page), key=lambda name: weights[name])
    goal = Goal("<=", _MOST_KB, "ours")
    lines.append(Line(part, "the heaviest page", "KB", [weights[heaviest]], goal=goal, note=heaviest))
    missing = [f"{look.pages[name]} {one.status}" for name, one in found.items() if not one.times]
    if missing:
        note = ", ".join(missing)
        lines.append(Line(part, "pages that are missing", "", [len(missing)], judged=("none", False), note=note))
    return lines


def _first(client: httpx2.Client, path: str) -> _Found:
    """A page as it comes the first time, and what it weighs."""
    start = time.perf_counter()
    with client.stream("GET", path) as answer:
        took = (time.perf_counter() - start) * 1000
        body = answer.read()
    html = answer.headers.get("content-type", "").startswith("text/html")
    found = _Found(answer.status_code, took, len(body), html)
    if html:
        found.loads = _weight(client, path, body.decode())
    return found


def _time(client: httpx2.Client, path: str, times: int) -> float:
    """The median milliseconds to the head of the answer, whose body is read before the next request."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        with client.stream("GET", path) as answer:
            found.append((time.perf_counter() - start) * 1000)
            answer.read()
    return sorted(found)[len(found) // 2]


def _weight(client: httpx2.Client, path: str, html: str) -> int:
    """Bytes of the styles, scripts and pictures that a page asks for, each once, and of the modules these import."""
    reader = _Loads()
    reader.feed(html)
    wanted = [urljoin(path, each) for each in reader.found]
    bodies: dict[str, int] = {}
    while wanted:
        address = wanted.pop()
        if address in bodies or urlsplit(address).scheme:
            continue
        body = client.get(address).content
        bodies[address] = len(body)
        if address.endswith(".js"):
            wanted += [urljoin(address, each) for each in _IMPORT.findall(body.decode())]
    return sum(bodies.values())


class _Loads(HTMLParser):
    """Collects what a browser loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get("href") if tag == "link" else given.get("src")
        if address:
            self.found.append(address)
