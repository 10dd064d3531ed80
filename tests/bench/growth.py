"""Growth: what a long history costs beside a short one, to take a delivery and to find a page of events.

Both histories are there at once, each with a web process of its own, and take turns: a slow minute of the machine is
shared. They span the same days, so that the longer one is the denser.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from tests.bench import arrivals, filters, history
from tests.bench.databases import KINDS, TITLES, Kind, settled
from tests.bench.filters import DEEP, LIMIT
from tests.bench.load import Sent
from tests.bench.plan import Bench
from tests.bench.report import Goal, Line
from tests.bench.servers import Running
from workers.settings import Settings
from workers.store.engine import Store, open_store
from workers.store.history import Filter

_FLAT, _WITHIN = 0.9, 2.0


@dataclass(frozen=True, slots=True)
class _Pages:
    """The same page of a short history and of a long one: milliseconds of each look, and rows."""

    few: list[float]
    few_rows: int
    many: list[float]
    many_rows: int

    @property
    def alike(self) -> bool:
        """Whether they hold as many rows, so that one may be held against the other."""
        return self.few_rows == self.many_rows

    @property
    def ratio(self) -> float:
        """The long one's median to the short one's."""
        return statistics.median(self.many) / statistics.median(self.few)

    @property
    def rows(self) -> str:
        """In words."""
        return f"{self.many_rows} rows" if self.alike else f"{self.many_rows} rows for {self.few_rows}"


def measure(bench: Bench) -> list[Line]:
    """On both databases, each filter's page and the rate of accepting, in a long history and in a short one."""
    lines: list[Line] = []
    for kind in KINDS:
        with contextlib.ExitStack() as stack:
            stores, servers = {}, {}
            for size in (bench.plan.young, bench.plan.old):
                before = partial(_fill, bench, kind, size)
                running = stack.enter_context(bench.servers.daybook(kind, worker=False, before=before))
                assert running.settings is not None
                stores[size] = open_store(running.settings.database, pool_size=1)
                stack.callback(stores[size].close)
                servers[size] = running
            lines += _filters(bench, kind, stores)
            lines.append(_accept(bench, kind, servers))
    return lines


def _fill(bench: Bench, kind: Kind, size: int, settings: Settings) -> None:
    task = bench.progress.add_task(f"growth: writing events to {TITLES[kind]}", total=size)
    back = bench.progress.add_task(f"growth: writing receipts to {TITLES[kind]}", total=size)
    with contextlib.closing(open_store(settings.database, pool_size=1)) as store:
        history.fill(store, size, lambda written: bench.progress.advance(task, written))
        history.receive(store, arrivals.webhook(settings), lambda received: bench.progress.advance(back, received))
        settled(store)


def _accept(bench: Bench, kind: Kind, servers: Mapping[int, Running]) -> Line:
    def turn(running: Running) -> Sent:
        bench.warm(running)
        return bench.load(running)

    young, old = servers
    found = bench.alternate(
        f"growth: accepting, {TITLES[kind]}",
        {f"{size:,} events": partial(turn, running) for size, running in servers.items()},
    )
    few, many = found[f"{young:,} events"], found[f"{old:,} events"]
    p99s = [statistics.median(sent.p99 for sent in turns) for turns in (many, few)]
    return Line(
        _part(bench, kind),
        "accept: 202 after fsync",
        "/s",
        [sent.per_second for sent in many],
        f"{young:,} events",
        [sent.per_second for sent in few],
        Goal(">=", _FLAT),
        note=f"p99 {p99s[0]:.0f} ms, {p99s[1]:.0f} ms",
    )


def _filters(bench: Bench, kind: Kind, stores: Mapping[int, Store]) -> list[Line]:
    wanted = {size: filters.every(size) for size in stores}
    young, old = stores
    task = bench.progress.add_task(f"growth: searching {TITLES[kind]}", total=len(wanted[old]))
    lines = []
    for name in wanted[old]:
        asked = {stores[size]: wanted[size][name] for size in stores}
        first, deep = _in_turns(bench, asked, None), _in_turns(bench, asked, DEEP)
        note = f"{first.rows}; deep {deep.rows}, {deep.ratio:.2f}x"
        like = [pages.ratio <= _WITHIN for pages in (first, deep) if pages.alike]
        seen = True
        if len(like) < 2:  # a page of fewer rows costs less anywhere
            reads_all, walks = filters.plans(stores[old], wanted[old][name], DEEP)
            seen = not reads_all and not (walks and first.many_rows < LIMIT)
        judged = (f"<= {_WITHIN:g}x" if like else "no full scan", all(like) and seen)
        lines.append(
            Line(_part(bench, kind), name, "ms", first.many, f"{young:,} events", first.few, judged=judged, note=note)
        )
        bench.progress.advance(task)
    return lines


def _in_turns(bench: Bench, asked: Mapping[Store, Filter], before: UUID | None) -> _Pages:
    """The pages of both stores, after one of each that is not counted."""
    looks = [
        [filters.look(store, wanted, before) for store, wanted in asked.items()] for _ in range(bench.plan.searches + 1)
    ]
    few, many = zip(*looks[1:], strict=True)
    return _Pages([took for took, _ in few], few[-1][1], [took for took, _ in many], many[-1][1])


def _part(bench: Bench, kind: Kind) -> str:
    return f"growth: {bench.plan.old:,} events, {TITLES[kind]}"
