"""Filters: the time of a page of the history for each of them, of the newest events and of ones far back.

A deep page begins where nine tenths of the history are newer: with an OFFSET it would cost many times the first. How
pages are found is asked of the database's planner: a plan that reads the whole table of events misses the goal; one
that walks the events in their order until the page is full is named, and misses it where the page did not get full.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection

from tests.bench import explained, history
from tests.bench.databases import KINDS, TITLES, Databases, settled
from tests.bench.plan import Bench
from tests.bench.report import Line
from workers.store.engine import Store, open_store
from workers.store.history import Filter, lowest_id, page
from workers.store.migrate import migrate

#: events of a page
LIMIT = 50
#: where a deep page begins
DEEP = lowest_id(history.BEGAN + history.SPAN * 0.1)
_LAST_DAY = history.BEGAN + history.SPAN - timedelta(days=1)


def every(events: int) -> dict[str, Filter]:
    """What is asked of a history of so many events, by a name for each."""
    return {
        "everything": Filter(),
        "one trigger": Filter(triggers=("BOOKING_CANCELLED",)),
        "a rare trigger": Filter(triggers=("OOO_CREATED",)),
        "three triggers": Filter(triggers=("BOOKING_CREATED", "FORM_SUBMITTED", "OOO_CREATED")),
        "a kind": Filter(kinds=("form",)),
        "a connection": Filter(connection="beta"),
        "a booking": Filter(booking=history.uid(events // 6)),
        "a guest's e-mail": Filter(email=history.EMAIL),
        "a host's e-mail": Filter(email=history.HOST),
        "one day": Filter(since=_LAST_DAY, until=_LAST_DAY + timedelta(days=1)),
        "a rare word": Filter(text=history.RARE_WORD),
        "a seldom word": Filter(text=history.SELDOM_WORD),
        "a common word": Filter(text=history.COMMON_WORD),
        "a common and a rare word": Filter(text=f"{history.COMMON_WORD} {history.RARE_WORD}"),
        "trigger and e-mail": Filter(triggers=("BOOKING_CREATED",), email=history.HOST),
        "trigger and common word": Filter(triggers=("BOOKING_CANCELLED",), text=history.COMMON_WORD),
        "trigger and rare word": Filter(triggers=("BOOKING_CREATED",), text=history.RARE_WORD),
        "a host": Filter(host=history.HOST),
        "a guest as host": Filter(host=history.EMAIL),
        "a common status": Filter(statuses=("accepted",)),
        "a seldom status": Filter(statuses=("CANCELLED",)),
        "a rare status": Filter(statuses=(history.RARE_STATUS,)),
        "a common event type": Filter(event_types=(history.COMMON_TYPE,)),
        "a rare event type": Filter(event_types=(history.RARE_TYPE,)),
        "an event type's id": Filter(event_types=(str(history.TYPES[1][1]),)),
        "signed": Filter(verdict="signed"),
        "a rare verdict": Filter(verdict=history.RARE_VERDICT),
        "a common rule": Filter(rule=history.COMMON_RULE),
        "a rare rule": Filter(rule=history.RARE_RULE),
        "trigger and common status": Filter(triggers=("BOOKING_CREATED",), statuses=("ACCEPTED",)),
        "trigger and rare status": Filter(triggers=("BOOKING_CREATED",), statuses=(history.RARE_STATUS,)),
        "trigger and rare type": Filter(triggers=("BOOKING_CREATED",), event_types=(history.RARE_TYPE,)),
        "trigger and status never together": Filter(triggers=("BOOKING_CREATED",), statuses=("CANCELLED",)),
        "rule and status never together": Filter(rule=history.COMMON_RULE, statuses=("CANCELLED",)),
        "host and type": Filter(host=history.HOST, event_types=(history.SELDOM_TYPE,)),
        "host and rare rule": Filter(host=history.HOST, rule=history.RARE_RULE),
        "rule and common word": Filter(rule=history.RARE_RULE, text=history.COMMON_WORD),
        "rule and rare word": Filter(rule=history.COMMON_RULE, text=history.RARE_WORD),
        "status of one day": Filter(
            statuses=("CANCELLED",), since=_LAST_DAY - timedelta(days=200), until=_LAST_DAY - timedelta(days=199)
        ),
        "connection and e-mail": Filter(connection="acme", email=history.HOST),
    }


def measure(bench: Bench, databases: Databases, folder: Path) -> list[Line]:
    """The median time of a page of 50 for each filter, newest first, and of a deep page beside it."""
    lines: list[Line] = []
    for kind in KINDS:
        with contextlib.ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
            store = open_store(stack.enter_context(databases.empty(kind, scratch)), pool_size=1)
            stack.callback(store.close)
            migrate(store)
            _fill(bench, store, TITLES[kind])
            lines += _measure(bench, store, TITLES[kind])
    return lines


def _fill(bench: Bench, store: Store, title: str) -> None:
    task = bench.progress.add_task(f"filters: writing events to {title}", total=bench.plan.events)
    history.fill(store, bench.plan.events, lambda written: bench.progress.advance(task, written))
    settled(store)


def _measure(bench: Bench, store: Store, title: str) -> list[Line]:
    filters = every(bench.plan.events)
    task = bench.progress.add_task(f"filters: searching {title}", total=len(filters))
    lines = []
    for name, wanted in filters.items():
        first, rows = _time(bench, store, wanted, None)
        further, more = _time(bench, store, wanted, DEEP)
        reads_all, walks = plans(store, wanted, DEEP)
        note = f"{rows} rows" + (f", deep {more}" if more else "") + ("; walks in order" if walks else "")
        lines.append(
            Line(
                f"a page of {LIMIT} of {bench.plan.events:,} events, {title}",
                name,
                "ms",
                first,
                "deep page" if more else "",
                further if more else (),
                judged=("no full scan", not reads_all and not (walks and rows < LIMIT)),
                note=note,
            )
        )
        bench.progress.advance(task)
    return lines


def _time(bench: Bench, store: Store, wanted: Filter, before: UUID | None) -> tuple[list[float], int]:
    """Milliseconds of each search, after one that is not counted; and the rows of the page."""
    looks = [look(store, wanted, before) for _ in range(bench.plan.searches + 1)]
    return [took for took, _ in looks[1:]], looks[-1][1]


def look(store: Store, wanted: Filter, before: UUID | None) -> tuple[float, int]:
    """Milliseconds of a page, and its rows."""
    start = time.perf_counter()
    with store.read() as connection:
        rows = len(page(connection, wanted, before=before, limit=LIMIT))
    return (time.perf_counter() - start) * 1000, rows


def plans(store: Store, wanted: Filter, before: UUID) -> tuple[bool, bool]:
    """Whether a statement of either page reads the whole table of events, and whether one walks an index of it."""

    def ask(connection: Connection) -> None:
        page(connection, wanted, before=None, limit=LIMIT)
        page(connection, wanted, before=before, limit=LIMIT)

    steps = explained.steps(store, ask)
    reads_all = explained.reads_all(store, "events", steps)
    if store.sqlite:
        return reads_all, any(re.match(r"SCAN events\b.*USING", step) for step in steps)
    return reads_all, any(
        re.search(r"Index (Only )?Scan Backward using uq_events_id", step) and "= ANY" not in after
        for step, after in pairwise([*steps, ""])
    )
