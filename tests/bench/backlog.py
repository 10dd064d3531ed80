"""Backlog: what it costs to take deliveries while very many that came before are no events yet, and to look at those.

No worker runs, so that the backlog stays. It has small bodies: what is measured is their number, not their weight. As
many that came a day before are events; on the other side all of them are.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from tests.bench import arrivals, explained
from tests.bench.databases import KINDS, TITLES, Kind, settled
from tests.bench.load import Sent
from tests.bench.plan import Bench
from tests.bench.report import Goal, Line
from tests.bench.servers import Running
from workers.settings import Settings
from workers.store import gauges, receipts
from workers.store.engine import Store, open_store
from workers.sweep import GRACE, LIMIT

_LEAST = 0.8
#: over which the deliveries that wait came
_SPAN = timedelta(days=1)
_BATCH = 2_000


def measure(bench: Bench) -> list[Line]:
    """On both databases, the rate and latency of accepting and the time of what sweeps and monitoring ask."""
    lines: list[Line] = []
    for kind in KINDS:
        with (
            bench.servers.daybook(kind, worker=False, before=partial(_fill, bench, kind, True)) as behind,
            bench.servers.daybook(kind, worker=False, before=partial(_fill, bench, kind, False)) as idle,
        ):
            lines += _looks(bench, kind, behind, idle)
            lines += _accept(bench, kind, behind, idle)
    return lines


def _fill(bench: Bench, kind: Kind, behind: bool, settings: Settings) -> None:
    wanted = bench.plan.waiting
    task = bench.progress.add_task(f"backlog: writing receipts to {TITLES[kind]}", total=wanted)
    began = datetime.now(UTC) - _SPAN
    webhook = arrivals.webhook(settings)
    with contextlib.closing(open_store(settings.database, pool_size=1)) as store:
        for start in range(0, wanted, _BATCH):
            times = [began + _SPAN * (number / wanted) for number in range(start, min(start + _BATCH, wanted))]
            arrivals.past(store, webhook, [at - _SPAN for at in times])
            if behind:
                waiting = [
                    arrivals.receipt(webhook, at, b'{"number":%d}' % number) for number, at in enumerate(times, start)
                ]
                receipts.keep(store, waiting)
            else:
                arrivals.past(store, webhook, times)
            bench.progress.advance(task, len(times))
        settled(store)


def _accept(bench: Bench, kind: Kind, behind: Running, idle: Running) -> list[Line]:
    def load(running: Running) -> Sent:
        bench.warm(running)
        return bench.load(running)

    turns = {"behind": partial(load, behind), "idle": partial(load, idle)}
    found = bench.alternate(f"backlog: accepting, {TITLES[kind]}", turns)
    ours, other = found["behind"], found["idle"]
    rates = [sent.per_second for sent in ours], [sent.per_second for sent in other]
    p99s = [sent.p99 for sent in ours], [sent.p99 for sent in other]
    part = _part(bench, kind)
    return [
        Line(part, "accept: 202 after fsync", "/s", rates[0], "none waits", rates[1], Goal(">=", _LEAST)),
        Line(part, "its p99", "ms", p99s[0], "none waits", p99s[1]),
    ]


def _looks(bench: Bench, kind: Kind, behind: Running, idle: Running) -> list[Line]:
    """What is asked again and again while deliveries wait, in turns with the same where none does."""
    lines = []
    with contextlib.ExitStack() as stack:
        stores = []
        for running in (behind, idle):
            assert running.settings is not None
            stores.append(open_store(running.settings.database, pool_size=1))
            stack.callback(stores[-1].close)
        for name, ask in _ASKED.items():
            times = [[_time(store, ask) for store in stores] for _ in range(bench.plan.searches + 1)][1:]
            ours, other = zip(*times, strict=True)
            reads_all = explained.reads_all(stores[0], "receipts", explained.steps(stores[0], ask))
            judged = ("no full scan", not reads_all)
            lines.append(Line(_part(bench, kind), name, "ms", ours, "none waits", other, judged=judged))
    return lines


def _sweep(sql: Connection) -> object:
    return receipts.waiting(sql, before=datetime.now(UTC) - timedelta(seconds=GRACE), limit=LIMIT)


def _gauges(sql: Connection) -> object:
    return gauges.gauges(sql, datetime.now(UTC))


_ASKED: dict[str, Callable[[Connection], object]] = {
    f"a sweep's look, {LIMIT:,} at the most": _sweep,
    "counting all of them": receipts.count_waiting,
    f"what monitoring asks, {gauges.MOST:,} at the most": _gauges,
}


def _time(store: Store, ask: Callable[[Connection], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    with store.read() as sql:
        ask(sql)
    return (time.perf_counter() - start) * 1000


def _part(bench: Bench, kind: Kind) -> str:
    return f"backlog: {bench.plan.waiting:,} deliveries wait, {TITLES[kind]}"
